"""The host and the process tree of the training as metrics. A reading gives what is; what happens per second is known from the second reading on."""
from __future__ import annotations

import os
import shutil
import time
from typing import Callable, Dict, List, Optional, Tuple

from .machine_files import Files, cpu_limit, cpu_times, disk_bytes, memory_limit, network_bytes, numbers_by_name, process_of

TREE_COST_S = 0.005


class Rates:
    """How fast counters grow. One that went back, or was not there, says nothing this time."""

    def __init__(self) -> None:
        self._before: Dict[str, Tuple[float, float]] = {}

    def of(self, name: str, value: float, at: float) -> Optional[float]:
        before = self._before.get(name)
        self._before[name] = (value, at)
        return None if before is None or value < before[0] or at <= before[1] else (value - before[0]) / (at - before[1])


def put(values: Dict[str, float], key: str, value: Optional[float]) -> None:
    if value is not None:
        values[key] = value


class Host:
    """Of the container where it has limits, else of the machine."""

    def __init__(self, files: Files, folder: str, disk: Callable[[str], Optional[Tuple[float, float]]], load: Callable[[], Optional[float]]) -> None:
        self._files = files
        self._folder = folder
        self._disk = disk
        self._load = load
        self._rates = Rates()

    def read(self, at: float) -> Dict[str, float]:
        files, values = self._files, {}
        put(values, "system/cpu_percent", self._cpu(at))
        put(values, "system/load_1m", self._load())
        memory = numbers_by_name(files.read("/proc/meminfo"))
        total = memory.get("MemTotal")
        if total is not None:
            available = memory.get("MemAvailable", memory.get("MemFree", 0.0) + memory.get("Buffers", 0.0) + memory.get("Cached", 0.0))
            used, limit = total - available, memory_limit(files)
            if limit is not None and limit[0] < total:
                used, available = limit[1], max(0.0, min(limit[0] - limit[1], available))
            values.update({"system/memory_used_bytes": used, "system/memory_available_bytes": available})
        space = self._disk(self._folder)
        if space is not None:
            values.update({"system/disk_used_bytes": space[0], "system/disk_free_bytes": space[1]})
        self._per_second(values, "system/disk_read_bytes_per_s", "system/disk_write_bytes_per_s", disk_bytes(files.read("/proc/diskstats"), files.names("/sys/block")), at)
        hardware = [name for name in files.names("/sys/class/net") if files.names("/sys/class/net/%s/device" % name)]
        self._per_second(values, "system/network_received_bytes_per_s", "system/network_sent_bytes_per_s", network_bytes(files.read("/proc/net/dev"), hardware), at)
        return values

    def _per_second(self, values: Dict[str, float], first: str, second: str, counters: Optional[Tuple[float, float]], at: float) -> None:
        for key, counter in zip((first, second), counters or ()):
            put(values, key, self._rates.of(key, counter, at))

    def _cpu(self, at: float) -> Optional[float]:
        ticks, limit = cpu_times(self._files.read("/proc/stat")), cpu_limit(self._files)
        if ticks is None:
            return None
        # both are followed: a quota may come and go
        busy, passed = self._rates.of("busy", ticks[0], at), self._rates.of("ticks", ticks[1], at)
        used = None if limit is None else self._rates.of("quota", limit[1], at)
        if limit is not None:
            return None if used is None else 100.0 * used / limit[0]
        # all of it can be a bit more than all in floating point
        return None if busy is None or not passed else min(100.0, 100.0 * busy / passed)


class ProcessTree:
    """A process and all that descend from it, but for one of them and its own: the sender."""

    def __init__(self, files: Files, pid: int, without: int, ticks_per_s: float, page_bytes: float) -> None:
        self._files = files
        self._pid, self._without = pid, without
        self._ticks_per_s, self._page_bytes = ticks_per_s, page_bytes
        self._members: List[int] = []
        self._before: Dict[Tuple[int, str], float] = {}
        self._at: Optional[float] = None
        self._look_again = 0

    def read(self, at: float) -> Dict[str, float]:
        if self._look_again <= 0:
            began = time.thread_time()
            self._members = self._find()
            # a tree of very many threads is walked more rarely
            self._look_again = 1 + int((time.thread_time() - began) / TREE_COST_S)
        self._look_again -= 1
        ticks: Dict[Tuple[int, str], float] = {}
        pages = 0.0
        for pid in self._members:
            process = process_of(self._files.read("/proc/%d/stat" % pid))
            if process is not None:
                ticks[(pid, process.began)] = process.ticks
                pages += process.pages
        values: Dict[str, float] = {}
        if not ticks:
            return values
        values["system/process/memory_rss_bytes"] = pages * self._page_bytes
        if self._at is not None and at > self._at:
            spent = sum(max(0.0, now - self._before.get(process, 0.0)) for process, now in ticks.items())
            values["system/process/cpu_percent"] = 100.0 * spent / self._ticks_per_s / (at - self._at)
        self._before, self._at = ticks, at
        return values

    def _find(self) -> List[int]:
        children = self._children_by_task() or self._children_by_scan()
        found, waiting = {self._without}, [self._pid]
        while waiting:
            pid = waiting.pop()
            if pid not in found:
                found.add(pid)
                waiting += children(pid)
        return sorted(found - {self._without})

    def _children_by_task(self) -> Optional[Callable[[int], List[int]]]:
        files = self._files
        if files.read("/proc/%d/task/%d/children" % (self._pid, self._pid)) is None:
            return None  # a kernel without these lists
        return lambda pid: [
            int(word) for task in files.names("/proc/%d/task" % pid) for word in (files.read("/proc/%d/task/%s/children" % (pid, task)) or "").split()
        ]

    def _children_by_scan(self) -> Callable[[int], List[int]]:
        by_parent: Dict[int, List[int]] = {}
        for name in self._files.names("/proc"):
            process = process_of(self._files.read("/proc/%s/stat" % name)) if name.isdigit() else None
            if process is not None:
                by_parent.setdefault(process.parent, []).append(int(name))
        return lambda pid: by_parent.get(pid, [])


def disk_space(folder: str) -> Optional[Tuple[float, float]]:
    try:
        space = shutil.disk_usage(folder)
    except OSError:
        return None  # it was removed
    return float(space.used), float(space.free)


def load() -> Optional[float]:
    try:
        return os.getloadavg()[0]
    except (OSError, AttributeError):
        return None  # not on Windows
