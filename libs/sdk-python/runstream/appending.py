"""The part of a run that appends to its spool. Nothing here touches the network, blocks or throws."""
from __future__ import annotations

import base64
import json
import operator
import os
import sys
import threading
import time
from collections import deque
from typing import Any, Dict, Mapping, Optional, Sequence, Tuple

from . import spool
from .locks import lock_file
from .masks import mask_value
from .rich import Rich, rich_of
from .spool import COUNTED, DROPPED, EVENT, LINE, VALUE, SpoolFull, SpoolWriter, State
from .values import fields_of, flatten, good_key, metric, plain, text, whole

_clock = time.time_ns
KEYSETS_MAX = 10_000
STEP_MAX = 2**53
INLINE_CHARS_MAX = 64_000
INLINE_BYTES_MAX = 16 * 1024
PARAM_CHARS_MAX = 64_000


class Appending:
    def __init__(self, settings: Dict[str, Any]) -> None:
        self.mode: str = settings["mode"]
        self.step = 0
        """The step that log() without a step takes next. It is this process's count: of a run that is resumed it begins behind what is there."""
        self.records = 0
        self.skipped = 0
        self.dropped = 0
        self._settings = settings
        self._said: set = set()
        self._forked = False
        self._fresh()
        self._finished = self.mode == "disabled"
        self._spool: Optional[SpoolWriter] = None
        self._state: Optional[State] = None
        self._folder = ""
        self._owner = self._keys_file = -1
        self._counted = COUNTED if settings.get("counts_on") else 0

    def _fresh(self) -> None:
        self._lock = threading.RLock()
        self._busy = False
        self._deferred: deque = deque()
        self._keysets: Dict[Tuple[str, ...], Tuple[Any, int]] = {}
        self._keyset_count = 0
        self._line_number = 0
        self._files = self._file_bytes = 0
        self._undeclared = self._full = False

    def _open(self, folder: str, bytes_max: int) -> None:
        self._folder = folder
        self._owner = lock_file(os.path.join(folder, "owner"))
        self._state = State(folder, create=True)
        self._keys_file = os.open(os.path.join(folder, "keys"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._spool = SpoolWriter(folder, bytes_max)

    # ---- metrics -----------------------------------------------------------------------------------------------

    def log(self, metrics: Mapping[str, Any], step: Optional[int] = None) -> None:
        """Logs the `metrics` of one step, by key: anything that float() takes, NaN and infinities too; texts, images, histograms, tables and the like
        (`runstream.Image`, …), lists of them, and nested dicts, whose keys are joined by dots. Without `step` it counts by itself, behind what the run has already.
        Never blocks, never throws; a bad value is said once, counted in run.skipped, and left out."""
        try:
            with self._lock:
                if self._finished or self._busy:
                    self._later(self.log, metrics, step)
                    return
                self._busy = True
                try:
                    if step is None:
                        step, counted = self.step, self._counted
                    else:
                        counted = 0
                    known = self._keysets.get(tuple(metrics))
                    if known is None or not -STEP_MAX < step < STEP_MAX:
                        self._log_slowly(metrics, step, counted)
                    else:
                        try:
                            self._spool.append_row(known[0], known[1] | counted, step, _clock() // 1_000_000, metrics.values())
                            self.records += 1
                            self.step = step + 1
                            self._full = False
                            if not counted:
                                self._counted = 0
                        except SpoolFull as full:
                            self.step = step + 1
                            self._drop(full)
                        except Exception:  # a value that is not a number: found out below
                            self._log_slowly(metrics, step, counted)
                finally:
                    self._busy = False
                if self._deferred or (self._undeclared and not self._full):
                    self._catch_up()
        except Exception as error:  # law 7: training is never hurt
            try:
                self._log_odd(metrics, step, error)
            except Exception:
                self._skip("log() failed: %s" % type(error).__name__)

    def _log_beside(self, values: Mapping[str, Any]) -> None:
        """Logs `values` at the step that the program logs next; it takes that step all the same."""
        with self._lock:
            step, counted = self.step, self._counted
            self.log(values)
            self.step, self._counted = step, counted

    def _log_odd(self, metrics: Any, step: Any, error: Exception) -> None:
        """Keys that can't be hashed, a step that can't be compared, what is no mapping at all."""
        values = flatten(metrics)
        if fields_of(metrics) is None:
            return self._skip("log() takes a dict of numbers, and %s is not one" % type(metrics).__name__)
        with self._lock:
            if self._finished or self._busy:
                return self._later(self._log_odd, values, step, error)
            self._busy = True
            try:
                self._log_slowly(values, self.step if step is None else step, 0 if step is not None else self._counted)
            finally:
                self._busy = False

    def _log_slowly(self, metrics: Any, step: Any, counted: int) -> None:
        try:
            number: Optional[int] = operator.index(step)
        except TypeError:
            number = whole(step)
        if number is None:
            return self._skip("step %s is not a whole number" % text(step, 80))
        if abs(number) >= STEP_MAX:
            return self._skip("step %r is beyond 2^53" % (step,))
        self.step = number + 1
        if not counted:
            self._counted = 0
        good: Dict[str, float] = {}
        rich: Dict[str, Sequence[Rich]] = {}
        for key, value in flatten(metrics).items():
            said = metric(value)
            if not good_key(key):
                self._skip("%r can't be a metric key: 1 to 500 characters, no control characters" % key[:80])
            elif said is not None:
                good[key] = said
            else:
                self._sort_out(key, value, rich)
        chunk: Dict[str, float] = {}
        size = 0
        now = _clock() // 1_000_000
        for key, value in good.items():
            size += len(key.encode("utf-8", "replace"))
            if chunk and (len(chunk) >= spool.KEYS_PER_ROW_MAX or size > spool.KEY_BYTES_PER_ROW_MAX):
                self._write_row(chunk, number, now, counted)
                chunk, size = {}, len(key)
            chunk[key] = value
        if chunk:
            self._write_row(chunk, number, now, counted)
        for key, values in rich.items():
            for place, value in enumerate(values):
                self._write_value(key, value, place, len(values), number, now, counted)

    def _sort_out(self, key: str, value: Any, rich: Dict[str, Sequence[Rich]]) -> None:
        """What is no number, but an image, a text, a table."""
        try:
            found = rich_of(value)
        except Exception as error:
            return self._skip("the value of %r can't be kept: %s" % (key, text(error, 300) or type(error).__name__))
        if found:
            rich[key] = found
        else:
            self._skip("the value of %r is not a number but %s" % (key, type(value).__name__))

    def _write_value(self, key: str, value: Rich, place: int, count: int, step: int, now: int, counted: int) -> None:
        kind, mime, content, caption, facts = value.encoded
        said: Dict[str, Any] = {"key": key, "step": step, "kind": kind, "index": place, "count": count, "mime": mime, "caption": caption, "facts": facts}
        if isinstance(content, str) and len(content) <= INLINE_CHARS_MAX:
            said["text"] = content
        elif isinstance(content, bytes) and 0 < len(content) <= INLINE_BYTES_MAX:
            said["data"] = base64.b64encode(content).decode("ascii")
        try:
            if "text" not in said and "data" not in said:
                content = content.encode("utf-8", "replace") if isinstance(content, str) else content
                self._make_room(len(content))
                said.update(path=self._spool_file(content), size=len(content), copied=True)
            self._spool.append(VALUE, counted, now, 0, json.dumps(said, ensure_ascii=False).encode("utf-8", "replace"))
            self.records += 1
        except (SpoolFull, OSError) as full:
            self._drop(full)

    def _make_room(self, size: int) -> None:
        """Throws SpoolFull when the files of values that wait to be uploaded are as many bytes as the spool may have."""
        self._file_bytes += size
        if self._file_bytes > self._spool.bytes_max:
            # what has been uploaded is gone
            self._file_bytes = size + sum(entry.stat().st_size for entry in os.scandir(self._folder) if entry.name.startswith("file-"))
            if self._file_bytes > self._spool.bytes_max:
                self._file_bytes -= size
                raise SpoolFull("files of %d MB wait to be uploaded, the limit of the spool" % (self._file_bytes >> 20))

    def _spool_file(self, content: bytes) -> str:
        """Keeps bytes beside the spool, for the sender to upload; their name there."""
        self._files += 1
        kept = "file-%d" % self._files
        with open(os.path.join(self._folder, kept), "wb") as file:
            file.write(content)
        return kept

    def _write_row(self, row: Dict[str, float], step: int, now: int, counted: int) -> None:
        keys = tuple(row)
        known = self._keysets.get(keys)
        if known is None:
            if len(self._keysets) >= KEYSETS_MAX:
                self._keysets.clear()
            self._keyset_count += 1
            line = json.dumps([self._keyset_count, keys]).encode() + b"\n"
            os.write(self._keys_file, line)  # before the first row that needs it
            known = self._keysets[keys] = (spool.row_struct(len(keys)), self._keyset_count)
        try:
            self._spool.append_row(known[0], known[1] | counted, step, now, row.values())
            self.records += 1
        except SpoolFull as full:
            self._drop(full)

    # ---- everything else ---------------------------------------------------------------------------------------

    def _append(self, kind: int, tag: int, number: int, body: bytes, urgent: bool = False) -> None:
        """A record that is not a row of metrics."""
        try:
            with self._lock:
                if self._finished or self._busy:
                    self._later(self._append, kind, tag, number, body, urgent)
                    return
                self._busy = True
                try:
                    if kind == LINE:
                        self._line_number += 1
                        number = self._line_number
                    self._spool.append(kind, tag, _clock() // 1_000_000, number, body, urgent)
                    self.records += 1
                except SpoolFull as full:
                    if kind == LINE:
                        self._line_number -= 1
                    self._drop(full)
                finally:
                    self._busy = False
                if self._deferred:
                    self._catch_up()
        except Exception as error:
            self._skip("could not be kept: %r" % error)

    def _event(self, name: str, data: Dict[str, Any]) -> None:
        try:
            body = json.dumps([name, data], ensure_ascii=False).encode("utf-8", "replace")
        except Exception as error:
            return self._skip("%s can't be written down: %r" % (name, error))
        if len(body) > spool.RECORD_BYTES_MAX:
            self._skip("%s of %d bytes is too large" % (name, len(body)))
        else:
            self._append(EVENT, 0, 0, body, urgent=name == "RunFinished")

    def _params(self, values: Mapping[str, Any]) -> list:
        """As the wire has them. A value beyond the limit is kept whole in a file of the run, and its beginning here."""
        params = []
        for key, value in values.items():
            name = text(key, 501)
            if not self._good_key(name, "param or summary value"):
                continue
            said = _masked(name, plain(value))
            json_said = json.dumps(said, allow_nan=False, ensure_ascii=False)
            if len(json_said) > PARAM_CHARS_MAX:
                json_said = self._keep_long_value(name, said, json_said)
            params.append({"key": name, "json": json_said})
        return params

    def _keep_long_value(self, name: str, value: Any, json_said: str) -> str:
        label = "params/%s.%s" % (name, "txt" if isinstance(value, str) else "json")
        self._keep_bytes(label, (value if isinstance(value, str) else json_said).encode())
        self._say("long " + name, "the value of %r has %d characters, a param at most %d; its beginning is kept as the param, all of it as the file %s of the run"
                  % (name[:80], len(json_said), PARAM_CHARS_MAX, label))
        whole_text = value if isinstance(value, str) else json_said
        return json.dumps("%s… (%d characters, whole in the file %s)" % (whole_text[:2_000], len(whole_text), label), ensure_ascii=False)

    def _keep_bytes(self, label: str, content: bytes) -> None:
        raise NotImplementedError

    def _good_key(self, key: Any, what: str) -> bool:
        if good_key(text(key, 501)):
            return True
        self._skip("%r can't be the key of a %s: 1 to 500 characters, no control characters" % (text(key, 80), what))
        return False

    def _cut(self, value: Any, chars_max: int, what: str) -> str:
        """A text within its limit; that it was cut is said."""
        said = text(value, chars_max + 1)
        if len(said) <= chars_max:
            return said
        self._say("cut " + what, "%s is longer than %d characters; its beginning is kept" % (what, chars_max))
        return said[:chars_max]

    def _later(self, call: Any, *args: Any) -> None:
        # called from a signal handler or a finalizer in the middle of another call of this thread
        if not self._finished:
            self._deferred.append((call, args))
        elif self._forked and self.mode != "disabled":
            if self._join():
                call(*args)
        elif self.mode != "disabled":
            self._say("finished", "the run is finished; what is logged now is left out")

    def _join(self) -> bool:
        raise NotImplementedError

    def _catch_up(self) -> None:
        while self._deferred:
            call, args = self._deferred.popleft()
            call(*args)
        if self._undeclared:
            self._undeclared = False
            self._append(DROPPED, 0, self.dropped, b"", urgent=True)

    def _drop(self, full: SpoolFull) -> None:
        self.dropped += 1
        self._undeclared = self._full = True
        self._say("full", "%s; what is logged is dropped (and counted) until there is room again" % full)

    def _skip(self, what: str) -> None:
        self.skipped += 1
        self._say(what.split(" is not")[0][:120], what + "; left out (further ones are only counted in run.skipped)")

    def _say(self, topic: str, words: str) -> None:
        if topic in self._said or len(self._said) > 100:
            return
        self._said.add(topic)
        try:
            stream = sys.__stderr__ or sys.stderr
            stream.write("runstream: %s\n" % words)
        except Exception:  # a closed stderr must not hurt training
            pass


def _masked(name: str, value: Any) -> Any:
    if isinstance(value, str):
        return mask_value(name, value)
    if isinstance(value, list):
        return [_masked("", item) for item in value]
    if isinstance(value, dict):
        return {key: _masked(key, item) for key, item in value.items()}
    return value
