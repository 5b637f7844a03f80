"""What was printed, as lines. Follows carriage returns and the cursor as a terminal does: a progress bar is one line that changes, nested bars are
as many lines as are seen. While a bar changes its state is kept now and then; of all else each line is kept once, when it is whole."""
from __future__ import annotations

import re
import time
from typing import Callable, List

CHARS_MAX = 30_000  # a longer line is kept in pieces
ROWS_MAX = 40
SETTLE_S = 1.0  # a bar that was left is whole when nothing goes back to it for so long
SNAPSHOT_S = (3.0, 60.0)  # the first look at a changing line, then each after twice the time, at most this
_PARTS = re.compile(r"(\n|\r|\x08|\x1b\[[0-9;?]*[A-Za-z])")


class _Row:
    __slots__ = ("text", "fresh", "bar", "changed_at", "left_at", "look_at", "pause", "kept")

    def __init__(self) -> None:
        self.text = ""
        self.fresh = self.bar = False
        self.changed_at = self.left_at = self.look_at = 0.0
        self.pause = SNAPSHOT_S[0]
        self.kept = ""


class Screen:
    def __init__(self, keep: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._keep = keep
        self._clock = clock
        self._rows: List[_Row] = [_Row()]
        self._at = 0

    def feed(self, text: str) -> None:
        if len(self._rows) == 1 and not self._rows[0].bar and "\r" not in text and "\x1b" not in text and "\x08" not in text:
            return self._feed_plain(text)
        now = self._clock()
        for part in _PARTS.split(text):
            if part == "":
                continue
            row = self._rows[self._at]
            if part == "\n":
                self._down(now)
            elif part == "\r":
                row.fresh = True
            elif part == "\x08":
                row.text = row.text[:-1]
            elif part[0] == "\x1b" and part[-1] != "m" and _PARTS.fullmatch(part):
                self._control(row, part)
            else:
                self._write(row, part, now)

    def _feed_plain(self, text: str) -> None:
        row = self._rows[0]
        lines = text.split("\n")
        for line in lines[:-1]:
            self._emit(row.text + line)
            row.text = ""
        row.text += lines[-1]
        self._cut(row)
        if lines[-1]:
            row.changed_at = self._clock()

    def _write(self, row: _Row, text: str, now: float) -> None:
        if row.fresh:
            row.bar = True
            row.text, row.fresh = "", False
        row.text += text
        row.changed_at = now
        if not row.look_at:
            row.look_at = now + row.pause
        self._cut(row)

    def _cut(self, row: _Row) -> None:
        while len(row.text) > CHARS_MAX:
            self._emit(row.text[:CHARS_MAX])
            row.text = row.text[CHARS_MAX:]

    def _control(self, row: _Row, part: str) -> None:
        digits = re.sub(r"[^0-9].*", "", part[2:-1])
        count = int(digits) if digits else 1
        if part[-1] == "A":
            self._at = max(0, self._at - count)
            for left in self._rows:
                left.bar = True
        elif part[-1] == "B":
            self._at = min(len(self._rows) - 1, self._at + count)
        elif part[-1] in "KJ" and (row.fresh or digits in ("1", "2")):
            row.bar, row.fresh = True, True

    def _down(self, now: float) -> None:
        row = self._rows[self._at]
        row.fresh, row.left_at = False, now
        self._at += 1
        if self._at < len(self._rows):
            self._rows[self._at].fresh = True
            return
        self._rows.append(_Row())
        if not any(above.bar for above in self._rows[: self._at]):
            for above in self._rows[: self._at]:
                self._emit(above.text)
            del self._rows[: self._at]
            self._at = 0
        while len(self._rows) > ROWS_MAX:
            self._take(0)

    def tick(self) -> None:
        """Called now and then, at least each second: what is whole by now, and how far bars are."""
        now = self._clock()
        while self._at > 0 and now - self._rows[0].left_at >= SETTLE_S:
            self._take(0)
        for row in self._rows:
            if row.text.strip() and row.look_at and now >= row.look_at and (row.bar or row.fresh) and row.changed_at > row.look_at - row.pause:
                row.pause = min(SNAPSHOT_S[1], row.pause * 2)
                row.look_at = now + row.pause
                if row.text != row.kept:
                    row.kept = row.text
                    self._emit(row.text)

    def finish(self) -> None:
        """Nothing comes any more."""
        last = self._rows[-1]
        if not last.text and len(self._rows) > 0:
            self._rows.pop()
        while self._rows:
            self._take(0)
        self._rows, self._at = [_Row()], 0

    def _take(self, index: int) -> None:
        row = self._rows.pop(index)
        self._at = max(0, self._at - 1)
        if not (row.bar and (not row.text.strip() or row.text == row.kept)):
            self._emit(row.text)

    def _emit(self, line: str) -> None:
        for start in range(0, max(len(line), 1), CHARS_MAX):
            self._keep(line[start : start + CHARS_MAX])
