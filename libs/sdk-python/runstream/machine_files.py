"""Texts of /proc and /sys, and the numbers in them. Nothing here keeps anything between two readings."""
from __future__ import annotations

import os
import re
from typing import Dict, Iterator, List, NamedTuple, Optional, Tuple

SECTOR_BYTES = 512
_STACKED = re.compile(r"(loop|ram|zram|dm-|md|sr|fd|nbd)")
"""Devices that hold nothing of their own: what goes to them is counted where it arrives."""
_VIRTUAL = re.compile(r"(lo|veth|docker|br-|virbr|cni|flannel|cali|tun|tap|dummy|kube-|bond|team|wg)")


class Files:
    """The machine's own. A text or a folder that is not there, or not for us, is none."""

    def read(self, path: str) -> Optional[str]:
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                return file.read()
        except OSError:
            return None

    def names(self, path: str) -> List[str]:
        try:
            return os.listdir(path)
        except OSError:
            return []

    def number(self, path: str) -> Optional[float]:
        return to_number(self.read(path))


def to_number(text: Optional[str]) -> Optional[float]:
    try:
        return float((text or "").strip())
    except ValueError:
        return None  # "max", "N/A"


def numbers_by_name(text: Optional[str]) -> Dict[str, float]:
    """Lines of a name and a number: meminfo (in kB, given in bytes), memory.stat, cpu.stat."""
    found = {}
    for line in (text or "").splitlines():
        words = line.replace(":", " ").split()
        value = to_number(words[1]) if len(words) > 1 else None
        if value is not None:
            found[words[0]] = value * 1024 if words[2:] == ["kB"] else value
    return found


def cpu_times(stat: Optional[str]) -> Optional[Tuple[float, float]]:
    """(busy, all) ticks of all processors since boot. What guests use is part of user time already."""
    for line in (stat or "").splitlines():
        words = line.split()
        if words and words[0] == "cpu" and len(words) > 5:
            ticks = [float(word) for word in words[1:9]]
            return sum(ticks) - ticks[3] - ticks[4], sum(ticks)
    return None


def disk_bytes(diskstats: Optional[str], devices: List[str]) -> Optional[Tuple[float, float]]:
    """(read, written) of whole devices: their partitions are in them."""
    whole = {name for name in devices if not _STACKED.match(name)}
    rows = [words for words in map(str.split, (diskstats or "").splitlines()) if len(words) > 9 and words[2] in whole]
    if not rows:
        return None
    return sum(float(row[5]) for row in rows) * SECTOR_BYTES, sum(float(row[9]) for row in rows) * SECTOR_BYTES


def network_bytes(dev: Optional[str], hardware: List[str]) -> Optional[Tuple[float, float]]:
    """(received, sent) through interfaces with hardware behind them; in a container, which has none, through all but the loopback and bridges."""
    rows = {}
    for line in (dev or "").splitlines():
        name, colon, rest = line.partition(":")
        words = rest.split()
        if colon and len(words) > 8:
            rows[name.strip()] = (float(words[0]), float(words[8]))
    chosen = [name for name in rows if name in hardware] or [name for name in rows if not _VIRTUAL.match(name)]
    if not chosen:
        return None
    return sum(rows[name][0] for name in chosen), sum(rows[name][1] for name in chosen)


class Process(NamedTuple):
    parent: int
    ticks: float
    began: str
    """Tells a process from a later one of the same number."""
    pages: float


def process_of(stat: Optional[str]) -> Optional[Process]:
    # the name between the brackets may hold anything
    words = (stat or "").rpartition(")")[2].split()
    return Process(int(words[1]), float(words[11]) + float(words[12]), words[19], float(words[21])) if len(words) > 21 else None


# ---- control groups ----------------------------------------------------------------------------------------------------


def _group_folders(files: Files, controller: str) -> Iterator[str]:
    """The group of this process in the hierarchy of the controller, then those around it, to the root. A container often sees its own group as the
    root, while /proc says where it lies outside: what is not there is passed over by whoever reads it."""
    for line in (files.read("/proc/self/cgroup") or "").splitlines():
        number, _, rest = line.partition(":")
        names, _, path = rest.partition(":")
        if number == "0" and names == "":
            mount = "/sys/fs/cgroup" if controller == "" else None
        else:
            mount = "/sys/fs/cgroup/%s" % (names if files.names("/sys/fs/cgroup/%s" % names) else controller) if controller in names.split(",") else None
        while mount is not None:
            yield mount + path.rstrip("/")
            if path in ("", "/"):
                break
            path = path.rpartition("/")[0]


def memory_limit(files: Files) -> Optional[Tuple[float, float]]:
    """(limit, used) in bytes of the tightest group around this process. What the kernel may take back at once (inactive file cache) is not used."""
    found = []
    for folder, limit, usage, cache in [(folder, "memory.max", "memory.current", "inactive_file") for folder in _group_folders(files, "")] + [
        (folder, "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file") for folder in _group_folders(files, "memory")
    ]:
        most, used = files.number("%s/%s" % (folder, limit)), files.number("%s/%s" % (folder, usage))
        if most is not None and used is not None:
            stat = numbers_by_name(files.read("%s/memory.stat" % folder))
            found.append((most, max(0.0, used - stat.get(cache, 0.0))))
    return min(found, default=None)


def cpu_limit(files: Files) -> Optional[Tuple[float, float]]:
    """(processors, seconds used) of the tightest group around this process that has a quota."""
    found = []
    for folder in _group_folders(files, ""):
        words = (files.read("%s/cpu.max" % folder) or "").split()
        used = numbers_by_name(files.read("%s/cpu.stat" % folder)).get("usage_usec")
        if len(words) == 2 and words[0] != "max" and used is not None:
            found.append((float(words[0]) / float(words[1]), used / 1e6))
    used_at = list(_group_folders(files, "cpuacct"))
    for folder, accounts in zip(_group_folders(files, "cpu"), used_at):
        quota, period = files.number("%s/cpu.cfs_quota_us" % folder), files.number("%s/cpu.cfs_period_us" % folder)
        used = files.number("%s/cpuacct.usage" % accounts)
        if quota is not None and quota > 0 and period and used is not None:
            found.append((quota / period, used / 1e9))
    return min(found, default=None)
