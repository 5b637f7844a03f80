"""Which sender of a run measures this host: one of them, and another as soon as it is gone. The seat is a name that the kernel takes back with the
process, whatever ends it: a socket's name without a file on Linux (all processes of a network namespace see it), else a lock."""
from __future__ import annotations

import errno
import hashlib
import os
import socket
import sys
import tempfile

from .locks import lock_file


class HostSeat:
    def __init__(self, run: str) -> None:
        # as long as such a name can be, because some programs (older versions of Node) fill shorter ones up
        self._name = "runstream-system-" + hashlib.sha512(run.encode()).hexdigest()[:90]
        self._held: object = None

    def taken(self) -> bool:
        """Takes it when it is free."""
        if self._held is None:
            try:
                self._held = self._bind() if sys.platform == "linux" else self._lock()
            except OSError as error:
                if isinstance(error, BlockingIOError) or error.errno == errno.EADDRINUSE:
                    return False
                self._held = "everybody"  # neither is to be had: rather twice than never
        return self._held is not None

    def _bind(self) -> object:
        held = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            held.bind("\0" + self._name)
        except OSError:
            held.close()
            raise
        return held

    def _lock(self) -> object:
        return lock_file(os.path.join(tempfile.gettempdir(), self._name + ".lock"))

    def leave(self) -> None:
        if isinstance(self._held, socket.socket):
            self._held.close()
        elif isinstance(self._held, int):
            os.close(self._held)
        self._held = None
