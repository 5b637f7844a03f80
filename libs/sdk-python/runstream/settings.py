"""Settings of init() from arguments and the environment. What can't be right is refused with the name of the setting; what is merely odd gets its type."""
from __future__ import annotations

import math
import os
import re
import uuid
from typing import Any, Dict, Optional

from . import claims, launch as launching
from ._version import __version__
from .delivery import check_url
from .places import spool_root
from .values import text, whole

YES, NO = ("1", "true", "yes", "on"), ("0", "false", "no", "off")
RANK_MAX, ATTEMPT_MAX, WORLD_MAX = 1_048_575, 65_535, 2**31 - 1


def read_settings(given: Dict[str, Any]) -> Dict[str, Any]:
    env = os.environ
    mode = text(given["mode"] or env.get("RUNSTREAM_MODE") or "online", 40)
    if mode not in ("online", "offline", "disabled"):
        raise ValueError("mode: %r is not one of online, offline, disabled" % mode)
    found = launching.detect(env)
    rank = _whole("rank", given["rank"], 0, RANK_MAX, found.rank)
    world_size = _whole("world_size", given["world_size"], 0, WORLD_MAX, found.world_size)
    if given["dir"] is not None and not isinstance(given["dir"], (str, bytes, os.PathLike)):
        raise ValueError("dir: %r is not a path" % (given["dir"],))
    root = spool_root(None if given["dir"] is None else os.fsdecode(given["dir"]))
    writer = uuid.uuid4().hex
    project = text(given["project"] or env.get("RUNSTREAM_PROJECT") or "default", 1_000)
    if project.strip() != project or len(project) > 256 or any(c < " " or c == "\x7f" for c in project):
        raise ValueError("project: must not begin or end with a space or hold control characters, at most 256 characters")
    url = text(given["url"] or env.get("RUNSTREAM_URL") or "http://127.0.0.1:7171", 4_000)
    check_url(url)
    run_id, launch, known = _identity(given, found, root, world_size, rank, mode)
    from_step = _whole("from_step", given["from_step"], -(2**53), 2**53, None)
    return {
        "run": run_id, "project": project, "name": text(given["name"], 500), "writer": writer, "rank": rank, "world_size": world_size, "mode": mode,
        "url": url, "attempt": _whole("attempt", given["attempt"], 0, ATTEMPT_MAX, None) or found.attempt, "source": "sdk-python/%s" % __version__,
        "pid": os.getpid(), "launch": launch or writer, "launcher": found.launcher, "root": root, "from_step": from_step,
        "counts_on": known and from_step is None, "spool_mb_max": _whole("spool_mb_max", given["spool_mb_max"], 1, 2**40, 4_096),
        "cost_per_hour": _number("cost_per_hour", given["cost_per_hour"]), "group": text(given["group"], 500), "job_type": text(given["job_type"], 500),
        "user": text(given["user"], 500), "system": _system(given["capture_system"], given["system_interval_s"]),
    }


def _system(capture: Any, interval_s: Any) -> Optional[Dict[str, Any]]:
    """What the sender samples of the machine; None: nothing."""
    said = os.environ.get("RUNSTREAM_CAPTURE_SYSTEM", "").strip().lower()
    if said not in ("", *YES, *NO):
        raise ValueError("RUNSTREAM_CAPTURE_SYSTEM: %r is not one of %s" % (said[:40], ", ".join(YES + NO)))
    every = interval_s if interval_s is not None else os.environ.get("RUNSTREAM_SYSTEM_INTERVAL_S") or 5.0
    seconds = _number("system_interval_s", every)
    if not 1 <= seconds <= 86_400:
        raise ValueError("system_interval_s: %s is not from 1 to 86400 seconds" % text(every, 80))
    if not (said not in NO if capture is None else capture):
        return None
    try:
        cwd = os.getcwd()
    except OSError:
        cwd = "/"  # it was removed
    return {"interval_s": seconds, "cwd": cwd}


def _identity(given: Dict[str, Any], found: launching.Launch, root: str, world_size: int, rank: int, mode: str) -> Any:
    """(run id, launch, whether the run may be there already). The n-th run that a process begins in one launch is a run of its own, the same on all
    ranks; a launch that claims a rank which is taken is another start, and another job where the job has no name of its own."""
    chosen = given["id"] if given["id"] not in (None, "") else os.environ.get("RUNSTREAM_RUN_ID")
    named = given["launch"] or os.environ.get("RUNSTREAM_LAUNCH")
    launch = text(named or found.launch, 150)
    job = found.job if world_size > 1 else ""
    if found.launch and not named and mode != "disabled":
        start = claims.instance(root, found.launch, rank)
        if start:
            launch = "%s#%s" % (launch, start)
            job = "%s#%s" % (job, start) if found.weak and job else job
    if chosen is not None and chosen != "":
        run_id = text(chosen, 200)
        number = claims.nth("run " + run_id)
    elif job:
        number = claims.nth("job " + job)
        run_id = launching.run_id_of(job if number == 1 else "%s:%d" % (job, number))
    else:
        return uuid.uuid4().hex[:20], launch, False
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,128}", run_id):
        raise ValueError("id: %r is not a run id: 1 to 128 of letters, digits, '.', '_' and '-'" % run_id)
    return run_id, "%s:%d" % (launch, number) if number > 1 and launch else launch, True


def _whole(name: str, value: Any, least: int, most: int, otherwise: Optional[int]) -> Any:
    if value is None:
        return otherwise
    number = whole(value)
    if number is None or not least <= number <= most:
        raise ValueError("%s: %s is not a whole number from %d to %d" % (name, text(value, 80), least, most))
    return number


def _number(name: str, value: Any) -> float:
    try:
        number = float(value or 0.0)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError("%s: %s is not a finite number" % (name, text(value, 80)))
    return number
