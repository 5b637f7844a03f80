"""`runstream run -- COMMAND`: any program as a run, without a line of code: what it prints, how it ended, source, environment, machine."""
from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import Any, Dict, List

from . import exit_code
from .start import init

PASSED_ON = [getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT") if hasattr(signal, name)]


def track(command: List[str], **settings: Any) -> int:
    """Plays the command to its end and gives its exit code, 128 + n where signal n ended it. Throws ValueError for settings that can't be right."""
    sys.argv, before = command, sys.argv
    try:
        run = init(**settings)
    finally:
        sys.argv = before
    print("runstream: %s" % run.url, file=sys.stderr, flush=True)
    # what would make the program itself join this run as another start of it
    env = {key: value for key, value in os.environ.items() if key not in ("RUNSTREAM_RUN_ID", "RUNSTREAM_LAUNCH", "RUNSTREAM_ATTEMPT")}
    try:
        child = subprocess.Popen(command, env=env)
    except OSError as error:
        run.finish(state="failed", reason="%s: %s" % (command[0], error.strerror or error), exit_code=127)
        print("runstream: %s: %s" % (command[0], error.strerror or error), file=sys.stderr)
        return 127
    _pass_signals_on(child)
    code = child.wait()
    if code < 0:
        run.finish(state="killed", reason="signal %s" % exit_code.signal_name(-code), exit_code=128 - code)
        return 128 - code
    run.finish(exit_code=code, reason="" if code == 0 else "exit code %d" % code)
    return code


def _pass_signals_on(child: "subprocess.Popen[bytes]") -> None:
    """The program decides when it ends. Ctrl-C in a terminal reaches it by itself, being of the same group."""
    def on(number: int, _: Any) -> None:
        if number != signal.SIGINT or not sys.stdin or not sys.stdin.isatty():
            try:
                child.send_signal(number)
            except OSError:
                pass  # it has ended

    for number in PASSED_ON:
        signal.signal(number, on)


def pairs(words: List[str], what: str) -> Dict[str, str]:
    """Of `key=value`. Throws ValueError for a word that is none."""
    found = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise ValueError("%s: %r is not of the form key=value" % (what, word))
        found[key] = value
    return found
