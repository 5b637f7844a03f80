"""A run as the training process sees it. Everything here appends to the local spool; nothing touches the network."""
from __future__ import annotations

import atexit
import json
import math
import operator
import os
import shutil
import sys
import threading
import time
import weakref
from collections import deque
from typing import Any, Dict, Iterable, Mapping, Optional, Tuple, Union

from . import spool
from .console import Tee
from .spool import ARTIFACT, DROPPED, EVENT, LINE, SpoolFull, SpoolWriter, State

_clock = time.time_ns
KEYSETS_MAX = 10_000
STEP_MAX = 2**53


def json_text(value: Any) -> str:
    """JSON text of a param; what JSON can't say becomes a string."""
    if isinstance(value, float) and not math.isfinite(value):
        return json.dumps({"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(value)])
    try:
        return json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        item = getattr(value, "item", None)
        if callable(item):
            try:
                return json_text(item())
            except (TypeError, ValueError, RuntimeError):
                pass  # an array: its text will do
        return json.dumps(str(value)[:60_000])


def flatten(values: Mapping[str, Any], prefix: str = "") -> Dict[str, Any]:
    flat: Dict[str, Any] = {}
    for key, value in values.items():
        name = prefix + str(key)
        if isinstance(value, Mapping) and value:
            flat.update(flatten(value, name + "."))
        else:
            flat[name] = value
    return flat


def good_key(key: Any) -> bool:
    return isinstance(key, str) and 0 < len(key) <= 500 and not any(c < " " or c == "\x7f" for c in key)


class Values(dict):
    """run.config and run.summary: a dict whose changes are logged."""

    def __init__(self, run: "Run", event: str, field: str) -> None:
        super().__init__()
        self._log = (run, event, field)

    def __setitem__(self, key: str, value: Any) -> None:
        self.update({key: value})

    def update(self, *others: Any, **more: Any) -> None:
        values = flatten(dict(*others, **more))
        super().update(values)
        run, event, field = self._log
        params = run._params(values)
        for start in range(0, len(params), 5_000):
            run._event(event, {field: params[start : start + 5_000]})

    def setdefault(self, key: str, default: Any = None) -> Any:
        if key not in self:
            self[key] = default
        return self[key]


class Tags:
    """Tags with a value (`tags["team"] = "vision"`) and without one, labels (`tags.add("ok")`)."""

    def __init__(self, run: "Run") -> None:
        self._run = run
        self.values: Dict[str, str] = {}
        self.labels: Dict[str, None] = {}

    def add(self, *labels: str) -> None:
        self.labels.update(dict.fromkeys(labels))
        self._run._event("TagsSet", {"labels": [str(label)[:500] for label in labels]})

    def __setitem__(self, key: str, value: Any) -> None:
        self.values[key] = str(value)
        self._run._event("TagsSet", {"tags": {str(key)[:500]: str(value)[:8_000]}})

    def update(self, values: Mapping[str, Any]) -> None:
        for key, value in values.items():
            self[key] = value

    def __getitem__(self, key: str) -> str:
        return self.values[key]

    def __delitem__(self, key: str) -> None:
        self.remove(key)

    def __contains__(self, key: str) -> bool:
        return key in self.values or key in self.labels

    def __iter__(self):
        return iter([*self.values, *self.labels])

    def remove(self, *keys: str) -> None:
        labels = [key for key in keys if key in self.labels]
        for key in keys:
            self.labels.pop(key, None)
            self.values.pop(key, None)
        self._run._event("TagsSet", {"removed": [key for key in keys if key not in labels], "labelsRemoved": labels})

    discard = remove


class Run:
    """Made by runstream.init(). None of its methods throws because of the network, the disk or a bad value."""

    def __init__(self, settings: Dict[str, Any]) -> None:
        self.id: str = settings["run"]
        self.project: str = settings["project"]
        self.name: str = settings["name"]
        self.rank: int = settings["rank"]
        self.world_size: int = settings["world_size"]
        self.mode: str = settings["mode"]
        self.url = "%s/runs/%s" % (settings["url"].rstrip("/"), self.id)
        self.step = 0
        self.records = 0
        self.skipped = 0
        self.dropped = 0
        self.config = Values(self, "ParamsLogged", "params")
        self.summary = Values(self, "SummarySet", "values")
        self.tags = Tags(self)
        self.labels = self.tags
        self._lock = threading.RLock()
        self._busy = False
        self._deferred: deque = deque()
        self._keysets: Dict[Tuple[str, ...], Optional[Tuple[Any, int]]] = {}
        self._keyset_count = 0
        self._said: set = set()
        self._line_number = 0
        self._files = 0
        self._undeclared = self._full = False
        self._tees: list = []
        self._sender: Any = None
        self._failure: Optional[BaseException] = None
        self._spool: Optional[SpoolWriter] = None
        self._state: Optional[State] = None
        self._settings = settings
        self._finished = self.mode == "disabled"

    # ---- opening -----------------------------------------------------------------------------------------------

    def _open(self, folder: str, bytes_max: int) -> None:
        self._folder = folder
        self._owner = _lock_file(os.path.join(folder, "owner"))
        self._state = State(folder, create=True)
        self._keys_file = os.open(os.path.join(folder, "keys"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._spool = SpoolWriter(folder, bytes_max)
        _open_runs.add(self)

    def _params(self, values: Mapping[str, Any]) -> list:
        params = []
        for key, value in values.items():
            text = json_text(value)
            if not good_key(key) or len(text) > 64_000:
                self._skip("%r can't be a param or summary value: a key has 1 to 500 characters, a value at most 64,000" % str(key)[:80])
            else:
                params.append({"key": key, "json": text})
        return params

    # ---- logging -----------------------------------------------------------------------------------------------

    def log(self, metrics: Mapping[str, Any], step: Optional[int] = None) -> None:
        """Metrics of one step: anything that float() takes, NaN and infinities too. Without `step` it counts by itself from 0.
        Never blocks, never throws; a bad value is said once, counted in run.skipped, and left out."""
        try:
            with self._lock:
                if self._finished or self._busy:
                    self._later(self.log, metrics, step)
                    return
                self._busy = True
                try:
                    if step is None:
                        step = self.step
                    known = self._keysets.get(tuple(metrics))
                    if known is None or not -STEP_MAX < step < STEP_MAX:
                        self._log_slowly(metrics, step)
                    else:
                        try:
                            self._spool.append_row(known[0], known[1], step, _clock() // 1_000_000, metrics.values())
                            self.records += 1
                            self.step = step + 1
                            self._full = False
                        except SpoolFull as full:
                            self.step = step + 1
                            self._drop(full)
                        except Exception:  # a value that is not a number: found out below
                            self._log_slowly(metrics, step)
                finally:
                    self._busy = False
                if self._deferred or (self._undeclared and not self._full):
                    self._catch_up()
        except Exception as error:  # law 7: training is never hurt
            self._skip("log() failed: %r" % error)

    def _log_slowly(self, metrics: Mapping[str, Any], step: Any) -> None:
        try:
            step = operator.index(step)
        except TypeError:
            if not (isinstance(step, float) and step.is_integer()):
                return self._skip("step %r is not a whole number" % (step,))
            step = int(step)
        if abs(step) >= STEP_MAX:
            return self._skip("step %r is beyond 2^53" % (step,))
        self.step = step + 1
        good: Dict[str, float] = {}
        for key, value in flatten(metrics).items():
            number = _number(value)
            if not good_key(key):
                self._skip("%r can't be a metric key: 1 to 500 characters, no control characters" % str(key)[:80])
            elif number is None:
                self._skip("the value of %r is not a number but %s" % (key, type(value).__name__))
            else:
                good[key] = number
        chunk: Dict[str, float] = {}
        size = 0
        now = _clock() // 1_000_000
        for key, number in good.items():
            size += len(key.encode("utf-8", "replace"))
            if chunk and (len(chunk) >= spool.KEYS_PER_ROW_MAX or size > spool.KEY_BYTES_PER_ROW_MAX):
                self._write_row(chunk, step, now)
                chunk, size = {}, len(key)
            chunk[key] = number
        if chunk:
            self._write_row(chunk, step, now)

    def _write_row(self, row: Dict[str, float], step: int, now: int) -> None:
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
            self._spool.append_row(known[0], known[1], step, now, row.values())
            self.records += 1
        except SpoolFull as full:
            self._drop(full)

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
        body = json.dumps([name, data]).encode()
        if len(body) > spool.RECORD_BYTES_MAX:
            self._skip("%s of %d bytes is too large and was left out" % (name, len(body)))
        else:
            self._append(EVENT, 0, 0, body, urgent=name == "RunFinished")

    def _later(self, call: Any, *args: Any) -> None:
        # called from a signal handler or a finalizer in the middle of another call of this thread
        if not self._finished:
            self._deferred.append((call, args))
        elif self.mode != "disabled":
            self._say("finished", "the run is finished; what is logged now is left out")

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

    def _say(self, topic: str, text: str) -> None:
        if topic in self._said or len(self._said) > 100:
            return
        self._said.add(topic)
        try:
            stream = sys.__stderr__ or sys.stderr
            stream.write("runstream: %s\n" % text)
        except Exception:  # a closed stderr must not hurt training
            pass

    # ---- everything else ---------------------------------------------------------------------------------------

    def note(self, text: str) -> None:
        self._event("NoteSet", {"text": str(text)[:200_000]})

    def rename(self, name: str) -> None:
        self.name = name
        self._event("RunRenamed", {"name": str(name)[:500]})

    def log_artifact(self, path: Union[str, "os.PathLike[str]"], name: Optional[str] = None, type: str = "file",
                     metadata: Optional[Mapping[str, Any]] = None, step: Optional[int] = None, copy: bool = True) -> None:
        """A file, or every file of a folder. It is copied to the spool here, so that it may be changed afterwards, and uploaded by the sender;
        `copy=False` spares the copy for a file that stays as it is."""
        try:
            if self._finished or self._spool is None:
                return self._later(self.log_artifact, path)
            path = os.path.abspath(os.fspath(path))
            base = name or os.path.basename(path)
            files = [(path, base)]
            if os.path.isdir(path):
                files = [(os.path.join(root, file), "/".join([base, os.path.relpath(os.path.join(root, file), path).replace(os.sep, "/")]))
                         for root, _, found in sorted(os.walk(path)) for file in sorted(found)]
            for source, label in files:
                with self._lock:
                    self._files += 1
                    kept = os.path.join(self._folder, "file-%d" % self._files)
                if copy:
                    shutil.copyfile(source, kept)
                elif not os.path.isfile(source):
                    raise FileNotFoundError(source)
                data = {"name": label[:1_000], "type": str(type)[:500], "path": kept if copy else source, "copied": copy,
                        "metadata": {str(k)[:500]: str(v)[:8_000] for k, v in (metadata or {}).items()}, "step": step}
                self._append(ARTIFACT, 0, 0, json.dumps(data).encode())
        except Exception as error:
            self._skip("artifact %s could not be kept: %r" % (path, error))

    def use_artifact(self, digest: str, name: str = "", from_run: str = "") -> None:
        """This run read that artifact: a digest "sha256:…", e.g. from Api.run(id).artifacts()."""
        self._event("ArtifactUsed", {"digest": digest, "name": name, "fromRun": from_run})

    def finish(self, state: Optional[str] = None, reason: str = "", exit_code: int = 0, timeout: Optional[float] = None) -> bool:
        """Ends this process's part of the run, and waits up to `timeout` seconds (30) until everything is delivered. Says so when something is
        left, which the sender goes on delivering; returns whether nothing is."""
        if self._finished:
            return True
        for tee, undo in self._tees:
            tee.finish_line()
            undo()
        if self._undeclared:
            self._catch_up()
        if state is None:
            state = "failed" if self._failure else "finished"
        self._event("RunFinished", {"state": state, "reason": reason[:30_000], "exitCode": exit_code})
        with self._lock:
            self._finished = True
            self._state[State.WRITTEN] = self._spool.position
            self._state[State.CLOSED] = 1
            self._spool.close()
        _open_runs.discard(self)
        os.close(self._owner)
        os.close(self._keys_file)
        return self._await_delivery(30.0 if timeout is None else timeout)

    def _await_delivery(self, timeout: float) -> bool:
        if self._sender is None:
            self._say("offline", "run kept in %s; deliver it with: runstream sync" % self._folder)
            return False
        ends = time.monotonic() + timeout
        while not self._state[State.DONE]:
            if time.monotonic() > ends or (self._sender.poll() is not None and not self._state[State.DONE]):
                left = max(1, self.records - self._state[State.ACKED_RECORDS])
                self._say("left", "%d records are not delivered yet%s; they are kept in %s, and delivered when the server answers or by: runstream sync"
                          % (left, _trouble(self._folder), self._folder))
                return False
            time.sleep(0.002)
        return True

    def __enter__(self) -> "Run":
        return self

    def __exit__(self, kind: Any, error: Optional[BaseException], trace: Any) -> None:
        if error is None:
            self.finish()
        else:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        if isinstance(error, SystemExit) and not error.code:
            self.finish()
        elif isinstance(error, (KeyboardInterrupt, SystemExit)):
            code = error.code if isinstance(error, SystemExit) and isinstance(error.code, int) else 130
            self.finish("killed" if isinstance(error, KeyboardInterrupt) else "failed", repr(error), code)
        else:
            self.finish("failed", "%s: %s" % (type(error).__name__, error), 1)

    # ---- console and watching over the sender --------------------------------------------------------------------

    def _capture_console(self) -> None:
        for tag, name in enumerate(("stdout", "stderr")):
            stream = getattr(sys, name)
            if stream is None:
                continue
            tee = Tee(stream, lambda line, tag=tag: self._append(LINE, tag, 0, line.encode("utf-8", "replace")))

            def undo(name=name, tee=tee, stream=stream):
                if getattr(sys, name) is tee:
                    setattr(sys, name, stream)

            setattr(sys, name, tee)
            self._tees.append((tee, undo))

    def _watch(self, start_sender: Any) -> None:
        """A thread of its own: makes segments ready, starts a sender anew that died, says once what is wrong."""
        self._sender = start_sender() if start_sender else None

        def watch() -> None:
            while not self._finished:
                if self._spool.wants_next.wait(1.0) and not self._finished:
                    self._spool.prepare()
                if self._finished:
                    return
                self._state[State.WRITTEN] = self._spool.position
                if self._sender is not None and self._state[State.TROUBLE]:
                    trouble = _trouble(self._folder)
                    self._say("trouble", "not delivering%s; training goes on, everything is kept in %s" % (trouble, self._folder))
                if self._sender is not None and self._sender.poll() is not None and self._state[State.TROUBLE] != 2:
                    self._sender = start_sender()

        threading.Thread(target=watch, name="runstream-watch", daemon=True).start()

    def _leave_to_parent(self) -> None:
        """In a forked child: the spool belongs to the parent."""
        self._finished = True
        self._lock = threading.RLock()
        for _, undo in self._tees:
            undo()
        try:
            os.close(self._owner)
        except OSError:
            pass  # closed before


def _trouble(folder: str) -> str:
    try:
        with open(os.path.join(folder, "trouble"), encoding="utf-8") as file:
            return " (%s)" % file.read()[:500]
    except OSError:
        return ""


def _number(value: Any) -> Optional[float]:
    if isinstance(value, (str, bytes)):
        return None
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError, RuntimeError):
        item = getattr(value, "item", None)
        try:
            return float(item()) if callable(item) else None
        except (TypeError, ValueError, OverflowError, RuntimeError):
            return None


def _lock_file(path: str, wait: bool = True) -> int:
    """A file held as long as this process lives. Throws BlockingIOError when another holds it."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        import fcntl

        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except ImportError:
        pass  # no such locks here
    except OSError:
        os.close(fd)
        raise
    return fd


_open_runs: "weakref.WeakSet[Run]" = weakref.WeakSet()


def _after_fork() -> None:
    for run in list(_open_runs):
        run._leave_to_parent()
    _open_runs.clear()


def _at_exit() -> None:
    for run in list(_open_runs):
        if run._failure is not None:
            run._fail(run._failure)
        else:
            run.finish()


def _note_exception(kind: Any, error: BaseException, trace: Any) -> None:
    for run in list(_open_runs):
        run._failure = error
    _previous_hook(kind, error, trace)


_previous_hook: Any = None


def install_hooks() -> None:
    """Once per process, at the first init."""
    global _previous_hook
    if _previous_hook is not None:
        return
    _previous_hook = sys.excepthook
    sys.excepthook = _note_exception
    atexit.register(_at_exit)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_after_fork)
