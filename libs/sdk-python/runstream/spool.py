"""The spool: what log() appends to and the sender reads. Files of fixed size, mapped into memory by the one training process that owns the
folder, so that an append is a copy in memory that the kernel keeps whatever happens to the process.

Promise: a record whose append returned survives the death of the process (kill -9 too). It is not flushed for a power cut.

A record is 16 bytes of head (length of the body, CRC-32 of what follows the first 8 bytes, kind, keyset) and a body padded to 8 bytes. The head's
length and CRC are written last; a zero length is the end so far. A position is segment * SEGMENT_BYTES + offset.
"""
from __future__ import annotations

import json
import mmap
import os
import struct
import threading
import time
import zlib
from typing import Dict, Iterator, List, NamedTuple, Optional, Tuple

SEGMENT_BYTES = 8 * 1024 * 1024
HEAD_BYTES = 16
RECORD_BYTES_MAX = 900 * 1024
KEYS_PER_ROW_MAX = 5_000
KEY_BYTES_PER_ROW_MAX = 256 * 1024
ROW, EVENT, LINE, ARTIFACT, DROPPED, END, VALUE = 1, 2, 3, 4, 5, 6, 7
COUNTED = 1 << 31  # in the keyset of a row, in the tag of a value: its step was counted by the run itself, and goes on behind what the run has already
RETRY_S = 0.25
FULL_RESERVE_BYTES = SEGMENT_BYTES  # kept for the end of the run when the spool has reached its limit

_commit = struct.Struct("@II")
_head = struct.Struct("@IIHHI")
_row_head = struct.Struct("@qq")


def segment_path(folder: str, index: int) -> str:
    return os.path.join(folder, "%08d.seg" % index)


def segments(folder: str) -> List[int]:
    return sorted(int(name[:-4]) for name in os.listdir(folder) if name.endswith(".seg"))


class State:
    """64 shared bytes: how far the training process and the sender are. Each field has one writer."""

    WRITTEN, ACKED, CLOSED, DONE, TROUBLE, ACKED_RECORDS, ATTEMPT = range(7)

    def __init__(self, folder: str, create: bool = False) -> None:
        path = os.path.join(folder, "state")
        fd = os.open(path, os.O_RDWR | (os.O_CREAT if create else 0), 0o600)
        try:
            if create:
                os.write(fd, bytes(64))
            self._map = mmap.mmap(fd, 64)
        finally:
            os.close(fd)
        self._cells = memoryview(self._map).cast("Q")

    def __getitem__(self, field: int) -> int:
        return self._cells[field]

    def __setitem__(self, field: int, value: int) -> None:
        self._cells[field] = value

    def close(self) -> None:
        self._cells.release()
        self._map.close()


class SpoolFull(Exception):
    """The limit is reached, or the disk is full."""


