"""init(): the spool folder, the first word of the run, the sender."""
from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from typing import Any, Dict, Iterable, Mapping, Optional, Union

from . import capture, exit_code
from .endings import install_hooks
from .masks import mask_all
from .places import make_spool_folder, spool_root
from .run import Run
from .settings import read_settings
from .tracked import EVENT_BYTES_MAX, PARAMS_PER_EVENT_MAX, TAGS_PER_EVENT_MAX, param_bytes, portions, split_tags
from .values import flatten

__all__ = ["init", "join", "spool_root"]

SPOOL_MB_MAX = 4_096
NOTE_CHARS_IN_START_MAX = 20_000
TAG_CHARS_IN_START_MAX = 20_000


def init(
    project: Optional[str] = None,
    name: str = "",
    id: Optional[str] = None,
    config: Any = None,
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
    capture_diff: bool = True,
    capture_system: Optional[bool] = None,
    system_interval_s: Optional[float] = None,
    spool_mb_max: int = SPOOL_MB_MAX,
) -> Run:
    """Starts a run, or joins it: every process that gives the same `id` (or is a rank of the same job) writes to one run.

    project: its name; RUNSTREAM_PROJECT when not given, else "default".
    name: what people call the run; its id is shown when empty.
    id: 1 to 128 of letters, digits, ".", "_", "-"; RUNSTREAM_RUN_ID or the launcher's job when not given, else a new one.
    config: params: a dict, an argparse.Namespace, a dataclass or the like; nested ones become keys with dots.
    tags: a dict of texts, or a list of labels.
    labels: words without values.
    group, job_type, user: texts to search by; `user` is who runs the process when empty.
    notes: a text of any length up to 200,000 characters.
    url: of the server; RUNSTREAM_URL when not given, else http://127.0.0.1:7171.
    api_key: RUNSTREAM_API_KEY when not given; never written to the disk.
    mode: "online"; "offline" keeps everything for `runstream sync`; "disabled" keeps nothing. RUNSTREAM_MODE when not given.
    dir: where spools lie; RUNSTREAM_DIR when not given, else in the temporary directory.
    rank, world_size: from the launcher (torchrun, SLURM, MPI, Ray) when not given.
    launch: what all processes of one start have in common; from the launcher.
    attempt: how often the job was started, from 1; the server counts when not given.
    from_step: where a restart goes on. Without it a run that counts its steps by itself goes on behind what is there.
    cost_per_hour: of the whole run, in whatever currency, for the run's cost.
    capture_console: keep what is printed. capture_environment: keep git state, command, packages, hardware, seeds.
    capture_diff: keep what was changed since the commit as the artifact `git/diff.patch` (of rank 0; up to 4 MiB, tokens masked, files of keys left out).
    capture_system: sample CPU, memory, disk, network and GPUs as metrics `system/…`, in the sender; RUNSTREAM_CAPTURE_SYSTEM when not given, else true.
    system_interval_s: seconds from sample to sample, from 1; RUNSTREAM_SYSTEM_INTERVAL_S when not given, else 5.
    spool_mb_max: megabytes that may wait on this machine; beyond them points are dropped and counted.
    Throws ValueError for settings that can't be right, nothing else.
    """
    settings = read_settings({
        "project": project, "name": name, "id": id, "group": group, "job_type": job_type, "user": user, "url": url, "mode": mode, "dir": dir,
        "rank": rank, "world_size": world_size, "launch": launch, "attempt": attempt, "from_step": from_step, "cost_per_hour": cost_per_hour,
        "spool_mb_max": spool_mb_max, "capture_system": capture_system, "system_interval_s": system_interval_s,
    })
    run = Run(settings)
    run._api_key = None if api_key is None else str(api_key)  # in memory alone
    try:
        params = flatten(config)
    except Exception as error:  # an odd value never ends a training
        params = {}
        run._skip("config can't be read: %r" % error)
    dict.update(run.config, params)
    if settings["mode"] == "disabled":
        return run
    environment: Optional[Dict[str, Any]] = None
    if capture_environment:
        environment = mask_all(capture.quick(settings["launcher"]))
    settings["environment"] = environment
    settings["diff"] = bool(capture_diff) and environment is not None and settings["rank"] == 0
    if not _open(run, settings):
        return run
    install_hooks()
    exit_code.write_down_in(run._folder)
    _say_start(run, settings, params, split_tags(tags, labels), notes)
    if from_step is not None:
        run.step = settings["from_step"]
    if capture_console:
        from .console import capture_console as begin

        run._console = begin(run)
    run._watch()
    return run


