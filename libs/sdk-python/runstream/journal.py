"""What the sender must remember: which numbers stand for which data, written down before the data is sent."""
from __future__ import annotations

import json
import os
from typing import Any, Dict

COMPACT_BYTES = 1024 * 1024
START: Dict[str, Any] = {
    "attempt": 0, "position": 0, "telemetry": 0, "runs": 0, "records": 0, "last_step": 0, "plans": [], "artifacts": [], "finished": False,
    "environment": False, "refused": 0,
    # steps before this attempt; position in the spool of printed lines; how often the start was said anew under another name;
    # records that could not be encoded; files that could not be delivered; whether the end was said by the sender; position in the samples of
    # the system, and how many were not kept; whether the energy was said
    "base": None, "beat": None, "began": 0, "console": 0, "system": 0, "unsampled": 0, "energy": False, "tries": 0, "set_aside": 0, "failed": [], "ended": False,
}


class Journal:
    """A file of lines, each the whole state; the last whole line counts."""

    def __init__(self, folder: str) -> None:
        self._path = os.path.join(folder, "journal")
        self.state = dict(START)
        try:
            with open(self._path, "rb") as file:
                for line in file:
                    if line.endswith(b"\n"):
                        self.state = {**START, **json.loads(line)}
        except FileNotFoundError:
            pass  # a new spool
        self._size = COMPACT_BYTES  # starts with a fresh file, without a torn last line
        self._fd = -1

    def save(self) -> None:
        line = json.dumps(self.state).encode() + b"\n"
        if self._size >= COMPACT_BYTES:
            fd = os.open(self._path + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            os.write(fd, line)
            os.fsync(fd)
            os.rename(self._path + ".new", self._path)
            if self._fd >= 0:
                os.close(self._fd)
            self._fd, self._size = fd, len(line)
        else:
            os.write(self._fd, line)
            self._size += len(line)
