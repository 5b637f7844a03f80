"""What the run ran on. `quick` is cheap and runs in the training process; `thorough` runs in the sender."""
from __future__ import annotations

import os
import platform
import socket
import sys
from typing import Any, Dict, List

from .masks import mask_all, mask_command
from .source_state import ask, git_state


def quick(launcher: str) -> Dict[str, Any]:
    return {
        "command": mask_command([os.path.basename(sys.executable or "python")] + [str(word) for word in getattr(sys, "argv", [])])[:60_000],
        "host": socket.gethostname(),
        "user": _user(),
        "os": "%s %s" % (platform.system(), platform.release()),
        "runtime": "python %s" % platform.python_version(),
        "seeds": {"PYTHONHASHSEED": os.environ["PYTHONHASHSEED"]} if os.environ.get("PYTHONHASHSEED") else {},
        "launcher": launcher,
        "cwd": _cwd(),
    }


def _cwd() -> str:
    try:
        return os.getcwd()
    except OSError:
        return ""  # it was removed


def thorough(known: Dict[str, Any], path: List[str]) -> Dict[str, Any]:
    return mask_all({
        **known,
        "git": git_state(known.get("cwd") or "."),
        "packages": _packages(path),
        "hardware": {"cpu": _cpu(), "cpuCount": os.cpu_count() or 0, "memoryBytes": _memory(), **_gpus()},
    })


def _user() -> str:
    for name in ("LOGNAME", "USER", "USERNAME"):
        if os.environ.get(name):
            return os.environ[name]
    try:
        import pwd

        return pwd.getpwuid(os.getuid()).pw_name
    except (ImportError, KeyError, OSError):
        return ""


def _packages(path: List[str]) -> Dict[str, str]:
    from importlib import metadata

    found: Dict[str, str] = {}
    for item in metadata.distributions(path=path):
        name = item.metadata["Name"]
        if name and name not in found and len(found) < 10_000:
            found[name[:500]] = (item.version or "")[:200]
    return dict(sorted(found.items(), key=lambda entry: entry[0].lower()))


def _cpu() -> str:
    try:
        with open("/proc/cpuinfo") as file:
            for line in file:
                if line.lower().startswith("model name"):
                    return line.split(":", 1)[1].strip()[:500]
    except OSError:
        pass  # not Linux
    return platform.processor() or platform.machine()


def _memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return 0


def _gpus() -> Dict[str, Any]:
    text = ask(["nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"])
    if not text:
        return {"gpus": []}
    rows = [[part.strip() for part in line.split(",")] for line in text.splitlines()]
    driver = rows[0][2] if len(rows[0]) > 2 else ""
    return {"gpus": [" ".join(row[:2])[:200] for row in rows[:64]], "acceleratorRuntime": "nvidia driver %s" % driver if driver else ""}