def _open(run: Run, settings: Dict[str, Any]) -> bool:
    try:
        folder = make_spool_folder(settings["root"], settings["run"], settings["writer"], run._say)
        settings["path"] = [os.fspath(entry) or os.getcwd() for entry in sys.path if isinstance(entry, (str, os.PathLike))]
        with open(os.path.join(folder, "meta.json"), "w", encoding="utf-8") as file:
            json.dump(settings, file)
        run._open(folder, settings["spool_mb_max"] * 1024 * 1024)
    except (OSError, ValueError) as error:
        run._say("disk", "no spool can be made (%s); this run is not recorded" % error)
        run.mode, run._finished = "disabled", True
        return False
    start_sender = (lambda: _start_sender(run, run._folder)) if settings["mode"] == "online" else None
    run._opened(folder, start_sender)
    return True


def _say_start(run: Run, settings: Dict[str, Any], config: Dict[str, Any], tags: Any, notes: Any) -> None:
    """What is too large for one record follows in records of its own."""
    environment = settings["environment"]
    note = run._cut(notes, 200_000, "the note")
    params = portions(run._params(config), PARAMS_PER_EVENT_MAX, param_bytes)
    named, labels = tags
    label_parts = portions(labels, TAGS_PER_EVENT_MAX, lambda label: 4 * len(label))
    said_tags = {key: run._cut(value, 8_000, "the value of tag %r" % key) for key, value in flatten(named).items() if run._good_key(key, "tag")}
    tag_parts = portions(said_tags.items(), TAGS_PER_EVENT_MAX, lambda item: 4 * (len(item[0]) + len(item[1])))
    tag_map = dict(tag_parts[0]) if tag_parts and sum(len(value) for _, value in tag_parts[0]) <= TAG_CHARS_IN_START_MAX else {}
    first = params[0] if params and sum(map(param_bytes, params[0])) <= EVENT_BYTES_MAX else []
    run.tags.values.update(said_tags)
    run.tags.labels.update(dict.fromkeys(labels))
    run._event("RunStarted", {
        **_start_facts(settings), "name": settings["name"], "group": settings["group"], "jobType": settings["job_type"],
        "user": settings["user"] or (environment or {}).get("user", ""), "notes": note if len(note) <= NOTE_CHARS_IN_START_MAX else "",
        "tags": tag_map, "params": first, "environment": environment, "fromStep": settings["from_step"] or 0,
        "hasFromStep": settings["from_step"] is not None, "costPerHour": settings["cost_per_hour"], "labels": label_parts[0] if label_parts else [],
    })
    for part in params[1 if first else 0 :]:
        run._event("ParamsLogged", {"params": part})
    for part in label_parts[1:]:
        run._event("TagsSet", {"labels": part})
    for part in tag_parts[1 if tag_map else 0 :]:
        run._event("TagsSet", {"tags": dict(part)})
    if len(note) > NOTE_CHARS_IN_START_MAX:
        run._event("NoteSet", {"text": note})


def _start_facts(settings: Dict[str, Any]) -> Dict[str, Any]:
    return {"project": settings["project"], "worldSize": settings["world_size"], "launch": settings["launch"][:200]}


def join(run: Run) -> bool:
    """A forked child or a copy in another process becomes a writer of its run."""
    settings = {**run._settings, "writer": uuid.uuid4().hex, "pid": os.getpid(), "joined": True}
    run._settings = settings
    run._fresh()
    run._finished = False
    if not _open(run, settings):
        return False
    install_hooks()
    run._event("RunStarted", _start_facts(settings))
    run._watch()
    return True


def _start_sender(run: Run, folder: str) -> Any:
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    code = "import sys; sys.path.insert(0, %r); from runstream.sender import main; main(sys.argv[1:])" % package
    environment = dict(os.environ)
    if run._api_key:
        environment["RUNSTREAM_API_KEY"] = run._api_key
    try:
        # -S: starts faster; the sender needs nothing but the standard library
        with open(os.path.join(folder, "sender.log"), "ab") as log:
            return Beside([sys.executable, "-S", "-c", code, folder, str(os.getpid())], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=log, close_fds=True, start_new_session=True, env=environment, cwd="/")
    except (OSError, ValueError) as error:
        run._say("sender", "the sender can't be started (%s); deliver later with: runstream sync" % error)
        return None


class Beside(subprocess.Popen):
    """A process that outlives its parent on purpose."""

    def __del__(self) -> None:
        self.returncode = 0
        super().__del__()
