"""Files that log_artifact() is given: which they are, and a copy of each as it was at that moment."""
from __future__ import annotations

import os
import stat
from typing import Callable, Iterator, Set, Tuple

PIECE_BYTES = 8 * 1024 * 1024


class NotAFile(Exception):
    """Something that has no bytes to keep: a pipe, a socket, a device, a link to nowhere."""


def look_at(path: str) -> os.stat_result:
    try:
        found = os.stat(path)
    except FileNotFoundError:
        if os.path.islink(path):
            raise NotAFile("a link to %s, where nothing is" % os.readlink(path)) from None
        raise
    if not stat.S_ISREG(found.st_mode):
        kinds = ((stat.S_ISFIFO, "a pipe"), (stat.S_ISSOCK, "a socket"), (stat.S_ISDIR, "a folder"))
        raise NotAFile(next((name for test, name in kinds if test(found.st_mode)), "a device") + ", not a file")
    return found


def files_of(path: str, base: str, skipped: Callable[[str, object], None]) -> Iterator[Tuple[str, str]]:
    """(path, name) of every file under a folder, in order of name. Links are followed, but not in circles. What can't be read is given to
    `skipped` and loses only itself."""
    yield from _walk(path, base, skipped, {os.path.realpath(path)})


def _walk(folder: str, base: str, skipped: Callable[[str, object], None], above: Set[str]) -> Iterator[Tuple[str, str]]:
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        return skipped(base, error)
    for name in names:
        path, label = os.path.join(folder, name), "%s/%s" % (base, name)
        if os.path.isdir(path):
            real = os.path.realpath(path)
            if real in above:
                skipped(label, "a link to a folder that it is in")
            else:
                yield from _walk(path, label, skipped, above | {real})
        else:
            yield path, label


def copy_as_it_is(source: str, kept: str) -> int:
    """Copies as many bytes as the file has now, whatever is appended meanwhile; how many."""
    look_at(source)
    fd = os.open(source, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    try:
        size = os.fstat(fd).st_size
        out = os.open(kept, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            return _copy(fd, out, size)
        except BaseException:
            os.unlink(kept)
            raise
        finally:
            os.close(out)
    finally:
        os.close(fd)


def _copy(fd: int, out: int, size: int) -> int:
    done = 0
    fast = hasattr(os, "copy_file_range")
    while done < size:
        want = min(size - done, 1 << 30 if fast else PIECE_BYTES)
        if fast:
            try:
                moved = os.copy_file_range(fd, out, want)
            except OSError:
                if done:
                    raise
                fast = False  # between these two file systems it can't be done
                continue
        else:
            piece = os.read(fd, want)
            moved = len(piece)
            while piece:
                piece = piece[os.write(out, piece) :]
        if moved == 0:
            break  # it has been cut short meanwhile
        done += moved
    if done == 0 and size == 0:
        # some files say no size and still have bytes (/proc)
        while True:
            piece = os.read(fd, PIECE_BYTES)
            if not piece or done > (1 << 30):
                break
            done += os.write(out, piece)
    return done
