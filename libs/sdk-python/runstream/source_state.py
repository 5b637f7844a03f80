"""The program's source as it ran: where it was checked out, and as a patch what was changed since. Runs in the sender."""
from __future__ import annotations

import os
import subprocess
import threading
from typing import Dict, List, NamedTuple, Optional

from .masks import mask_source

PATCH_BYTES_MAX = 4 * 1024 * 1024
UNTRACKED_BYTES_MAX = 100_000
UNTRACKED_FILES_MAX = 200
PATIENCE_S = 20.0
# what holds keys by its name stays where it is, changed or new
_NOT_THESE = [":(top,exclude,glob,icase)**/" + name for name in (
    ".env*", "*.pem", "*.key", "*.p12", "*.pfx", "*.keystore", "id_rsa*", "id_ed25519*", ".netrc", ".npmrc", ".pypirc", "*credentials*", "*secret*", "*token*.json")]
# what tools write beside the source
_NOT_THESE += [":(top,exclude,glob)**/%s/**" % name for name in (".runstream", "wandb", "mlruns", "__pycache__", "node_modules", ".venv", "venv")]
_AS_PATCH = ["--binary", "--no-color", "--no-ext-diff", "--no-textconv", "--src-prefix=a/", "--dst-prefix=b/"]


class Patch(NamedTuple):
    """What `git apply` takes; None where nothing was changed, or too much."""
    content: Optional[bytes]
    """Why something is not in it, in words; empty where all is."""
    left_out: str


def git_state(cwd: str) -> Optional[Dict[str, object]]:
    commit = ask(["git", "rev-parse", "HEAD"], cwd)
    if not commit:
        return None
    remote = ask(["git", "remote", "get-url", "origin"], cwd) or ""
    if "@" in remote and "://" in remote:
        scheme, rest = remote.split("://", 1)
        remote = "%s://%s" % (scheme, rest.rsplit("@", 1)[1])  # a token in the address stays here
    return {
        "commit": commit,
        "branch": ask(["git", "rev-parse", "--abbrev-ref", "HEAD"], cwd) or "",
        "dirty": bool(ask(["git", "status", "--porcelain", "-uno"], cwd)),
        "remote": remote[:2_000],
    }


def patch(cwd: str, spools: str = "") -> Patch:
    """Changes since the commit, and small files that git does not know yet; tokens in them are masked. Nothing of the folder of spools."""
    top = ask(["git", "rev-parse", "--show-toplevel"], cwd)
    if not top:
        return Patch(None, "")
    changed = _output(["git", "diff", "HEAD", *_AS_PATCH, "--", *_NOT_THESE], top, PATCH_BYTES_MAX, (0,))
    if changed is None:
        return Patch(None, "the changes since the commit are more than %d bytes, or git did not answer" % PATCH_BYTES_MAX)
    pieces, size, left_out = [changed], len(changed), 0
    listed = _output(["git", "ls-files", "--others", "--exclude-standard", "-z", "--", *_NOT_THESE], top, PATCH_BYTES_MAX, (0,)) or b""
    names = [os.fsdecode(name) for name in listed.split(b"\0") if name]
    ours = os.path.join(os.path.realpath(spools), "") if spools else None
    names = [name for name in names if ours is None or not os.path.join(os.path.realpath(top), name).startswith(ours)]
    for index, name in enumerate(names):
        path = os.path.join(top, name)
        if index >= UNTRACKED_FILES_MAX or os.path.islink(path) or not os.path.isfile(path) or os.path.getsize(path) > UNTRACKED_BYTES_MAX:
            left_out += 1
            continue
        # git says with 1 that they differ
        added = _output(["git", "diff", "--no-index", *_AS_PATCH, "--", os.devnull, name], top, PATCH_BYTES_MAX - size, (0, 1))
        if added is None:
            left_out += 1
            continue
        pieces.append(added)
        size += len(added)
    content = mask_source(b"".join(pieces))
    return Patch(content or None, "%d files that git does not know are not in it: too large, too many, or no files" % left_out if left_out else "")


def ask(command: List[str], cwd: Optional[str] = None) -> Optional[str]:
    """What a program prints; None when it is not there or fails."""
    try:
        done = subprocess.run(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode("utf-8", "replace").strip() if done.returncode == 0 else None


def _output(command: List[str], cwd: str, bytes_max: int, good: tuple) -> Optional[bytes]:
    """Its bytes; None when there are more, it fails or takes too long."""
    try:
        process = subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    except OSError:
        return None
    timer = threading.Timer(PATIENCE_S, process.kill)
    timer.start()
    try:
        content = process.stdout.read(bytes_max + 1) if process.stdout else b""
        if len(content) > bytes_max:
            process.kill()
        code = process.wait()
    finally:
        timer.cancel()
        if process.stdout:
            process.stdout.close()
    return content if len(content) <= bytes_max and code in good else None
