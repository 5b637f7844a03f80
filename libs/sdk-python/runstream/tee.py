"""The process that printed bytes pass through: on to where they went before, at once and unchanged, and as lines into a spool. It ends when nobody can
write any more, and not before: a child of the training may print longer than the training.
`python -m runstream.tee <folder> <pid> <nonce> <MB> <reading 1> <reading 2> <before 1> <before 2>`; with 0 MB
it only passes on."""
from __future__ import annotations

import codecs
import os
import select
import signal
import sys
import time
from typing import List, Optional

from .console import end_mark
from .screen import Screen
from .spool import LINE, SpoolFull, SpoolWriter
from .terminal import copy_size, is_terminal

READ_BYTES = 64 * 1024
TICK_S = 0.25


class Stream:
    def __init__(self, lines: "Lines", tag: int, reading: int, before: int, mark: bytes) -> None:
        self.reading, self.before = reading, before
        self.open, self.recorded = True, True
        self._mark = mark
        self._held = b""
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self.screen = Screen(lambda line: lines.keep(tag, line))

    def read(self) -> None:
        try:
            data = os.read(self.reading, READ_BYTES)
        except BlockingIOError:
            return
        except OSError:  # the last writer of a terminal is gone
            data = b""
        if not data:
            self._pass_on(self._held)
            self.open = False
            return self.end()
        data, self._held = self._held + data, b""
        at = data.find(self._mark)
        if at >= 0:
            self._record(data[:at])
            self._pass_on(data[:at])
            self.end()
            data = data[at + len(self._mark) :]
            return self._pass_on(data)
        if self.recorded:
            for length in range(min(len(self._mark) - 1, len(data)), 0, -1):
                if self._mark.startswith(data[-length:]):
                    data, self._held = data[:-length], data[-length:]
                    break
        self._pass_on(data)
        self._record(data)

    def _record(self, data: bytes) -> None:
        if self.recorded and data:
            self.screen.feed(self._decode(data))

    def end(self) -> None:
        if self.recorded:
            self.screen.finish()
            self.recorded = False

    def _pass_on(self, data: bytes) -> None:
        while data and self.before >= 0:
            try:
                data = data[os.write(self.before, data) :]
            except BlockingIOError:
                select.select([], [self.before], [], 1.0)
            except OSError:
                self.before = -1  # nobody reads it any more


class Lines:
    def __init__(self, folder: str, bytes_max: int) -> None:
        self._number = 0
        self._lost = 0
        self.closed = False
        self._spool: Optional[SpoolWriter] = None
        if bytes_max == 0:
            return
        try:
            self._spool = SpoolWriter(folder, bytes_max)
        except OSError as error:  # what is printed is passed on all the same
            print("printed lines are not kept: %s" % error, file=sys.stderr, flush=True)

    def keep(self, tag: int, line: str) -> None:
        if self.closed or self._spool is None:
            return
        try:
            if self._lost:
                self._append(1, "[runstream: %d printed lines were not kept, the spool was full]" % self._lost)
                self._lost = 0
            self._append(tag, line)
        except SpoolFull:
            self._lost += 1

    def _append(self, tag: int, line: str) -> None:
        self._spool.append(LINE, tag, time.time_ns() // 1_000_000, self._number + 1, line.encode("utf-8", "replace"))
        self._number += 1
        if self._spool.wants_next.is_set():
            self._spool.prepare()

    def close(self, folder: str) -> None:
        if not self.closed:
            self.closed = True
            if self._spool is not None:
                self._spool.close()
            os.close(os.open(os.path.join(folder, "closed"), os.O_WRONLY | os.O_CREAT, 0o600))


def main(arguments: List[str]) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)  # the training decides when it ends; its last words must come through
    folder, pid, nonce, megabytes = arguments[0], int(arguments[1]), arguments[2], int(arguments[3])
    fds = [int(word) for word in arguments[4:8]]
    lines = Lines(folder, megabytes * 1024 * 1024)
    streams = [Stream(lines, tag, fds[tag], fds[2 + tag], end_mark(nonce)) for tag in (0, 1)]
    quiet_since = ticked_at = time.monotonic()
    while any(stream.open for stream in streams):
        ready = _wait([stream for stream in streams if stream.open])
        for stream in ready:
            stream.read()
        now = time.monotonic()
        if ready:
            quiet_since = now
        if not any(stream.recorded for stream in streams) or (os.getppid() != pid and now - quiet_since > 1.0):
            for stream in streams:
                stream.end()
            lines.close(folder)
        if now - ticked_at >= TICK_S:
            ticked_at = now
            for stream in streams:
                if stream.recorded:
                    stream.screen.tick()
                if stream.open and is_terminal(stream.reading) and stream.before >= 0:
                    copy_size(stream.before, stream.reading)
    lines.close(folder)


def _wait(streams: List[Stream]) -> List[Stream]:
    poller = select.poll()
    for stream in streams:
        poller.register(stream.reading, select.POLLIN)
    found = {fd for fd, _ in poller.poll(TICK_S * 1_000)}
    return [stream for stream in streams if stream.reading in found]


if __name__ == "__main__":
    main(sys.argv[1:])
