"""Which start of a job this is. Launchers name a job, and the same name comes again: a second launch that claims a rank which is taken is not the
same start. Ranks claim themselves in a file beside the spool; the numbers of runs that a process begins are counted here too."""
from __future__ import annotations

import hashlib
import json
import os
import socket
import time
import uuid
from typing import Any, Dict, Tuple

JOIN_S = 900.0
"""A rank of another machine may come so long after the first one."""
FORGET_S = 14 * 86_400.0

_claimed: Dict[str, str] = {}
_begun: Dict[str, int] = {}


def nth(name: str) -> int:
    """How often this process has begun a run of this name, this time included."""
    _begun[name] = _begun.get(name, 0) + 1
    return _begun[name]


def instance(root: str, launch: str, rank: int) -> str:
    """A name for this start of the launch, the same in all its ranks; empty for the first, and where nothing can be written down."""
    if launch not in _claimed:
        try:
            _claimed[launch] = _claim(os.path.join(root, "claims"), launch, rank)
        except (OSError, ValueError):
            _claimed[launch] = ""
    return _claimed[launch]


def _claim(folder: str, launch: str, rank: int) -> str:
    os.makedirs(folder, mode=0o700, exist_ok=True)
    path = os.path.join(folder, hashlib.sha256(launch.encode()).hexdigest()[:32])
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _lock(fd)
        with os.fdopen(os.dup(fd), "r+", encoding="utf-8") as file:
            known: Dict[str, Any] = json.loads(file.read() or "{}")
            if not known or str(rank) in known["ranks"] or not _is_going_on(known):
                known = {"name": uuid.uuid4().hex[:8] if known else "", "at": time.time(), "ranks": {}}
            known["ranks"][str(rank)] = [socket.gethostname(), *_process(os.getpid())]
            file.seek(0)
            file.truncate()
            file.write(json.dumps(known))
    finally:
        os.close(fd)
    forget_old(folder)
    return str(known["name"])


def _is_going_on(known: Dict[str, Any]) -> bool:
    here = socket.gethostname()
    others = [(host, pid, began) for host, pid, began in known["ranks"].values()]
    if any(host == here and _process(pid) == (pid, began) for host, pid, began in others):
        return True
    return time.time() - known["at"] < (JOIN_S if any(host != here for host, _, _ in others) else 60.0)


def _process(pid: int) -> Tuple[int, str]:
    """A process and when it began, which tells it from a later one of the same number."""
    try:
        with open("/proc/%d/stat" % pid) as file:
            return pid, file.read().rsplit(")", 1)[1].split()[19]
    except OSError:
        pass
    try:
        os.kill(pid, 0)
        return pid, ""
    except PermissionError:
        return pid, ""
    except OSError:
        return pid, "gone"


def _lock(fd: int) -> None:
    try:
        import fcntl
    except ImportError:
        return  # no such locks here
    for _ in range(50):
        try:
            return fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            time.sleep(0.02)


def forget_old(folder: str) -> None:
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        try:
            if time.time() - os.stat(path).st_mtime > FORGET_S:
                os.unlink(path)
        except OSError:
            continue
