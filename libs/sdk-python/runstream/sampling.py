"""The part of a sender that has system metrics sampled, and says their last word before the run ends."""
from __future__ import annotations

import sys
import time
from typing import Optional

from .gone import Gone
from .sampler import Sampler, energy_used
from .sources import Sources


class Sampling(Sources):
    def __init__(self, folder: str, parent: int, url: Optional[str]) -> None:
        super().__init__(folder, url)
        self.parent = parent
        self.gone = Gone(folder, parent, self.meta, self.shared)
        self.sampling = False
        self.sampler: Optional[Sampler] = None

    def _start_sampling(self) -> None:
        self.sampling = True
        # what a dead process left is delivered, it is not measured any more; a worker is measured with the process it came from
        if not self.meta.get("system") or self.meta.get("joined") or not self.parent or self.state["finished"] or self.gone.looked():
            return
        try:
            self.sampler = Sampler(self.folder, self.meta, self.parent, self.gone.looked, self._say_unsampled)
        except (OSError, ValueError) as error:
            print("system metrics are not sampled: %r" % error, file=sys.stderr, flush=True)

    def _stop_sampling(self) -> None:
        """The run is over: no sample is later, and what its energy came to is known."""
        if self.sampler is not None:
            self.sampler.stop()
        self.sampling = False
        used = None if self.state["energy"] or self.state["finished"] else energy_used(self.folder, self.meta)
        if used is not None:
            self.inbox.put({"name": "SummarySet", "data": {"values": [used]}, "time": self.gone.at_ms(self.state), "energy": True})

    def _samples_are_open(self) -> bool:
        """Samples are still to come, or to be delivered: the end of the run is said after them."""
        if self.state["finished"]:
            return False
        if self.sampling and self.sampler is not None:
            return True
        return self.system is not None and next(self.system.reader.scan(self.state["system"]), None) is not None

    def _say_unsampled(self, count: int) -> None:
        self.state["unsampled"] += count
        value = {"key": "runstream.dropped_samples", "json": str(self.state["unsampled"])}
        self.inbox.put({"name": "SummarySet", "data": {"values": [value]}, "time": time.time_ns() // 1_000_000})
