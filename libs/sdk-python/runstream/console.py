"""What is printed goes where it went before, and a copy of its lines into the run.

Where nobody else stands between (a script, a rank of a job) file descriptors 1 and 2 lead through a process of their own (tee.py): what C code and
child processes write is kept too, in its order, and what is written is passed on even when this process dies. In a notebook, under pytest or a
debugger, where sys.stdout is somebody else's, only what is written to sys.stdout and sys.stderr is seen."""
from __future__ import annotations

import os
import select
import subprocess
import sys
import threading
import time
import uuid
from typing import TYPE_CHECKING, Any, Callable, List, Optional

from . import exit_code
from .screen import Screen
from .spool import LINE

if TYPE_CHECKING:
    from .run import Run

STREAMS = ("stdout", "stderr")
STOP_PATIENCE_S = 5.0
PIPE_BYTES = 1024 * 1024


def capture_console(run: "Run") -> Any:
    if _nobody_between():
        try:
            return Descriptors(run)
        except Exception as error:
            run._say("console", "what child processes and C code print is not kept (%s)" % error)
    return Streams(run)


def _nobody_between() -> bool:
    if os.name != "posix" or sys.flags.interactive or hasattr(sys, "ps1") or "ipykernel" in sys.modules or sys.gettrace() is not None:
        return False
    try:
        return all(getattr(sys, name) is getattr(sys, "__%s__" % name) and getattr(sys, name).fileno() == fd for fd, name in ((1, "stdout"), (2, "stderr")))
    except Exception:
        return False


class Streams:
    """sys.stdout and sys.stderr alone."""

    def __init__(self, run: "Run") -> None:
        self._run = run
        self._tees: List[Any] = []
        for tag, name in enumerate(STREAMS):
            stream = getattr(sys, name)
            if stream is not None:
                tee = Tee(stream, lambda line, tag=tag: run._append(LINE, tag, 0, line.encode("utf-8", "replace")))
                setattr(sys, name, tee)
                self._tees.append((name, tee, stream))

    def tick(self) -> None:
        for _, tee, _ in self._tees:
            tee.tick()

    def stop(self) -> None:
        for name, tee, stream in self._tees:
            tee.finish()
            if getattr(sys, name) is tee:
                setattr(sys, name, stream)

    def leave_to_parent(self) -> None:
        for _, tee, _ in self._tees:
            tee.leave_to_parent()


class Tee:
    def __init__(self, stream: Any, keep: Callable[[str], None]) -> None:
        self._stream = stream
        self._keep = keep
        self.leave_to_parent()

    def leave_to_parent(self) -> None:
        self._lock = threading.RLock()
        self._screen = Screen(self._keep)

    def write(self, text: str) -> Any:
        written = self._stream.write(text)
        if isinstance(text, str):
            self.take(text)
        return written

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def take(self, text: str) -> None:
        try:
            with self._lock:
                self._screen.feed(text)
        except Exception:  # law 7: printing goes on
            self._screen = Screen(self._keep)

    def tick(self) -> None:
        with self._lock:
            self._screen.tick()

    def finish(self) -> None:
        with self._lock:
            self._screen.finish()

    @property
    def buffer(self) -> Any:
        return _Bytes(self._stream.buffer, self)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class _Bytes:
    """sys.stdout.buffer"""

    def __init__(self, buffer: Any, tee: Tee) -> None:
        self._buffer = buffer
        self._tee = tee

    def write(self, data: Any) -> Any:
        written = self._buffer.write(data)
        self._tee.take(bytes(data).decode("utf-8", "replace"))
        return written

    def __getattr__(self, name: str) -> Any:
        return getattr(self._buffer, name)


