"""What a sender works on: the spool of what was logged, that of what was printed, the journal, and the words it says itself."""
from __future__ import annotations

import json
import os
import queue
import sys
import time
from typing import Any, Dict, List, NamedTuple, Optional

from .batches import Encoder
from .delivery import Connection
from .journal import Journal
from .locks import is_held, lock_file
from .spool import SpoolReader, State


class Source(NamedTuple):
    field: str
    """Of the journal: how far it is delivered."""
    reader: SpoolReader
    encoder: Encoder


class Sources:
    def __init__(self, folder: str, url: Optional[str]) -> None:
        self.folder = folder
        with open(os.path.join(folder, "meta.json"), encoding="utf-8") as file:
            self.meta: Dict[str, Any] = json.load(file)
        self.lock = lock_file(os.path.join(folder, "lock"))
        self.shared = State(folder)
        self.journal = Journal(folder)
        self.state = self.journal.state
        self._first_writer = self.meta["writer"]
        self._name_writer()
        # files that could not be delivered once are tried again
        self.state["artifacts"] += self.state["failed"]
        self.state["failed"] = []
        self.reader = SpoolReader(folder)
        self.encoder = Encoder(self.meta, self.reader)
        self.encoder.base, self.encoder.began_at_ms = self.state["base"] or 0, self.state["began"]
        self._main = Source("position", self.reader, self.encoder)
        self._console: Optional[Source] = None
        self._system: Optional[Source] = None
        self.url = url or self.meta["url"]
        self.key = os.environ.get("RUNSTREAM_API_KEY")
        self.connection = Connection(self.url, self.key)
        self.poster: Any = None
        self.inbox: "queue.Queue[Dict[str, Any]]" = queue.Queue()

    @property
    def console(self) -> Optional[Source]:
        if self._console is None:
            folder = os.path.join(self.folder, "console")
            if os.path.isdir(folder):
                reader = SpoolReader(folder)
                self._console = Source("console", reader, Encoder(self.meta, reader))
        return self._console

    @property
    def system(self) -> Optional[Source]:
        if self._system is None:
            folder = os.path.join(self.folder, "system")
            if os.path.isdir(folder):
                reader = SpoolReader(folder)
                self._system = Source("system", reader, Encoder(self.meta, reader))
        if self._system is not None:
            self._system.encoder.began_at_ms = self.state["began"]
        return self._system

    def console_closed(self) -> bool:
        return os.path.exists(os.path.join(self.folder, "console", "closed"))

    def sources(self) -> List[Source]:
        # the end of the run, which is in the last one, is said after all else
        beside = [source for source in (self.console, self.system) if source is not None] if self.state["attempt"] else []
        return [*beside, self._main]

    def source(self, field: str) -> Source:
        found = self.console if field == "console" else self.system if field == "system" else self._main
        assert found is not None
        return found

    def _attempt(self) -> int:
        return self.state["attempt"] or int(self.meta["attempt"] or 0)

    def _spooled(self) -> int:
        return max(0, self.shared[State.WRITTEN] - self.state["position"])

    def _name_writer(self) -> None:
        tries = self.state["tries"]
        self.meta["writer"] = "%s.%d" % (self._first_writer, tries) if tries else self._first_writer

    def begin_again(self) -> None:
        """As another writer, from the first record."""
        state = self.state
        state.update(tries=state["tries"] + 1, plans=[], position=0, console=0, system=0, telemetry=0, runs=0, records=0)
        self._name_writer()
        self.journal.save()

    # ---- steps that the run counted by itself --------------------------------------------------------------------

    def _find_base(self, answer: Dict[str, Any]) -> None:
        """A run that is resumed and counts by itself goes on behind the last step of the attempts before."""
        state = self.state
        state["began"] = self.encoder.began_at_ms = int(answer.get("attemptStartedAtMs") or 0)
        if state["base"] is None and answer.get("nextStep") is not None and self.meta.get("counts_on"):
            state["base"] = int(answer["nextStep"])
        if state["base"] is None:
            state["base"] = self._steps_before() if self.meta.get("counts_on") and state["attempt"] > 1 else 0
        self.encoder.base = state["base"]

    def _steps_before(self) -> int:
        query = "query($id: ID!, $at: String) { run(id: $id, at: $at) { attempts { number toStep } } }"
        try:
            # this writer's shard of telemetry as far as it goes now; numbered first, as everything is
            state = self.state
            state["beat"] = state["beat"] or [time.time_ns() // 1_000_000, state["telemetry"] + 1]
            time_ms, state["telemetry"] = state["beat"]
            self.journal.save()
            self.poster.send([self.encoder.event("HeartbeatSent", time_ms, state["telemetry"], state["attempt"], b"")])
            body = json.dumps({"query": query, "variables": {"id": self.meta["run"], "at": self.poster.position or None}}).encode()
            answer = self.connection.request("POST", "/graphql", body, {"content-type": "application/json", "accept": "application/json"})
            attempts = answer.json()["data"]["run"]["attempts"]
            steps = [item["toStep"] for item in attempts if item["number"] < self.state["attempt"] and item["toStep"] is not None]
            return max(-1, *steps) + 1 if steps else 0
        except (OSError, ValueError, KeyError, TypeError) as error:
            print("where the run was before is not known, steps count from 0: %r" % error, file=sys.stderr, flush=True)
            return 0

    # ---- what can't be delivered -----------------------------------------------------------------------------------

    def set_aside(self, records: List[Dict[str, Any]]) -> None:
        if not records:
            return
        with open(os.path.join(self.folder, "set-aside"), "a", encoding="utf-8") as file:
            for record in records:
                file.write(json.dumps(record) + "\n")
        self.state["set_aside"] += len(records)
        print("%d records can't be sent and are set aside, the first: %s" % (len(records), records[0]["why"]), file=sys.stderr, flush=True)
        value = {"key": "runstream.set_aside_records", "json": str(self.state["set_aside"])}
        self.inbox.put({"name": "SummarySet", "data": {"values": [value]}, "time": records[-1]["time"] or time.time_ns() // 1_000_000})

    def keep_set_aside(self) -> None:
        """The folder goes, what could not be sent stays beside the spools."""
        path = os.path.join(self.folder, "set-aside")
        if os.path.exists(path):
            place = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(self.folder))), "set-aside")
            os.makedirs(place, mode=0o700, exist_ok=True)
            os.replace(path, os.path.join(place, "%s-%s.jsonl" % (self.meta["run"], self._first_writer)))

    def _trouble(self, level: int, text: str) -> None:
        if level:
            with open(os.path.join(self.folder, "trouble"), "w", encoding="utf-8") as file:
                file.write(text)
        if self.shared[State.TROUBLE] != level and (level or not self.state["refused"]):
            self.shared[State.TROUBLE] = level

    def _open_direct(self, address: Optional[str]) -> Optional[Any]:
        """Telemetry straight to Kafka where that is asked for and can be; else all goes through the door, the same events."""
        if not address:
            return None
        # the sender was started without site packages; the client is one of the training process's
        sys.path.extend(entry for entry in self.meta.get("path", []) if entry not in sys.path)
        try:
            from .kafka_transport import KafkaTransport

            return KafkaTransport(address)
        except (ImportError, ValueError) as error:
            print("RUNSTREAM_KAFKA is not used, telemetry goes through %s: %s" % (self.url, error), file=sys.stderr, flush=True)
            return None


def owner_lives(folder: str) -> bool:
    return is_held(os.path.join(folder, "owner"))
