"""Whether the training process is gone, and how it ended, as far as can be seen from beside it."""
from __future__ import annotations

import os
import signal
import time
from typing import Any, Dict, List, Optional

from . import exit_code
from .locks import is_held
from .spool import State

LOOK_S = 0.02
_signals: List[str] = []


def ignore_signals(folder: str) -> None:
    """A scheduler that stops a job signals all its processes: the sender goes on, it has the last words to deliver, and knows why now."""

    def note(number: int, frame: Any) -> None:
        name = exit_code.signal_name(number)
        if name not in _signals:
            _signals.append(name)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2):
        try:
            signal.signal(number, note)
        except (ValueError, OSError):
            pass  # not here


class Gone:
    def __init__(self, folder: str, parent: int, meta: Dict[str, Any], shared: State) -> None:
        self._folder = folder
        self._parent = parent
        self._meta = meta
        self._shared = shared
        self.since: Optional[float] = None
        self._died_of = ""
        self._code: Optional[int] = None
        self._looked_at = 0.0
        self._seen_alive = True
        try:
            # stays readable when the folder is removed
            self._exit_fd = os.open(os.path.join(folder, exit_code.NAME), os.O_RDONLY)
        except OSError:
            self._exit_fd = -1

    def alive(self) -> bool:
        if not self._parent:
            return is_held(os.path.join(self._folder, "owner"))
        if os.getppid() != self._parent:
            return False
        now = time.monotonic()
        if now - self._looked_at >= LOOK_S:
            self._looked_at, self._seen_alive = now, not self._is_zombie()
        return self._seen_alive

    def _is_zombie(self) -> bool:
        try:
            with open("/proc/%d/stat" % self._parent) as file:
                fields = file.read().rsplit(")", 1)[1].split()
        except (OSError, IndexError):
            return False
        if fields[0] != "Z":
            return False
        status = int(fields[49]) if len(fields) > 49 else 0
        # the parent of the training process has not asked yet how it ended
        if status & 0x7F:
            self._died_of = exit_code.signal_name(status & 0x7F)
        elif len(fields) > 49:
            self._code = status >> 8
        return True

    def looked(self) -> bool:
        """Whether nothing is logged any more."""
        if self._parent and not self._shared[State.CLOSED] and self.alive():
            return False
        if self.since is None:
            self.since = time.monotonic()
        return True

    def for_longer_than(self, seconds: float) -> bool:
        return self.since is not None and time.monotonic() - self.since > seconds

    def ending(self) -> Dict[str, Any]:
        """Of a process that has not said how it ends."""
        if self._meta.get("joined"):
            # a worker of another process, which says how the run went; pools end their workers this way
            return {"state": "finished", "reason": "", "exitCode": 0}
        code = exit_code.read(self._exit_fd) if self._exit_fd >= 0 else None
        if code is None:
            code = self._code
        if code is not None:
            return self._by_code(code)
        signals = [self._died_of] if self._died_of else _signals
        if signals:
            name = signals[0]
            number = getattr(signal, name, 0)
            return {"state": "killed", "reason": "the process was ended by %s" % " and ".join(signals), "exitCode": 128 + int(number)}
        return {"state": "killed", "reason": "the process ended without a word: killed (SIGKILL, SIGTERM, out of memory, a crash in C code) or os._exit", "exitCode": 137}

    def correction(self, said_failed: bool) -> Optional[Dict[str, Any]]:
        code = exit_code.read(self._exit_fd) if self._exit_fd >= 0 else None
        return None if code is None or (code != 0) == said_failed else self._by_code(code)

    def _by_code(self, code: int) -> Dict[str, Any]:
        if code == 0:
            return {"state": "finished", "reason": "", "exitCode": 0}
        said = exit_code.hinted(self._folder, code)
        if said is not None:
            return said
        killed = 128 < code < 160
        reason = "exit code %d" % code + (" (%s)" % exit_code.signal_name(code - 128) if killed else "")
        return {"state": "killed" if killed else "failed", "reason": reason, "exitCode": code}

    def at_ms(self, state: Dict[str, Any]) -> int:
        """Of a spool that was found later: when something was last written there."""
        if self._parent:
            return time.time_ns() // 1_000_000
        times = [os.stat(os.path.join(self._folder, name)).st_mtime for name in os.listdir(self._folder) if name.endswith(".seg") or name == "state"]
        return int(max(times, default=time.time()) * 1000)
