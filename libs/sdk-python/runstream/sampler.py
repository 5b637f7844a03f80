"""System metrics, sampled in the sender on a thread of its own: of the training's processes by every sender, of the host by one of them."""
from __future__ import annotations

import json
import os
import socket
import sys
import threading
import time
from typing import Any, Callable, Dict, Optional

from .claims import forget_old
from .gpus import AmdGpus, Energy, NvidiaGpus
from .host_seat import HostSeat
from .launch import on_one_host
from .machine import Host, ProcessTree, disk_space, load
from .machine_files import Files
from .samples import NoRoom, SampleWriter

ENERGY = "energy"


class Sampler:
    """`ended()`: whether the run is over. `dropped(count)` is told how many samples could not be kept, when one could again."""

    def __init__(self, folder: str, meta: Dict[str, Any], parent: int, ended: Callable[[], bool], dropped: Callable[[int], None]) -> None:
        self._meta = meta
        self._interval_s = float(meta["system"]["interval_s"])
        self._folder = os.path.join(folder, "system")
        self._writer = SampleWriter(self._folder)
        self._ended = ended
        self._dropped = dropped
        self._lost = 0
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._said: set = set()
        self._files = Files()
        ticks, page = (os.sysconf(name) if hasattr(os, "sysconf") else 1 for name in ("SC_CLK_TCK", "SC_PAGE_SIZE"))
        self._tree = ProcessTree(self._files, parent, os.getpid(), ticks, page)
        self._seat = HostSeat(meta["run"])
        self._host: Optional[Host] = None
        self._energy = SharedEnergy(self._folder, meta)
        self._nvidia: Optional[NvidiaGpus] = None
        self._amd = AmdGpus(self._files)
        threading.Thread(target=self._work, name="runstream-sampler", daemon=True).start()

    def stop(self) -> None:
        """When it returns, nothing is written any more, whatever a driver is still busy with."""
        with self._lock:
            if not self._stopped.is_set():
                self._stopped.set()
                self._seat.leave()
                if self._lost:
                    self._dropped(self._lost)
                self._writer.close()

    def _work(self) -> None:
        due = time.monotonic()
        # rank 0 is what people look at first: the others do not ask for the seat at once
        self._measure(due, host=self._meta["rank"] == 0)  # what the first sample is compared with
        due += self._interval_s
        while not self._stopped.wait(max(0.0, due - time.monotonic())):
            at = time.monotonic()
            values = self._measure(at)
            now_ms = time.time_ns() // 1_000_000
            if self._ended():
                return self.stop()  # the sender may be busy with a server that is away
            if values:
                self._keep(values, now_ms)
            # a machine that slept, or a driver that hung, is not made up for
            due = max(due + self._interval_s, time.monotonic())

    def _measure(self, at: float, host: bool = True) -> Dict[str, float]:
        values: Dict[str, float] = {}
        for read in (self._tree.read, self._read_host) if host else (self._tree.read,):
            try:
                values.update(read(at))
            except Exception as error:  # an odd machine costs its metrics, not the delivery
                self._say("not measured: %r" % error)
        return values

    def _read_host(self, at: float) -> Dict[str, float]:
        if not self._seat.taken():
            return {}
        if self._host is None or self._nvidia is None:
            self._host = Host(self._files, self._meta["system"]["cwd"], disk_space, load)
            self._nvidia = NvidiaGpus()
            self._energy.begin()
        values = self._host.read(at)
        values.update(self._energy.metrics([*self._nvidia.read(), *self._amd.read()], at))
        return values

    def _keep(self, values: Dict[str, float], now_ms: int) -> None:
        with self._lock:
            if self._stopped.is_set():
                return
            # Unix seconds, so that the steps of no attempt or process meet those of another; a clock that went back counts on
            step = max(now_ms // 1_000, self._writer.last_step + 1)
            try:
                self._writer.append(step, now_ms, values)
            except (OSError, NoRoom) as error:
                self._lost += 1
                return self._say("samples are not kept: %s" % error)
            if self._lost:
                self._dropped(self._lost)
                self._lost = 0
            self._energy.keep()

    def _say(self, words: str) -> None:
        if words not in self._said and len(self._said) < 20:
            self._said.add(words)
            print("system metrics: %s" % words, file=sys.stderr, flush=True)


class SharedEnergy(Energy):
    """The energy of a host goes on where the sender that measured it before has left off: it is written beside the spools, and in the own one."""

    def __init__(self, folder: str, meta: Dict[str, Any]) -> None:
        super().__init__()
        self._own = os.path.join(folder, ENERGY)
        host = socket.gethostname()
        self._shared = _shared_path(meta)
        one = on_one_host(os.environ, meta["world_size"])
        self._key = "system/energy_kwh" if one else "system/energy_kwh/%s" % host[:200]

    def begin(self) -> None:
        known = _read(self._shared)
        if known is not None:
            self._begun_with = known["kwh"]

    def keep(self) -> None:
        if self.kwh is None:
            return
        try:
            _replace(self._own, {"key": self._key, "kwh": self.kwh})
            os.makedirs(os.path.dirname(self._shared), mode=0o700, exist_ok=True)
            if not os.path.exists(self._shared):
                forget_old(os.path.dirname(self._shared))
            _replace(self._shared, {"kwh": self.kwh})
        except OSError:
            pass  # the series has it too


def energy_used(folder: str, meta: Dict[str, Any]) -> Optional[Dict[str, str]]:
    """As a summary value, of a sender that has measured it; None: of no other. Another one may have gone on with it meanwhile."""
    own = _read(os.path.join(folder, "system", ENERGY))
    if own is None:
        return None
    shared = _read(_shared_path(meta)) or own
    return {"key": str(own["key"]), "json": json.dumps(max(own["kwh"], shared["kwh"]))}


def _shared_path(meta: Dict[str, Any]) -> str:
    return os.path.join(meta["root"], "energy", "%s-%s.json" % (meta["run"], socket.gethostname()[:100]))


def _read(path: str) -> Optional[Dict[str, Any]]:
    try:
        with open(path, encoding="utf-8") as file:
            said = json.load(file)
        return {"key": said.get("key", ""), "kwh": float(said["kwh"])}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _replace(path: str, said: Dict[str, Any]) -> None:
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump(said, file)
    os.replace(path + ".new", path)
