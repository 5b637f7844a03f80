"""How a process ends: by itself, by an exception, by sys.exit, as a worker of multiprocessing, and what its forked children do."""
from __future__ import annotations

import atexit
import os
import sys
import weakref
from typing import TYPE_CHECKING, Any, Optional, Tuple

from . import exit_code
from .values import text

if TYPE_CHECKING:
    from .run import Run

_open_runs: "weakref.WeakSet[Run]" = weakref.WeakSet()
_known: "weakref.WeakValueDictionary[str, Run]" = weakref.WeakValueDictionary()


def remember_open(run: "Run") -> None:
    _open_runs.add(run)
    _known[run._settings["writer"]] = run
    _end_with_worker()


def forget_open(run: "Run") -> None:
    _open_runs.discard(run)


class Ending:
    def __init__(self) -> None:
        self.failure: Optional[BaseException] = None

    def of(self, error: BaseException) -> Tuple[str, str, int]:
        """(state, reason, exit code) of an exception that ends the process or the run."""
        if isinstance(error, SystemExit):
            return _of_exit(error)
        if isinstance(error, KeyboardInterrupt):
            return "killed", "KeyboardInterrupt" + (": %s" % text(error, 1_000) if error.args else ""), 130
        return "failed", _words(error), 1


def _words(error: BaseException) -> str:
    said = text(error, 20_000)
    return "%s: %s" % (type(error).__name__, said) if said else type(error).__name__


def _of_exit(error: SystemExit) -> Tuple[str, str, int]:
    code = error.code
    if code is None or code == 0:
        return "finished", "", 0
    number = int(code) & 0xFF if isinstance(code, int) else 1
    reason = "sys.exit(%d)" % code if isinstance(code, int) else text(code, 20_000)
    if error.__context__ is not None and not isinstance(error.__context__, SystemExit):
        reason += " after " + _words(error.__context__)
    # shells and schedulers say 128 + n for a process that signal n ended
    killed = isinstance(code, int) and 128 < code < 160
    if killed:
        reason += " (%s)" % exit_code.signal_name(code - 128)
    return "killed" if killed else "failed", reason, number


# ---- hooks of the interpreter ------------------------------------------------------------------------------------

_previous_hook: Any = None
_original_exit: Any = None
_last_exit: Optional[SystemExit] = None


def install_hooks() -> None:
    """Once per process, at the first init."""
    global _previous_hook, _original_exit
    if _previous_hook is not None:
        return
    _previous_hook = sys.excepthook
    sys.excepthook = _note_exception
    _original_exit = sys.exit
    sys.exit = _noted_exit
    atexit.register(_at_exit)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_after_fork)


def _noted_exit(status: Any = None, /) -> Any:
    """sys.exit, remembering what was given: nobody tells an exit handler."""
    global _last_exit
    _last_exit = SystemExit(*([] if status is None else status if isinstance(status, tuple) else [status]))
    raise _last_exit


def _note_exception(kind: Any, error: BaseException, trace: Any) -> None:
    for run in list(_open_runs):
        run._ending.failure = error
    _previous_hook(kind, error, trace)


def _uncaught_exit() -> Optional[SystemExit]:
    """The last sys.exit, if it went through to the top: a program may catch it and go on."""
    error = _last_exit
    trace = error.__traceback__ if error is not None else None
    if trace is None:
        return error  # no handler has seen it
    if trace.tb_frame.f_back is not None:
        return None
    # a frame that caught it went on from the line that it came through
    return error if trace.tb_frame.f_lineno == trace.tb_lineno else None


def _at_exit() -> None:
    ended_by = _uncaught_exit()
    for run in list(_open_runs):
        error = run._ending.failure or ended_by
        # 2 and 3: what exit code it will be is not known here; the sender looks when the process is gone
        if error is not None:
            run._fail(error, 1 if run._ending.failure else 3)
        else:
            if _last_exit is not None:
                state, reason, code = _of_exit(_last_exit)
                exit_code.hint(run._folder, {"state": state, "reason": reason, "exitCode": code})
            run._end(None, "", 0, None, 2)


def _end_with_worker() -> None:
    """A worker of multiprocessing leaves without exit handlers, but runs its own finalizers: with the exception that ends it, if one does."""
    process = sys.modules.get("multiprocessing.process")
    if process is None or process.parent_process() is None:
        return
    from multiprocessing import util

    util.Finalize(None, _worker_ends, exitpriority=1_000)


def _worker_ends() -> None:
    error = sys.exc_info()[1]
    for run in list(_open_runs):
        if error is not None:
            run._fail(error)
        else:
            run.finish()


# ---- forked children and copies ------------------------------------------------------------------------------------


def _after_fork() -> None:
    global _last_exit
    _last_exit = None
    exit_code.leave_to_parent()
    for run in list(_open_runs):
        run._leave_to_parent()
    _open_runs.clear()


def join_after_fork(run: "Run") -> bool:
    from .start import join

    return join(run)


def run_again(settings: Any, config: Any) -> "Run":
    """What a pickle of a run becomes: the same run in the same process; elsewhere one that joins it when something is logged."""
    known = _known.get(settings["writer"])
    if known is not None:
        return known
    from .run import Run

    run = Run(settings)
    dict.update(run.config, config)
    run._finished = True
    run._forked = run.mode != "disabled"
    _known[settings["writer"]] = run
    return run