class Descriptors:
    """File descriptors 1 and 2 lead through a tee. This process keeps the reading ends too, so that a tee that was killed breaks no pipe."""

    def __init__(self, run: "Run") -> None:
        from . import terminal
        from .start import Beside

        self._run = run
        self._pid = os.getpid()
        self._folder = os.path.join(run._folder, "console")
        self._nonce = uuid.uuid4().hex
        self._stopped = False
        self._lock = threading.Lock()
        os.mkdir(self._folder, 0o700)
        for name in STREAMS:
            getattr(sys, name).flush()
        exit_code.flush_c_streams()
        self._before = [os.dup(1), os.dup(2)]
        ends: List[Any] = []
        try:
            for fd in self._before:
                ends.append(terminal.open_like(fd) if os.isatty(fd) else _open_pipe())
            self._reading = [reading for reading, _ in ends]
            self._writing = [writing for _, writing in ends]
            self._tee = self._start(Beside, run._settings["spool_mb_max"])
        except BaseException:
            for fd in [*self._before, *(fd for pair in ends for fd in pair)]:
                os.close(fd)
            raise
        for fd, writing in zip((1, 2), self._writing):
            os.dup2(writing, fd, inheritable=True)
        self._flush_at_newline()

    def _start(self, beside: Any, spool_mb_max: int) -> Any:
        package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        code = "import sys; sys.path.insert(0, %r); from runstream.tee import main; main(sys.argv[1:])" % package
        fds = [*self._reading, *self._before]
        words = [sys.executable, "-S", "-c", code, self._folder, str(self._pid), self._nonce, str(spool_mb_max), *map(str, fds)]
        with open(os.path.join(self._run._folder, "tee.log"), "ab") as log:
            return beside(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=fds, start_new_session=True, cwd="/")

    def _flush_at_newline(self) -> None:
        """A line is seen when it is printed, not when 8 KB of them are together."""
        self._was: Optional[bool] = None
        try:
            self._was = sys.stdout.line_buffering
            sys.stdout.reconfigure(line_buffering=True)
        except Exception:
            pass  # a stdout of another kind

    def tick(self) -> None:
        self._say_trouble()
        with self._lock:
            self._see_to_tee()

    def _see_to_tee(self) -> None:
        """Another one goes on where the killed one stopped, so that what is printed stays in its order: no line is kept any more, none is held up."""
        from .start import Beside

        if self._stopped or self._tee.poll() is None:
            return
        try:
            self._tee = self._start(Beside, spool_mb_max=0)
            self._run._say("console", "what keeps printed lines has ended; they are passed on and not kept")
        except Exception as error:
            self._restore()
            self._run._say("console", "what keeps printed lines has ended; they go out directly and are not kept (%s)" % error)
            self._stopped = True
            for reading, before in zip(self._reading, self._before):
                threading.Thread(target=_pass_on, args=(reading, before), daemon=True).start()

    def _say_trouble(self) -> None:
        try:
            with open(os.path.join(self._run._folder, "tee.log"), encoding="utf-8", errors="replace") as file:
                said = file.read(500).strip()
        except OSError:
            return
        if said:
            self._run._say("tee", said)

    def _restore(self) -> None:
        for name in STREAMS:
            try:
                getattr(sys, name).flush()
            except Exception:
                pass
        exit_code.flush_c_streams()
        for fd, writing, before in zip((1, 2), self._writing, self._before):
            try:
                ours, there = os.fstat(writing), os.fstat(fd)
                if (ours.st_dev, ours.st_ino) == (there.st_dev, there.st_ino):  # else somebody has led it elsewhere since
                    os.dup2(before, fd, inheritable=True)
            except OSError:
                pass  # closed

    def stop(self) -> None:
        """Everything printed so far is in the spool, in its order, when this returns."""
        with self._lock:
            self._see_to_tee()
            if self._stopped:
                return
            self._stopped = True
        self._restore()
        try:
            if self._was is False:
                sys.stdout.reconfigure(line_buffering=False)
        except Exception:
            pass
        for writing in self._writing:
            try:
                poller = select.poll()
                poller.register(writing, select.POLLOUT)
                if poller.poll(1_000):  # else it is full: the end of the pipe will do
                    os.write(writing, end_mark(self._nonce))
            except OSError:
                pass  # the tee is gone
            os.close(writing)
        ends = time.monotonic() + STOP_PATIENCE_S
        while not os.path.exists(os.path.join(self._folder, "closed")) and self._tee.poll() is None and time.monotonic() < ends:
            time.sleep(0.002)
        for fd in [*self._reading, *self._before]:
            os.close(fd)

    def leave_to_parent(self) -> None:
        """What a forked child prints goes the same way as before: the tee is the parent's."""
        self._lock = threading.Lock()
        self._stopped = True


def end_mark(nonce: str) -> bytes:
    return b"\x1b]runstream-end-" + nonce.encode() + b"\x07"


def _open_pipe() -> Any:
    reading, writing = os.pipe()
    try:
        import fcntl

        fcntl.fcntl(writing, 1031, PIPE_BYTES)  # F_SETPIPE_SZ
    except (ImportError, OSError):
        pass  # smaller, then
    return reading, writing


def _pass_on(reading: int, before: int) -> None:
    try:
        while True:
            data = os.read(reading, 65_536)
            if not data:
                return
            while data:
                data = data[os.write(before, data) :]
    except OSError:
        return
