"""Programs that the tests play as processes of their own, as training jobs are."""
from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from receiver import fields

PACKAGE = str(Path(__file__).resolve().parents[1])


def play(source, *arguments, receiver=None, folder, env=None, wait=True, **more):
    path = Path(folder, "job-%d.py" % time.monotonic_ns())
    path.write_text(source)
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("RUNSTREAM_", "SLURM_", "TORCHELASTIC_")) and key not in ("RANK", "WORLD_SIZE")}
    environment = {**clean, "PYTHONPATH": PACKAGE, "RUNSTREAM_DIR": str(Path(folder, "spool")), "RUNSTREAM_CAPTURE_SYSTEM": "off", **(env or {})}
    if receiver is not None:
        environment["RUNSTREAM_URL"] = receiver.url
    started = subprocess.Popen([sys.executable, str(path), *map(str, arguments)], env=environment, cwd=str(folder), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)
    if not wait:
        return started
    out, err = started.communicate(timeout=120)
    return subprocess.CompletedProcess(started.args, started.returncode, out, err)


def until(condition, seconds=180.0):  # ends a hang, says nothing of speed
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, "did not come true in time"
        time.sleep(0.01)


def endings(receiver):
    """(state, reason, exit code) of every writer, the last word of each."""
    last = {}
    for (writer, _, _), said in list(receiver.order):
        if said[0] == "RunFinished":
            end = dict(fields(said[3]))
            last[writer] = (end[1].decode(), end.get(2, b"").decode(), end.get(5, 0))
    return list(last.values())


def params(receiver):
    import json

    found = {}
    for name, number in (("RunStarted", 8), ("ParamsLogged", 1)):
        for said in receiver.named(name):
            for field, value in fields(said[3]):
                if field == number:
                    param = dict(fields(value))
                    found[param[1].decode()] = json.loads(param[2])
    return found


def lines(receiver):
    return [dict(fields(line)).get(4, b"").decode() for said in receiver.named("LinesLogged") for _, line in fields(said[3])]
