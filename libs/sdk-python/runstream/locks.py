"""A file held as long as this process lives."""
from __future__ import annotations

import os


def lock_file(path: str) -> int:
    """Throws BlockingIOError when another process holds it."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        import fcntl

        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except ImportError:
        pass  # no such locks here
    except BlockingIOError:
        os.close(fd)
        raise
    except OSError:
        pass  # a file system without locks (some NFS, Lustre): recorded rather than refused
    return fd


def is_held(path: str) -> bool:
    try:
        os.close(lock_file(path))
        return False
    except BlockingIOError:
        return True
    except OSError:
        return False
