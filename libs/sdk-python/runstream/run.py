"""A run as the training process sees it. Everything here appends to the local spool; nothing touches the network."""
from __future__ import annotations

import json
import os
import re
import threading
import time
from collections.abc import Mapping
from typing import Any, Dict, Optional, Union

from . import kept_files
from .appending import Appending
from .endings import Ending, forget_open, join_after_fork, remember_open, run_again
from .locks import lock_file
from .masks import mask_text
from .spool import ARTIFACT, State
from .tracked import Tags, Values
from .values import flatten, text, whole
from .weights import Watch

__all__ = ["Run", "lock_file"]


class Run(Appending):
    """Made by runstream.init(). None of its methods throws because of the network, the disk or a bad value."""

    def __init__(self, settings: Dict[str, Any]) -> None:
        super().__init__(settings)
        self.id: str = settings["run"]
        self.project: str = settings["project"]
        self.name: str = settings["name"]
        self.rank: int = settings["rank"]
        self.world_size: int = settings["world_size"]
        self.url = mask_text("%s/runs/%s" % (settings["url"].rstrip("/"), self.id))
        self.config = Values(self, "ParamsLogged", "params")
        self.summary = Values(self, "SummarySet", "values")
        self.tags = Tags(self)
        self.labels = self.tags
        self._api_key: Optional[str] = None
        self._console: Any = None
        self._sender: Any = None
        self._start_sender: Any = None
        self._ending = Ending()

    def _opened(self, folder: str, start_sender: Any) -> None:
        remember_open(self)
        self._start_sender = start_sender

    # ---- what is said ------------------------------------------------------------------------------------------

    def note(self, words: Any) -> None:
        """Sets the run's note to `words`: text, at most 200,000 characters; what is longer is cut, and that is said. The last note stands."""
        self._event("NoteSet", {"text": self._cut(words, 200_000, "the note")})

    def rename(self, name: Any) -> None:
        """Calls the run `name` from now on: text, at most 500 characters; an empty one is refused with a warning."""
        said = text(name, 500)
        if not said:
            return self._skip("a run can't be renamed to nothing")
        self.name = said
        self._event("RunRenamed", {"name": self.name})

    def log_artifact(self, path: Union[str, "os.PathLike[str]"], name: Optional[str] = None, type: str = "file",
                     metadata: Optional[Mapping[str, Any]] = None, step: Optional[int] = None, copy: bool = True) -> None:
        """Keeps a file, or every file of a folder, with the run. Never throws: what can't be kept is warned of and counted.

        path: the file or folder; copied to the spool here, so that it may change afterwards, and uploaded by the sender.
        name: what it is called in the run, at most 900 characters; the file's name when not given. The same name again is a newer version.
        type: a word for what it is, for searching ("file", "model", "dataset").
        metadata: a flat dict, kept as text.
        step: the training step it belongs to.
        copy: False spares the copy for a file that stays as it is until it is delivered.
        """
        try:
            if self._finished or self._spool is None:
                return self._later(self.log_artifact, path, name, type, metadata, step, copy)
            said = os.fsdecode(os.fspath(path))
            if not said:
                return self._skip("an artifact without a path can't be kept")
            place = os.path.abspath(said)
            base = text(name, 900) or text(os.path.basename(place), 900)
            more = {"type": text(type, 500) or "file", "metadata": self._metadata(metadata), "step": None if step is None else whole(step)}
            if step is not None and more["step"] is None:
                self._skip("the step %s of artifact %s is not a whole number" % (text(step, 80), base))
            if os.path.isdir(place):
                lost = lambda label, why: self._skip("%s is not kept: %s" % (label, why))
                for source, label in kept_files.files_of(place, base, lost):
                    self._log_file(source, label, more, copy)
            else:
                self._log_file(place, base, more, copy)
        except Exception as error:
            self._skip("artifact %s could not be kept: %r" % (text(path, 500), error))

    def _log_file(self, source: str, label: str, more: Dict[str, Any], copy: Any) -> None:
        try:
            with self._lock:
                self._files += 1
                kept = "file-%d" % self._files
            if copy:
                size = kept_files.copy_as_it_is(source, os.path.join(self._folder, kept))
            else:
                size = kept_files.look_at(source).st_size
            # a copy is named relative to the spool, which may be carried to another machine
            self._record_file({**more, "name": text(label, 1_000), "path": kept if copy else text(source, 4_000), "copied": bool(copy), "size": size})
        except Exception as error:
            self._skip("%s is not kept: %s" % (text(label, 500), error if isinstance(error, kept_files.NotAFile) else repr(error)))

    def _keep_bytes(self, label: str, content: bytes) -> None:
        with self._lock:
            kept = self._spool_file(content)
        self._record_file({"name": text(label, 1_000), "type": "param", "path": kept, "copied": True, "size": len(content), "metadata": {}, "step": None})

    def _record_file(self, data: Dict[str, Any]) -> None:
        self._append(ARTIFACT, 0, 0, json.dumps(data).encode())

    def _metadata(self, metadata: Any) -> Dict[str, str]:
        said = {}
        for key, value in flatten(metadata).items():
            if self._good_key(key, "metadata entry") and len(said) < 1_000:
                said[text(key, 500)] = self._cut(value, 8_000, "the metadata %r" % key)
        return said

    def use_artifact(self, digest: Any, name: Any = "", from_run: Any = "") -> None:
        """Says that this run read an artifact, for the lineage. Never throws: what is no digest is warned of.

        digest: "sha256:" and 64 hexadecimal digits, or an entry of `Api.run(id).artifacts()`.
        name: what it is called here.
        from_run: the id of the run that made it.
        """
        if isinstance(digest, Mapping):
            name, digest = name or digest.get("name", ""), digest.get("digest", "")
        said, run = text(digest, 200), text(from_run, 128)
        if not re.fullmatch(r"sha256:[0-9a-f]{64}", said):
            return self._skip("%r is not the digest of an artifact, sha256: and 64 hexadecimal digits" % said[:80])
        if run and not re.fullmatch(r"[A-Za-z0-9._-]{1,128}", run):
            self._skip("from_run %r is not a run id" % run[:80])
            run = ""
        self._event("ArtifactUsed", {"digest": said, "name": text(name, 500), "fromRun": run})

    def watch(self, model: Any, log: str = "gradients", every: int = 100, bins: int = 64) -> Optional[Watch]:
        """Logs gradients or weights of a PyTorch model as histograms, `gradients/<name>` and `parameters/<name>`, at the step that is logged next.

        model: a torch.nn.Module; its hooks are used, as documented there.
        log: "gradients", "parameters" or "all".
        every: passes of training from one histogram to the next, at least 1; a pass between costs nothing.
        bins: of each histogram, 1 to 512.
        Returns what ends it by `stop()`; None where it can't be done, which is said once. Never throws.
        """
        try:
            if log not in ("gradients", "parameters", "all"):
                return self._skip("watch() takes log=%r, and knows gradients, parameters and all" % text(log, 80))
            if whole(every) is None or every < 1 or whole(bins) is None or not 1 <= bins <= 512:
                return self._skip("watch() takes every=%s and bins=%s: at least 1, and 1 to 512" % (text(every, 80), text(bins, 80)))
            return Watch(self, model, log, every, bins)
        except Exception as error:
            return self._skip("%s can't be watched: %r" % (type(model).__name__, error))

    # ---- the end -----------------------------------------------------------------------------------------------

    def finish(self, state: Optional[str] = None, reason: Any = "", exit_code: Any = 0, timeout: Optional[float] = None) -> bool:
        """Ends this process's part of the run, and waits until everything is delivered. Never throws; calling it again does nothing.

        state: "finished", "failed" or "killed"; by `exit_code` when not given.
        reason: why, in words, for who looks at a failed run.
        exit_code: of the program; anything but 0 is a failure.
        timeout: seconds to wait (30). What is left then is said, and the sender goes on delivering it after this process.
        Returns whether everything is delivered.
        """
        return self._end(state, reason, exit_code, timeout, 1)

    def _end(self, state: Any, reason: Any, exit_code: Any, timeout: Any, closed: int) -> bool:
        if self._finished:
            return True
        try:
            code = whole(exit_code)
            if code is None or not -(2**31) <= code < 2**31:
                self._skip("exit_code %s is not a whole number of 32 bits" % text(exit_code, 80))
                code = 1 if exit_code else 0
            if state not in (None, "finished", "failed", "killed"):
                self._say("state", "state %r is not one of finished, failed, killed; taken for %s" % (text(state, 80), "failed" if code else "finished"))
                state = None
            if state is None:
                state = "failed" if self._ending.failure is not None or code else "finished"
            if self._console is not None:
                self._console.stop()
            if self._undeclared:
                self._catch_up()
            self._event("RunFinished", {"state": state, "reason": text(reason, 30_000), "exitCode": code})
            self._close(closed)
            seconds = 30.0 if timeout is None else float(timeout)
        except Exception as error:
            self._say("end", "the end of the run could not be kept: %r" % error)
            return False
        return self._await_delivery(seconds)

    def _close(self, closed: int) -> None:
        with self._lock:
            self._finished = True
            self._state[State.WRITTEN] = self._spool.position
            self._state[State.CLOSED] = closed
            self._spool.close()
        forget_open(self)
        os.close(self._owner)
        os.close(self._keys_file)

    def _await_delivery(self, timeout: float) -> bool:
        if self._sender is None:
            self._say("offline", "run kept in %s; deliver it with: runstream sync" % self._folder)
            return False
        ends = time.monotonic() + timeout
        while not self._state[State.DONE]:
            ended = self._sender.poll() is not None
            if self._state[State.DONE]:
                break
            if time.monotonic() > ends or ended or self._state[State.TROUBLE] == 2:
                left = max(1, self.records - self._state[State.ACKED_RECORDS])
                self._say("left", "%d records are not delivered yet%s; they are kept in %s, and delivered when the server takes them or by: runstream sync"
                          % (left, _trouble(self._folder), self._folder))
                return False
            time.sleep(0.002)
        return self._state[State.DONE] == 1

    def __enter__(self) -> "Run":
        return self

    def __exit__(self, kind: Any, error: Optional[BaseException], trace: Any) -> None:
        if error is None:
            self.finish()
        else:
            self._fail(error)

    def _fail(self, error: BaseException, closed: int = 1) -> bool:
        state, reason, code = self._ending.of(error)
        return self._end(state, reason, code, None, closed)

    # ---- watching over the sender --------------------------------------------------------------------------------

    def _watch(self) -> None:
        """A thread of its own: makes segments ready, starts a sender anew that died, says once what is wrong."""
        self._sender = self._start_sender() if self._start_sender else None
        spool_now = self._spool

        def watch() -> None:
            while not self._finished and self._spool is spool_now:
                if spool_now.wants_next.wait(1.0) and not self._finished:
                    spool_now.prepare()
                if self._finished or self._spool is not spool_now:
                    return
                self._state[State.WRITTEN] = spool_now.position
                if self._console is not None:
                    self._console.tick()
                if self._sender is not None and self._state[State.TROUBLE]:
                    trouble = _trouble(self._folder)
                    self._say("trouble", "not delivering%s; training goes on, everything is kept in %s" % (trouble, self._folder))
                if self._sender is not None and self._sender.poll() is not None:
                    self._sender = self._start_sender()

        threading.Thread(target=watch, name="runstream-watch", daemon=True).start()

    # ---- in other processes ----------------------------------------------------------------------------------------

    def _leave_to_parent(self) -> None:
        """In a forked child: the spool belongs to the parent. The first thing that is logged here gets one of its own (see _join)."""
        fds = (self._owner, self._keys_file)
        was_open = not self._finished
        self._fresh()
        self._finished, self._forked = True, was_open
        self._sender = None
        self._ending = Ending()
        if self._console is not None:
            self._console.leave_to_parent()
        for fd in fds:
            try:
                os.close(fd)
            except OSError:
                pass  # closed before

    def _join(self) -> bool:
        """A forked child, or a process that was sent a pickle of the run, logs: it becomes a writer of the run with a spool of its own."""
        self._forked = False
        return join_after_fork(self)

    def __deepcopy__(self, memo: Any) -> "Run":
        return self  # a trainer is copied, its run is the same one

    __copy__ = lambda self: self

    def __reduce__(self) -> Any:
        return run_again, (self._settings, dict(self.config))

    def __repr__(self) -> str:
        return "<run %s of project %r, rank %d>" % (self.id, self.project, self.rank)


def _trouble(folder: str) -> str:
    try:
        with open(os.path.join(folder, "trouble"), encoding="utf-8") as file:
            return " (%s)" % file.read()[:500]
    except OSError:
        return ""
