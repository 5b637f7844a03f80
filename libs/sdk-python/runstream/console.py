"""Passes what is printed on to where it went before, and keeps a copy of whole lines."""
from __future__ import annotations

from typing import Any, Callable, List

CHARS_MAX = 30_000  # a longer line is kept in pieces


class Tee:
    def __init__(self, stream: Any, keep: Callable[[str], None]) -> None:
        self._stream = stream
        self._keep = keep
        self._parts: List[str] = []
        self._chars = 0

    def write(self, text: str) -> int:
        written = self._stream.write(text)
        if isinstance(text, str):
            self._take(text)
        return written

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def _take(self, text: str) -> None:
        lines = text.split("\n")
        for last in lines[:-1]:
            self._parts.append(last)
            self.flush_line()
        if lines[-1]:
            self._parts.append(lines[-1])
            self._chars += len(lines[-1])
            if self._chars > CHARS_MAX:
                self.flush_line()

    def flush_line(self) -> None:
        line = "".join(self._parts)
        self._parts, self._chars = [], 0
        if line.endswith("\r"):
            line = line[:-1]
        line = line.rsplit("\r", 1)[-1]  # of a progress bar what is seen in the end
        for start in range(0, max(len(line), 1), CHARS_MAX):
            self._keep(line[start : start + CHARS_MAX])

    def finish_line(self) -> None:
        if self._parts:
            self.flush_line()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
