"""`runstream reproduce RUN`: the source, the packages and the command of a run, as a script; with `--do FOLDER` the script's checkout is made."""
from __future__ import annotations

import os
import re
import shlex
import stat
import subprocess
from typing import Any, Dict, List, NamedTuple, Optional

from .api import Api, ApiError

QUESTION = """query($id: ID!) { run(id: $id) { id name project startedAt environment { gitCommit gitRemote gitDirty gitDiff command cwd runtime
host os gpus packages { key value } seeds { key value } } } }"""
PATCH = "git/diff.patch"


class Source(NamedTuple):
    """What a run was, as far as it was recorded; empty: not."""
    id: str
    title: str
    remote: str
    commit: str
    patch: str
    """Digest of what was changed since the commit."""
    dirty: bool
    command: str
    runtime: str
    where: str
    packages: List[str]
    seeds: Dict[str, str]


class Impossible(Exception):
    """The run can't be made again here, and why."""


def source_of(api: Api, run: str) -> Source:
    """Throws `ApiError` where the server knows no such run, `Impossible` where nothing of its environment was recorded."""
    raw = api.query(QUESTION, id=run)["run"]
    if raw is None:
        raise ApiError("there is no run %s" % run)
    found: Optional[Dict[str, Any]] = raw["environment"]
    if found is None:
        raise Impossible("nothing was recorded of the environment of %s" % run)
    if found["gitCommit"] and not re.fullmatch("[0-9a-f]{7,64}", found["gitCommit"]):
        raise Impossible("%r is not a git commit" % found["gitCommit"])
    said = lambda key: found.get(key) or ""  # noqa: E731
    packages = ["%s==%s" % (item["key"], item["value"]) for item in found["packages"] if item["key"] != "runstream"]
    where = ", ".join(word for word in [said("host"), said("os"), *found["gpus"], said("cwd")] if word)
    return Source(
        raw["id"], raw["name"] or raw["id"], said("gitRemote"), said("gitCommit"), said("gitDiff"), bool(found["gitDirty"]), said("command"),
        said("runtime"), where, packages, {item["key"]: item["value"] for item in found["seeds"]})


def script(source: Source, url: str, folder: str) -> str:
    """For a shell, from the checkout to the command."""
    lines = ["# %s (run %s)" % (_one_line(source.title), source.id)]
    if source.where:
        lines.append("# ran on %s" % _one_line(source.where))
    if source.commit:
        lines.append("git clone %s %s" % (shlex.quote(source.remote or "THE-REPOSITORY"), shlex.quote(folder)))
        lines += ["cd %s" % shlex.quote(folder), "git checkout --detach %s" % source.commit]
    if source.patch:
        key = ' -H "authorization: Bearer $RUNSTREAM_API_KEY"' if os.environ.get("RUNSTREAM_API_KEY") else ""
        lines.append("curl -fsS%s %s | git apply" % (key, shlex.quote("%s/v1/artifacts/%s" % (url.rstrip("/"), source.patch))))
    elif source.dirty:
        lines.append("# it had changes that were not committed, which were not recorded")
    if source.runtime:
        lines.append("# %s" % source.runtime)
    if source.packages:
        lines += ["python -m venv .venv", ".venv/bin/pip install %s" % " ".join(map(shlex.quote, source.packages))]
    lines += ["export %s=%s" % (key, shlex.quote(value)) for key, value in sorted(source.seeds.items()) if key.isidentifier() and key.isupper()]
    lines += ["# seed %s: %s" % (_one_line(key), _one_line(value)) for key, value in sorted(source.seeds.items()) if not (key.isidentifier() and key.isupper())]
    lines.append(source.command or "# its command was not recorded")
    return "\n".join(lines) + "\n"


def make(api: Api, source: Source, folder: str, repository: Optional[str], install: bool) -> None:
    """The checkout with its patch, `requirements.txt`, the packages in `.venv`, and `reproduce.sh` with the command. Throws `Impossible`."""
    if os.path.exists(folder) and (not os.path.isdir(folder) or os.listdir(folder)):
        raise Impossible("%s is there already" % folder)
    if not source.commit:
        raise Impossible("the run was not started in a git checkout")
    remote = repository or source.remote
    if not remote:
        raise Impossible("the run's repository has no remote; say where it is with --repository")
    _git(["clone", "--no-checkout", "--", remote, folder], None)
    _git(["checkout", "--detach", source.commit], folder)
    if source.patch:
        patch = os.path.abspath(os.path.join(folder, ".git", "runstream.patch"))
        api.run(source.id).download(PATCH, patch)
        _git(["apply", "--whitespace=nowarn", patch], folder)
    with open(os.path.join(folder, ".git", "info", "exclude"), "a", encoding="utf-8") as file:
        file.write(".venv/\nrequirements.runstream.txt\nreproduce.sh\n")
    with open(os.path.join(folder, "requirements.runstream.txt"), "w", encoding="utf-8") as file:
        file.write("".join("%s\n" % package for package in source.packages))
    command = os.path.join(folder, "reproduce.sh")
    seeds = "".join("export %s=%s\n" % (key, shlex.quote(value)) for key, value in sorted(source.seeds.items()) if key.isidentifier() and key.isupper())
    with open(command, "w", encoding="utf-8") as file:
        file.write("#!/bin/sh\n# run %s\n[ -d .venv ] && PATH=\"$PWD/.venv/bin:$PATH\"\n%s%s\n" % (source.id, seeds, source.command))
    os.chmod(command, os.stat(command).st_mode | stat.S_IXUSR)
    if install and source.packages:
        _call(["python3", "-m", "venv", ".venv"], folder)
        _call([os.path.join(".venv", "bin", "pip"), "install", "--disable-pip-version-check", "-r", "requirements.runstream.txt"], folder)


def _one_line(words: str) -> str:
    return " ".join(words.split())


def _git(words: List[str], folder: Optional[str]) -> None:
    _call(["git", *words], folder)


def _call(words: List[str], folder: Optional[str]) -> None:
    try:
        done = subprocess.run(words, cwd=folder, stdin=subprocess.DEVNULL)
    except OSError as error:
        raise Impossible("%s: %s" % (words[0], error)) from error
    if done.returncode:
        raise Impossible("%s ended with %d" % (" ".join(map(shlex.quote, words)), done.returncode))
