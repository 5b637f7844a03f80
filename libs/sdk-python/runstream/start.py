"""init(): settings from arguments and the environment, the spool folder, the sender."""
from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import uuid
from typing import Any, Dict, Iterable, List, Mapping, Optional, Union

from . import capture, launch as launching
from ._version import __version__
from .run import Run, flatten, install_hooks

SPOOL_MB_MAX = 4_096


def spool_root(given: Optional[str]) -> str:
    return os.path.abspath(given or os.environ.get("RUNSTREAM_DIR") or ".runstream")


def init(
    project: Optional[str] = None,
    name: str = "",
    id: Optional[str] = None,
    config: Optional[Mapping[str, Any]] = None,
    tags: Union[Mapping[str, Any], Iterable[str], None] = None,
    labels: Optional[Iterable[str]] = None,
    group: str = "",
    job_type: str = "",
    notes: str = "",
    user: str = "",
    url: Optional[str] = None,
    api_key: Optional[str] = None,
    mode: Optional[str] = None,
    dir: Optional[str] = None,
    rank: Optional[int] = None,
    world_size: Optional[int] = None,
    launch: Optional[str] = None,
    attempt: Optional[int] = None,
    from_step: Optional[int] = None,
    cost_per_hour: float = 0.0,
    capture_console: bool = True,
    capture_environment: bool = True,
    spool_mb_max: int = SPOOL_MB_MAX,
) -> Run:
    """Starts a run, or joins it: every process that gives the same `id` (or is a rank of the same job) writes to one run.

    project, url, api_key, mode ("online", "offline", "disabled"), id and dir come from RUNSTREAM_PROJECT, RUNSTREAM_URL, RUNSTREAM_API_KEY,
    RUNSTREAM_MODE, RUNSTREAM_RUN_ID and RUNSTREAM_DIR when not given; rank, world_size, launch and attempt from the launcher. `tags` is a dict,
    or a list of labels. `from_step` says where a restart goes on. Throws ValueError for settings that can't be right, nothing else.
    """
    env = os.environ
    mode = mode or env.get("RUNSTREAM_MODE") or "online"
    if mode not in ("online", "offline", "disabled"):
        raise ValueError("mode: %r is not one of online, offline, disabled" % mode)
    found = launching.detect(env)
    rank = found.rank if rank is None else rank
    world_size = found.world_size if world_size is None else world_size
    writer = uuid.uuid4().hex
    run_id = id or env.get("RUNSTREAM_RUN_ID") or (launching.run_id_of(found.job) if found.job and world_size > 1 else uuid.uuid4().hex[:20])
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,128}", run_id):
        raise ValueError("id: %r is not a run id: 1 to 128 of letters, digits, '.', '_' and '-'" % run_id)
    project = project or env.get("RUNSTREAM_PROJECT") or "default"
    if project.strip() != project or len(project) > 256:
        raise ValueError("project: must not begin or end with a space, at most 256 characters")
    settings: Dict[str, Any] = {
        "run": run_id, "project": project, "name": str(name)[:500], "writer": writer, "rank": rank, "world_size": world_size, "mode": mode,
        "url": url or env.get("RUNSTREAM_URL") or "http://127.0.0.1:7171",
        "attempt": attempt or found.attempt, "source": "sdk-python/%s" % __version__, "pid": os.getpid(),
    }
    run = Run(settings)
    if mode == "disabled":
        dict.update(run.config, flatten(config or {}))
        return run
    try:
        folder = _make_folder(run, spool_root(dir), run_id, writer)
        environment = capture.quick(found.launcher) if capture_environment else None
        settings["environment"] = environment
        settings["path"] = [entry or os.getcwd() for entry in sys.path]
        with open(os.path.join(folder, "meta.json"), "w", encoding="utf-8") as file:
            json.dump(settings, file)
        run._open(folder, spool_mb_max * 1024 * 1024)
    except OSError as error:
        run._say("disk", "no spool can be made (%s); this run is not recorded" % error)
        run.mode, run._finished = "disabled", True
        return run
    install_hooks()
    label_list = list(labels or []) + ([] if tags is None or isinstance(tags, Mapping) else list(tags))
    tag_map = {str(k)[:500]: str(v)[:8_000] for k, v in tags.items()} if isinstance(tags, Mapping) else {}
    run.tags.values.update(tag_map)
    run.tags.labels.update(dict.fromkeys(label_list))
    params = flatten(config or {})
    dict.update(run.config, params)
    run._event("RunStarted", {
        "project": project, "name": settings["name"], "group": group, "jobType": job_type, "user": user or (environment or {}).get("user", ""),
        "notes": notes[:200_000], "tags": tag_map, "params": run._params(params)[:5_000], "environment": environment, "worldSize": world_size,
        "launch": (launch or found.launch or writer)[:200], "fromStep": from_step or 0, "hasFromStep": from_step is not None,
        "costPerHour": cost_per_hour, "labels": [str(label)[:500] for label in label_list],
    })
    if from_step is not None:
        run.step = from_step
    run._watch((lambda: _start_sender(run, folder, api_key)) if mode == "online" else None)
    if capture_console:
        run._capture_console()
    return run


def _make_folder(run: Run, root: str, run_id: str, writer: str) -> str:
    for place in (root, os.path.join(tempfile.gettempdir(), "runstream")):
        folder = os.path.join(place, "spool", run_id, writer)
        try:
            os.makedirs(folder, mode=0o700)
            return folder
        except OSError as error:
            run._say("folder", "%s can't be written (%s)" % (place, error))
    raise OSError("no folder to write to")


def _start_sender(run: Run, folder: str, api_key: Optional[str]) -> Any:
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    code = "import sys; sys.path.insert(0, %r); from runstream.sender import main; main(sys.argv[1:])" % package
    environment = dict(os.environ)
    if api_key:
        environment["RUNSTREAM_API_KEY"] = api_key
    try:
        # -S: starts faster; the sender needs nothing but the standard library
        with open(os.path.join(folder, "sender.log"), "ab") as log:
            return _Sender([sys.executable, "-S", "-c", code, folder, str(os.getpid())], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                           stderr=log, close_fds=True, start_new_session=True, env=environment, cwd="/")
    except OSError as error:
        run._say("sender", "the sender can't be started (%s); deliver later with: runstream sync" % error)
        return None


class _Sender(subprocess.Popen):
    """Outlives its parent on purpose."""

    def __del__(self) -> None:
        self.returncode = 0
        super().__del__()
