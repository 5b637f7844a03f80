"""Samples in the form of the spool, in a folder of their own beside it: the sender reads, numbers and delivers them as it does what was logged. One write per
sample, and another sender goes on where one that was killed has stopped."""
from __future__ import annotations

import json
import os
import zlib
from typing import Dict, Tuple

from .spool import END, HEAD_BYTES, ROW, SEGMENT_BYTES, SpoolReader, _commit, _head, row_parts, row_struct, segment_path, segments

SEGMENTS_MAX = 8
"""Samples of weeks; a server that is away for longer gets no more of them."""


class NoRoom(Exception):
    """As many samples wait as may."""


class SampleWriter:
    def __init__(self, folder: str) -> None:
        self._folder = folder
        os.makedirs(folder, mode=0o700, exist_ok=True)
        self._keysets: Dict[Tuple[str, ...], int] = {}
        self._keys_path = os.path.join(folder, "keys")
        self._read_keys()
        self.last_step = -1
        self._index = (segments(folder) or [0])[0]
        position = self._index * SEGMENT_BYTES
        for kind, _, body, position in SpoolReader(folder).scan(position):
            if kind == ROW:
                self.last_step = row_parts(body)[0]
        self._index, self._offset = divmod(position, SEGMENT_BYTES)
        self._file = self._open(self._index)

    def _read_keys(self) -> None:
        """A line that a kill has cut short goes."""
        try:
            with open(self._keys_path, "rb+") as file:
                lines = file.read().split(b"\n")
                file.truncate(sum(len(line) + 1 for line in lines[:-1]))
        except FileNotFoundError:
            return
        for line in lines[:-1]:
            number, keys = json.loads(line)
            self._keysets[tuple(keys)] = number

    def _open(self, index: int) -> int:
        # as long as a reader's map of it; what is not written takes no space
        file = os.open(segment_path(self._folder, index), os.O_RDWR | os.O_CREAT, 0o600)
        os.ftruncate(file, SEGMENT_BYTES)
        return file

    def append(self, step: int, time_ms: int, values: Dict[str, float]) -> None:
        """Throws OSError when the disk is full, NoRoom when too much waits; the sample is not kept then."""
        keys = tuple(values)
        number = self._keysets.get(keys)
        if number is None:
            number = len(self._keysets) + 1
            with open(self._keys_path, "ab") as file:
                file.write(json.dumps([number, keys]).encode() + b"\n")
            self._keysets[keys] = number
        pack = row_struct(len(keys))
        record = bytearray(pack.pack(0, 0, ROW, 0, number, step, time_ms, *values.values()))
        _commit.pack_into(record, 0, pack.size - HEAD_BYTES, zlib.crc32(record[8:]))
        if self._offset + pack.size + 24 > SEGMENT_BYTES:
            self._roll()
        self._write(record)
        self._offset += len(record)
        self.last_step = step

    def _roll(self) -> None:
        if len(segments(self._folder)) >= SEGMENTS_MAX:
            raise NoRoom("%d MB of samples wait" % (SEGMENTS_MAX * SEGMENT_BYTES >> 20))
        end = bytearray(HEAD_BYTES + 8)
        _head.pack_into(end, 0, 0, 0, END, 0, 0)
        _commit.pack_into(end, 0, 8, zlib.crc32(end[8:]))
        file = self._open(self._index + 1)
        self._write(end)
        os.close(self._file)
        self._file, self._index, self._offset = file, self._index + 1, 0

    def _write(self, record: bytearray) -> None:
        if os.pwrite(self._file, record, self._offset) < len(record):
            os.pwrite(self._file, bytes(len(record)), self._offset)
            raise OSError("the disk is full")

    def close(self) -> None:
        os.close(self._file)
