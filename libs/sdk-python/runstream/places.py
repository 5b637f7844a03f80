"""Where a spool lies: in the working folder, else in a folder of this user's own; never in one that belongs to somebody else."""
from __future__ import annotations

import os
import stat
import tempfile
from typing import Callable, Iterator, List, Optional


def spool_root(given: Optional[str]) -> str:
    chosen = given if given is None else os.fspath(given)
    place = chosen or os.environ.get("RUNSTREAM_DIR") or ".runstream"
    try:
        return os.path.abspath(place)
    except OSError:  # the working folder is gone
        return os.path.join(tempfile.gettempdir(), place)


def spool_roots(given: Optional[str]) -> List[str]:
    """Where `runstream sync` looks: the folder it is given, else all that init() may have chosen."""
    if given or os.environ.get("RUNSTREAM_DIR"):
        return [spool_root(given)]
    roots = [spool_root(None)]
    for parent in dict.fromkeys((tempfile.gettempdir(), "/tmp", "/var/tmp")):
        if os.path.isdir(parent):
            for name in sorted(os.listdir(parent)):
                path = os.path.join(parent, name)
                if (name == _own_name() or name.startswith(_own_name() + "-")) and os.path.isdir(path) and _is_ours(path):
                    roots.append(path)
    return roots


def _own_name() -> str:
    return "runstream-%s" % (os.getuid() if hasattr(os, "getuid") else "user")


def make_spool_folder(root: str, run_id: str, writer: str, say: Callable[[str, str], None]) -> str:
    for place in _places(root):
        folder = os.path.join(place, "spool", run_id, writer)
        try:
            os.makedirs(folder, mode=0o700)
            probe = os.open(os.path.join(folder, "probe"), os.O_WRONLY | os.O_CREAT, 0o600)
            os.close(probe)
            os.unlink(os.path.join(folder, "probe"))
            return folder
        except OSError as error:
            say("folder", "%s can't be written (%s); the spool goes elsewhere" % (place, error))
    raise OSError("no folder to write to")


def _places(root: str) -> Iterator[str]:
    yield root
    own = _own_name()
    for parent in (tempfile.gettempdir(), "/tmp", "/var/tmp"):
        if os.path.isdir(parent):
            place = os.path.join(parent, own)
            if _is_ours(place):
                yield place
            try:
                yield tempfile.mkdtemp(prefix=own + "-", dir=parent)
            except OSError:
                continue


def _is_ours(place: str) -> bool:
    """Makes the folder when it is not there. One that somebody else made under this name, or a link, is not ours."""
    try:
        os.mkdir(place, 0o700)
    except FileExistsError:
        pass
    except OSError:
        return False
    found = os.lstat(place)
    return stat.S_ISDIR(found.st_mode) and (not hasattr(os, "getuid") or found.st_uid == os.getuid())
