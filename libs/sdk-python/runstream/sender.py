"""The sender: a process of its own that delivers one spool folder, survives the training process, and ends when all is delivered.
`python -m runstream.sender <spool folder> [pid of the training process]`"""
from __future__ import annotations

import json
import os
import queue
import random
import shutil
import sys
import threading
import time
from typing import Any, Dict, List, Optional

from . import capture, uploads, wire
from .batches import Batch, Encoder
from .delivery import Connection, retry_after
from .journal import Journal
from .run import _lock_file
from .spool import SEGMENT_BYTES, SpoolReader, State

HEARTBEAT_S = 5.0
REQUEST_BYTES_MAX = 4 * 1024 * 1024
BUSY_PAUSE_S = 0.001
IDLE_PAUSE_S = 0.008
TRICKLE_S = 0.04  # at most 25 requests a second while little is logged
ORPHAN_PATIENCE_S = 600.0
BACKOFF_S = (0.2, 30.0)


class Stopped(Exception):
    """Can't go on: the reason is for a person; the spool is kept."""


class Sender:
    def __init__(self, folder: str, parent: int, url: Optional[str] = None, patience_s: float = ORPHAN_PATIENCE_S) -> None:
        self.folder = folder
        self.parent = parent
        self.patience_s = patience_s
        with open(os.path.join(folder, "meta.json"), encoding="utf-8") as file:
            self.meta: Dict[str, Any] = json.load(file)
        self.lock = _lock_file(os.path.join(folder, "lock"))
        self.shared = State(folder)
        self.journal = Journal(folder)
        self.state = self.journal.state
        self.reader = SpoolReader(folder)
        self.encoder = Encoder(self.meta, self.reader)
        self.url = url or self.meta["url"]
        self.key = os.environ.get("RUNSTREAM_API_KEY")
        self.connection = Connection(self.url, self.key)
        self.direct = self._open_direct(os.environ.get("RUNSTREAM_KAFKA"))
        self.inbox: "queue.Queue[Dict[str, Any]]" = queue.Queue()
        self.uploading = False
        self.alone_since: Optional[float] = None
        self.heartbeat_at = 0.0
        self.sent_at = 0.0
        self.built: List[Batch] = []
        self.capturing = False
        self.forgotten = -1

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

    # ---- the loop ------------------------------------------------------------------------------------------------

    def run(self) -> bool:
        """Delivers until the run is finished, or its process is gone and nothing is left. Returns whether nothing is left."""
        active_at = 0.0
        self._start_capture()
        while True:
            gone = self._parent_gone()
            if not self.state["plans"]:
                self._plan(gone)
            if self.state["plans"]:
                self._deliver()
                active_at = time.monotonic()
                continue
            self._start_uploads()
            if not self._waiting() and self._caught_up():
                if self.state["finished"] or gone:
                    return True
            time.sleep(BUSY_PAUSE_S if time.monotonic() - active_at < 0.5 else IDLE_PAUSE_S)

    def _parent_gone(self) -> bool:
        if self.shared[State.CLOSED]:
            return True
        if self.parent and os.getppid() == self.parent:
            return False
        if self.alone_since is None:
            self.alone_since = time.monotonic()
        return True

    def _caught_up(self) -> bool:
        return next(self.reader.scan(self.state["position"]), None) is None

    def _waiting(self) -> bool:
        return bool(self.state["artifacts"]) or self.uploading or self.capturing or not self.inbox.empty()

    # ---- planning: numbers first, then bytes ---------------------------------------------------------------------

    def _plan(self, gone: bool) -> None:
        state = self.state
        plans: List[Dict[str, Any]] = []
        telemetry, runs, position, size = state["telemetry"], state["runs"], state["position"], 0
        built: List[Batch] = []
        started = bool(state["attempt"]) and position > 0
        while size < REQUEST_BYTES_MAX:
            hold = self._waiting() or any(batch.artifacts for batch in built)
            batch = self.encoder.batch(position, None, telemetry, runs, self._attempt(), hold)
            if batch is None:
                break
            plans.append({"from": position, "to": batch.end, "telemetry": telemetry, "runs": runs})
            built.append(batch)
            position, telemetry, runs = batch.end, batch.telemetry_seq, batch.runs_seq
            size += batch.size
            if batch.started or batch.finished:
                break
        pause = self.sent_at + TRICKLE_S - time.monotonic()
        if plans and size < 65_536 and started and not gone and pause > 0:
            time.sleep(min(pause, 0.01))
            return
        ends = bool(built) and built[-1].finished
        while started and not ends and not self.inbox.empty():
            said = self.inbox.get()
            runs += 1
            plans.append({"say": said["name"], "data": said["data"], "time": said["time"], "seq": runs, "done": said.get("done")})
        if not plans and started and not gone and not state["finished"] and time.monotonic() - self.heartbeat_at >= HEARTBEAT_S:
            data = {"lastStep": state["last_step"], "spooledBytes": self._spooled()}
            plans.append({"say": "HeartbeatSent", "data": data, "time": time.time_ns() // 1_000_000, "seq": telemetry + 1})
        if plans:
            self.built = built
            state["plans"] = plans
            self.journal.save()

    def _attempt(self) -> int:
        return self.state["attempt"] or int(self.meta["attempt"] or 0)

    def _spooled(self) -> int:
        return max(0, self.shared[State.WRITTEN] - self.state["position"])

    # ---- delivering ----------------------------------------------------------------------------------------------

    def _deliver(self) -> None:
        state = self.state
        built = self.built
        body: List[bytes] = []
        batches: List[Batch] = []
        telemetry, runs = state["telemetry"], state["runs"]
        for plan in state["plans"]:
            if "say" in plan:
                data = wire.encode_message(plan["say"], plan["data"])
                body.append(self.encoder.event(plan["say"], plan["time"], plan["seq"], self._attempt(), data))
                if plan["say"] == "HeartbeatSent":
                    telemetry = plan["seq"]
                else:
                    runs = plan["seq"]
                    state["environment"] = state["environment"] or plan["say"] == "EnvironmentCaptured"
            else:
                # after a crash there is nothing built: the same range gives the same bytes
                batch = built.pop(0) if built else self.encoder.batch(plan["from"], plan["to"], plan["telemetry"], plan["runs"], self._attempt())
                if batch is None:
                    raise Stopped("the spool does not hold %d to %d any more" % (plan["from"], plan["to"]))
                body.extend(batch.events)
                batches.append(batch)
                telemetry, runs = batch.telemetry_seq, batch.runs_seq
        self.built = []
        results = self._send(body)
        self._look_at(results, batches)
        done = [plan["done"] for plan in state["plans"] if plan.get("done") is not None]
        for item in [item for item in state["artifacts"] if item["path"] in done]:
            uploads.forget(item)
        state["artifacts"] = [item for item in state["artifacts"] if item["path"] not in done]
        for batch in batches:
            state["position"] = batch.end
            state["records"] += batch.records
            state["artifacts"] += batch.artifacts
            state["finished"] = state["finished"] or batch.finished
            if batch.last_step is not None:
                state["last_step"] = max(state["last_step"], batch.last_step)
        state.update(telemetry=telemetry, runs=runs, plans=[])
        self.journal.save()
        self.shared[State.ACKED] = state["position"]
        self.shared[State.ACKED_RECORDS] = state["records"]
        if state["position"] // SEGMENT_BYTES > self.forgotten:
            self.forgotten = state["position"] // SEGMENT_BYTES
            self.reader.forget_before(state["position"])
        self.sent_at = self.heartbeat_at = time.monotonic()

    def _send(self, events: List[bytes]) -> List[Dict[str, Any]]:
        if self.direct is None:
            return self._post(events)
        direct = [self.direct.is_telemetry(event) for event in events]
        rest = [event for event, straight in zip(events, direct) if not straight]
        # the door first: what starts a run is known before its telemetry comes
        answered = iter(self._post(rest) if rest else [])
        stored = iter(self._post([event for event, straight in zip(events, direct) if straight], self.direct) if any(direct) else [])
        return [next(stored if straight else answered) for straight in direct]

    def _post(self, events: List[bytes], direct: Optional[Any] = None) -> List[Dict[str, Any]]:
        failures = 0
        while True:
            pause = 0.0
            try:
                if direct is not None:
                    results = direct.send_events(events)
                    self._trouble(0, "")
                    return results
                answer = self.connection.send_events(b"".join(events))
                if answer.status == 200:
                    results = answer.json()["results"]
                    if len(results) != len(events):
                        raise Stopped("%d results for %d events" % (len(results), len(events)))
                    self._trouble(0, "")
                    return results
                text = "%s answered %d %s" % (self.url, answer.status, answer.body[:300].decode("utf-8", "replace"))
                if answer.status == 413 and len(events) > 1:
                    half = len(events) // 2
                    return self._post(events[:half]) + self._post(events[half:])
                if answer.status in (400, 413):
                    raise Stopped(text)
                pause = retry_after(answer)
            except (OSError, ValueError, KeyError) as error:
                text = "%s: %s" % (self.url, error)
            failures += 1
            if failures > 1:
                self._trouble(1, text)
            if self.parent != -1 and self.alone_since is None:
                self._parent_gone()
            if self.shared[State.CLOSED] and self.alone_since is None:
                self.alone_since = time.monotonic()
            if self.alone_since is not None and time.monotonic() - self.alone_since > self.patience_s:
                raise Stopped(text)
            low, high = BACKOFF_S
            time.sleep(max(pause, random.uniform(0.5, 1.0) * min(high, low * 2 ** min(failures - 1, 10))))

    def _look_at(self, results: List[Dict[str, Any]], batches: List[Batch]) -> None:
        for index, result in enumerate(results):
            if result.get("status") == "accepted":
                continue
            self.state["refused"] += 1
            text = "event %s refused: %s %s" % (result.get("id"), result.get("code"), result.get("message"))
            print(text, file=sys.stderr, flush=True)
            if batches and batches[0].started and result.get("id", "").endswith("-runs-1"):
                raise Stopped(text)
            self._trouble(1, text)
        if batches and batches[0].started:
            self.state["attempt"] = int(self.meta["attempt"] or results[-1].get("attempt") or 1)
            self.shared[State.ATTEMPT] = self.state["attempt"]
            self._start_capture()

    def _trouble(self, level: int, text: str) -> None:
        if level:
            with open(os.path.join(self.folder, "trouble"), "w", encoding="utf-8") as file:
                file.write(text)
        if self.shared[State.TROUBLE] != level and (level or not self.state["refused"]):
            self.shared[State.TROUBLE] = level

    # ---- beside the loop: environment and files ------------------------------------------------------------------

    def _start_capture(self) -> None:
        if self.meta.get("environment") and self.state["attempt"] and not self.state["environment"]:
            self.capturing = True
            threading.Thread(target=self._capture, daemon=True).start()

    def _capture(self) -> None:
        data = {"environment": capture.thorough(self.meta["environment"], self.meta["path"])}
        self.inbox.put({"name": "EnvironmentCaptured", "data": data, "time": time.time_ns() // 1_000_000})
        self.capturing = False

    def _start_uploads(self) -> None:
        if self.uploading or not self.state["artifacts"] or not self.inbox.empty():
            return
        self.uploading = True
        threading.Thread(target=self._upload, args=(dict(self.state["artifacts"][0]),), daemon=True).start()

    def _upload(self, item: Dict[str, Any]) -> None:
        connection = Connection(self.url, self.key)
        upload_id = "%s-%s" % (self.meta["writer"], os.path.basename(item["path"])[-40:])
        said: Dict[str, Any]
        try:
            digest, size = uploads.upload(connection, item["path"], "".join(c if c.isalnum() or c in "-_." else "-" for c in upload_id))
            said = {"name": "ArtifactLogged", "data": uploads.fact(item, digest, size)}
        except (uploads.Refused, FileNotFoundError) as error:
            text = "artifact %s: %s" % (item["name"], error)
            print(text, file=sys.stderr, flush=True)
            said = {"name": "SummarySet", "data": {"values": [{"key": "runstream.artifact_failed", "json": json.dumps(text[:1_000])}]}}
        except (OSError, ValueError) as error:
            self._trouble(1, "artifact %s: %s" % (item["name"], error))
            if self.alone_since is not None and time.monotonic() - self.alone_since > self.patience_s:
                os._exit(1)
            time.sleep(random.uniform(0.5, 1.5))
            self.uploading = False
            return
        finally:
            connection.close()
        self.inbox.put({**said, "time": item["time"], "done": item["path"]})
        self.uploading = False

    def close(self, done: bool) -> None:
        """Nothing left: the folder goes. Else it stays for `runstream sync`."""
        self.connection.close()
        if self.direct is not None:
            self.direct.close()
        if done:
            self.shared[State.DONE] = 1
            shutil.rmtree(self.folder, ignore_errors=True)
            try:
                os.rmdir(os.path.dirname(self.folder))
            except OSError:
                pass  # other processes of the run are not done


def main(arguments: List[str]) -> None:
    folder = arguments[0]
    try:
        sender = Sender(folder, int(arguments[1]) if len(arguments) > 1 else 0)
    except BlockingIOError:
        return  # another sender is at it
    try:
        done = sender.run()
    except Stopped as stopped:
        sender._trouble(2, str(stopped))
        print("stopped: %s" % stopped, file=sys.stderr, flush=True)
        sys.exit(1)
    sender.close(done)


if __name__ == "__main__":
    main(sys.argv[1:])