class SpoolWriter:
    """Not for several threads at once: the run holds a lock. `prepare` may run beside, on another thread."""

    def __init__(self, folder: str, bytes_max: int) -> None:
        self.folder = folder
        self.bytes_max = bytes_max
        self.position = 0
        self._index = 0
        self._offset = 0
        self._next: Optional[mmap.mmap] = None
        self._refused: Optional[str] = None
        self._refused_at = 0.0
        self._prepare_lock = threading.Lock()
        self.wants_next = threading.Event()
        self._map = self._allocate(0)
        self._view = memoryview(self._map)

    def _allocate(self, index: int) -> mmap.mmap:
        path = segment_path(self.folder, index)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            # real blocks: a sparse file on a full disk would kill the process at the first touch
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(fd, 0, SEGMENT_BYTES)
            else:
                for _ in range(SEGMENT_BYTES // 65536):
                    os.write(fd, bytes(65536))
            area = mmap.mmap(fd, SEGMENT_BYTES)
        except OSError:
            os.unlink(path)
            raise
        finally:
            os.close(fd)
        try:
            area.madvise(23)  # MADV_POPULATE_WRITE, Linux 5.14: no page faults in log()
        except (OSError, ValueError, AttributeError):
            pass  # only a matter of speed
        return area

    def prepare(self) -> None:
        """Makes the next segment ready, off the hot path."""
        with self._prepare_lock:
            kept = len(segments(self.folder)) * SEGMENT_BYTES
            if self._next is None and kept + FULL_RESERVE_BYTES <= self.bytes_max:
                try:
                    self._next = self._allocate(self._index + 1)
                except OSError:
                    pass  # _roll meets the same trouble, and says so
        self.wants_next.clear()

    def _roll(self, urgent: bool) -> None:
        # a full disk is asked again now and then, not at each record: it takes milliseconds to say no
        if self._refused is not None and not urgent and time.monotonic() - self._refused_at < RETRY_S:
            raise SpoolFull(self._refused)
        kept = len(segments(self.folder)) * SEGMENT_BYTES
        if self._next is None and kept + (0 if urgent else FULL_RESERVE_BYTES) > self.bytes_max:
            raise SpoolFull("the spool holds %d MB, its limit" % (kept >> 20))
        with self._prepare_lock:
            try:
                area, self._next = self._next or self._allocate(self._index + 1), None
            except OSError as error:
                self._refused, self._refused_at = str(error), time.monotonic()
                raise SpoolFull(str(error)) from error
            self._refused = None
        if self._offset + HEAD_BYTES <= SEGMENT_BYTES:
            _head.pack_into(self._view, self._offset, 0, 0, END, 0, 0)
            _commit.pack_into(self._view, self._offset, 8, zlib.crc32(self._view[self._offset + 8 : self._offset + 24]))
        self._view.release()
        self._map.close()
        self._index += 1
        self._offset = 0
        self._map = area
        self._view = memoryview(area)

    def room(self, total: int, urgent: bool = False) -> int:
        """Offset at which `total` bytes fit, with an end mark behind them; throws SpoolFull."""
        if self._offset + total + 24 > SEGMENT_BYTES:
            self._roll(urgent)
        return self._offset

    def append_row(self, pack: struct.Struct, keyset: int, step: int, time_ms: int, values) -> None:
        total = pack.size
        offset = self._offset
        if offset + total + 24 > SEGMENT_BYTES:
            offset = self.room(total)
        view = self._view
        try:
            pack.pack_into(view, offset, 0, 0, ROW, 0, keyset, step, time_ms, *values)
        except Exception:
            view[offset : offset + total] = bytes(total)  # nothing half written stays behind the last record
            raise
        _commit.pack_into(view, offset, total - 16, zlib.crc32(view[offset + 8 : offset + total]))
        self._offset = offset = offset + total
        self.position = self._index * SEGMENT_BYTES + offset
        if offset > SEGMENT_BYTES >> 1 and self._next is None:
            self.wants_next.set()

    def append(self, kind: int, tag: int, first: int, second: int, body: bytes, urgent: bool = False) -> None:
        """Any other record; `first` and `second` are a time and a number."""
        length = 16 + len(body)
        total = HEAD_BYTES + length + (-length) % 8
        offset = self.room(total, urgent)
        view = self._view
        _head.pack_into(view, offset, 0, 0, kind, 0, tag)
        _row_head.pack_into(view, offset + HEAD_BYTES, first, second)
        view[offset + 32 : offset + 32 + len(body)] = body
        _commit.pack_into(view, offset, length, zlib.crc32(view[offset + 8 : offset + HEAD_BYTES + length]))
        self._offset = offset + total
        self.position = self._index * SEGMENT_BYTES + self._offset

    def close(self) -> None:
        self._view.release()
        self._map.close()
        with self._prepare_lock:
            if self._next is not None:
                self._next.close()
                os.unlink(segment_path(self.folder, self._index + 1))
                self._next = None


def row_struct(key_count: int) -> struct.Struct:
    return struct.Struct("@IIHHIqq%dd" % key_count)


class Record(NamedTuple):
    kind: int
    tag: int
    body: memoryview
    end: int


class SpoolReader:
    """Reads committed records, also while the writer appends. Bytes after the last committed record are not looked at."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self._index = -1
        self._map: Optional[mmap.mmap] = None
        self._view = memoryview(b"")
        self._keysets: Dict[int, List[str]] = {}
        self._keys_read = 0

    def _open(self, index: int) -> bool:
        if index == self._index:
            return True
        try:
            fd = os.open(segment_path(self.folder, index), os.O_RDONLY)
        except FileNotFoundError:
            return False
        try:
            area = mmap.mmap(fd, 0, access=mmap.ACCESS_READ)
        finally:
            os.close(fd)
        # the old map is closed by the garbage collector once no record of it is in use
        self._index, self._map, self._view = index, area, memoryview(area)
        return True

    def scan(self, position: int, stop: Optional[int] = None) -> Iterator[Record]:
        while stop is None or position < stop:
            index, offset = divmod(position, SEGMENT_BYTES)
            if not self._open(index) or offset + HEAD_BYTES > SEGMENT_BYTES:
                return
            view = self._view
            length, crc, kind, _, tag = _head.unpack_from(view, offset)
            if length == 0 or offset + HEAD_BYTES + length > SEGMENT_BYTES:
                return
            # a head seen before its body (other processors' order of stores), or torn by a kill: not there (yet)
            if zlib.crc32(view[offset + 8 : offset + HEAD_BYTES + length]) != crc:
                return
            if kind == END:
                position = (index + 1) * SEGMENT_BYTES
                continue
            position += HEAD_BYTES + length + (-length) % 8
            yield Record(kind, tag, view[offset + HEAD_BYTES : offset + HEAD_BYTES + length], position)

    def keys(self, keyset: int) -> List[str]:
        if keyset not in self._keysets:
            with open(os.path.join(self.folder, "keys"), "rb") as file:
                file.seek(self._keys_read)
                for line in file:
                    if not line.endswith(b"\n"):
                        break
                    self._keys_read += len(line)
                    number, keys = json.loads(line)
                    self._keysets[number] = keys
        return self._keysets[keyset]

    def forget_before(self, position: int) -> None:
        """Deletes segments that lie wholly before the position."""
        for index in segments(self.folder):
            if index < position // SEGMENT_BYTES:
                os.unlink(segment_path(self.folder, index))


def row_parts(body: memoryview) -> Tuple[int, int]:
    return _row_head.unpack_from(body, 0)
