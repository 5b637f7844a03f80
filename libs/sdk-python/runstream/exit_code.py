"""The exit code of this process, written down by the C library itself as the process ends: nothing in Python sees `raise SystemExit(2)` go by,
and no other process may ask for it. Where the C library can't (musl, macOS, Windows) sys.exit alone is seen."""
from __future__ import annotations

import json
import os
import signal
from typing import Any, Dict, Optional

NAME = "exit-code"
_libc: Any = None
_files: list = []


def write_down_in(folder: str) -> None:
    """exit() calls fputc(status, file): one byte, when all else of the process is done."""
    global _libc
    try:
        import ctypes

        _libc = _libc or ctypes.CDLL(None)
        on_exit, fputc = _libc.on_exit, _libc.fputc
        _libc.fopen.restype = ctypes.c_void_p
        _libc.freopen.restype = ctypes.c_void_p
        file = _libc.fopen(os.fsencode(os.path.join(folder, NAME)), b"we")
        if file:
            on_exit(fputc, ctypes.c_void_p(file))
            _files.append(ctypes.c_void_p(file))
    except Exception:
        pass  # another C library


def leave_to_parent() -> None:
    """In a forked child: its exit is not the parent's."""
    try:
        for file in _files:
            _libc.freopen(b"/dev/null", b"we", file)
    except Exception:
        pass
    _files.clear()


def flush_c_streams() -> None:
    """What C code has printed and not yet written."""
    try:
        if _libc is not None:
            _libc.fflush(None)
    except Exception:
        pass


def read(fd: int) -> Optional[int]:
    """None: the process never came to exit()."""
    try:
        said = os.pread(fd, 1, 0)
    except OSError:
        return None
    return said[0] if said else None


def hint(folder: str, data: Dict[str, Any]) -> None:
    """What the last sys.exit() was given: counts if the exit code turns out to be its."""
    try:
        with open(os.path.join(folder, "exit-said"), "w", encoding="utf-8") as file:
            json.dump(data, file)
    except OSError:
        pass  # the number alone, then


def hinted(folder: str, code: int) -> Optional[Dict[str, Any]]:
    try:
        with open(os.path.join(folder, "exit-said"), encoding="utf-8") as file:
            said: Dict[str, Any] = json.load(file)
        return said if said["exitCode"] == code else None
    except (OSError, ValueError, KeyError):
        return None


def signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "signal %d" % number
