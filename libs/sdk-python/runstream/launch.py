"""Who started this process: rank, world size, which start of which job. Reads the launcher's environment."""
from __future__ import annotations

import hashlib
import os
import sys
from typing import Mapping, NamedTuple, Optional


class Launch(NamedTuple):
    launcher: str
    rank: int
    world_size: int
    launch: str
    """Same for all ranks of one start of the job, another after a restart; empty when nobody says."""
    job: str
    """Same for all ranks and all restarts; the run id of a job with several ranks is made from it."""
    attempt: int
    weak: bool = False
    """The job is known by its meeting point alone, which another job may have tomorrow: a new start of it is a job of its own."""


INTERACTIVE_STEP_MIN = 0xFFFFFFF0
"""SLURM numbers the batch script, the allocation itself and the shell of an interactive allocation from here on: no step of a parallel job."""


def _number(env: Mapping[str, str], *names: str) -> Optional[int]:
    for name in names:
        text = env.get(name, "")
        if text.isdigit():
            return int(text)
    return None


def detect(env: Mapping[str, str]) -> Launch:
    found = None if _in_notebook(env) else _torchrun(env) or _slurm(env) or _mpi(env) or _ray(env)
    found = found or Launch("", 0, 1, "", "", 0)
    attempt = _number(env, "RUNSTREAM_ATTEMPT") or 0
    return found._replace(launch=env.get("RUNSTREAM_LAUNCH") or found.launch, attempt=attempt)


def _in_notebook(env: Mapping[str, str]) -> bool:
    """A notebook's kernel has the environment of whatever started the notebook server, and is one process for a person."""
    return "ipykernel" in sys.modules or "JPY_PARENT_PID" in env or "JPY_SESSION_NAME" in env or "COLAB_RELEASE_TAG" in env


def _torchrun(env: Mapping[str, str]) -> Optional[Launch]:
    rank, size = _number(env, "RANK"), _number(env, "WORLD_SIZE")
    if rank is None or size is None:
        return None
    name = env.get("TORCHELASTIC_RUN_ID", "")
    weak = name in ("", "none")
    if weak:
        # torchrun's default id is the same for every job: the agent process on one machine, the meeting point on several
        name = "%s:%s" % (env.get("MASTER_ADDR", ""), env.get("MASTER_PORT", ""))
        if env.get("GROUP_WORLD_SIZE", "1") == "1":
            name += ":%s" % _process_identity(os.getppid())
    job = "torchrun:%s" % name
    return Launch("torchrun", rank, size, "%s:%s" % (job, env.get("TORCHELASTIC_RESTART_COUNT", "0")), job, 0, weak)


def _process_identity(pid: int) -> str:
    try:
        with open("/proc/%d/stat" % pid) as file:
            return "%d.%s" % (pid, file.read().rsplit(")", 1)[1].split()[19])
    except OSError:
        return str(pid)


def _slurm(env: Mapping[str, str]) -> Optional[Launch]:
    rank = _number(env, "SLURM_PROCID")
    size = _number(env, "SLURM_STEP_NUM_TASKS", "SLURM_NTASKS", "SLURM_NPROCS")
    step = env.get("SLURM_STEP_ID", env.get("SLURM_STEPID", ""))
    if rank is None or size is None or not step or not env.get("SLURM_JOB_ID") or _is_interactive(env, step):
        return None
    job = "slurm:%s:%s:%s" % (env.get("SLURM_CLUSTER_NAME", ""), env["SLURM_JOB_ID"], step)
    return Launch("slurm", rank, size, "%s:%s" % (job, env.get("SLURM_RESTART_COUNT", "0")), job, 0)


def _is_interactive(env: Mapping[str, str], step: str) -> bool:
    """`srun --pty bash`, the shell of salloc: what a person starts there one after the other are no ranks of one job."""
    pty = any(env.get(name) for name in ("SLURM_PTY_PORT", "SLURM_PTY_WIN_COL", "SLURM_PTY_WIN_ROW"))
    return pty or (step.isdigit() and int(step) >= INTERACTIVE_STEP_MIN)


def _mpi(env: Mapping[str, str]) -> Optional[Launch]:
    rank = _number(env, "OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK")
    size = _number(env, "OMPI_COMM_WORLD_SIZE", "PMI_SIZE")
    if rank is None or size is None:
        return None
    name = env.get("PMIX_NAMESPACE") or env.get("OMPI_MCA_ess_base_jobid") or env.get("PMI_JOBID") or env.get("HYDI_CONTROL_FD", "")
    job = "mpi:%s" % name if name else ""
    return Launch("mpi", rank, size, job, job, 0)


def _ray(env: Mapping[str, str]) -> Optional[Launch]:
    rank, size = _number(env, "RAY_TRAIN_WORLD_RANK", "TRAIN_WORLD_RANK"), _number(env, "RAY_TRAIN_WORLD_SIZE", "TRAIN_WORLD_SIZE")
    if rank is None or size is None:
        return None
    job = "ray:%s" % env["RAY_JOB_ID"] if env.get("RAY_JOB_ID") else ""
    return Launch("ray", rank, size, job, job, 0)


def on_one_host(env: Mapping[str, str], world_size: int) -> bool:
    """Whether all ranks of the job are known to be on this machine."""
    local = _number(env, "LOCAL_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_SIZE", "MPI_LOCALNRANKS")
    return world_size <= 1 or local == world_size or (local is None and _number(env, "SLURM_STEP_NUM_NODES", "SLURM_NNODES") == 1)


def run_id_of(job: str) -> str:
    return hashlib.sha256(job.encode()).hexdigest()[:20]
