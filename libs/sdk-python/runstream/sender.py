"""The sender: a process of its own that delivers one spool folder, survives the training process, and ends when all is delivered.
`python -m runstream.sender <spool folder> [pid of the training process]`"""
from __future__ import annotations

import os
import random
import shutil
import sys
import threading
import time
from typing import Any, Dict, List, Optional

from . import capture, source_state, uploads, wire
from .batches import Batch
from .delivery import Connection
from .posting import Poster, Stopped
from .sampling import Sampling
from .sources import owner_lives
from .spool import SEGMENT_BYTES, State

__all__ = ["Sender", "Stopped", "main"]

HEARTBEAT_S = 5.0
REQUEST_BYTES_MAX = 4 * 1024 * 1024
BUSY_PAUSE_S = 0.001
IDLE_PAUSE_S = 0.008
TRICKLE_S = 0.04  # at most 25 requests a second while little is logged
ORPHAN_PATIENCE_S = 600.0
REFUSED_PAUSE_S = (2.0, 60.0)
EXIT_CODE_PATIENCE_S = 20.0


class Sender(Sampling):
    def __init__(self, folder: str, parent: int, url: Any = None, patience_s: float = ORPHAN_PATIENCE_S) -> None:
        super().__init__(folder, parent, url)
        self.patience_s = patience_s
        self.poster = Poster(self.connection, self.url, self._open_direct(os.environ.get("RUNSTREAM_KAFKA")), self._trouble, self._give_up)
        self.heartbeat_at = self.sent_at = 0.0
        self.built: List[Batch] = []
        self.capturing = self.uploading = False
        self.forgotten: Dict[str, int] = {}
        self.refused_pause_s = REFUSED_PAUSE_S[0]

    # ---- the loop ------------------------------------------------------------------------------------------------

    def run(self) -> bool:
        """Delivers until the run is finished, or its process is gone and nothing is left. Returns whether nothing is left."""
        active_at = 0.0
        self._start_capture()
        self._start_sampling()
        while True:
            gone = self.gone.looked()
            if gone and self.sampling:
                self._stop_sampling()
            if not self.state["plans"]:
                self._plan(gone)
            if self.state["plans"]:
                self._deliver()
                active_at = time.monotonic()
                continue
            if gone and not self.state["attempt"] and self._give_up():
                raise Stopped("the start of the run is not in the spool, nobody can say what belongs to it")
            self._start_uploads()
            if not self._waiting() and self._caught_up():
                if self.state["finished"] and not self._end_is_to_be_corrected():
                    return True
                if gone and not self.state["finished"] and not self._say_end():
                    return True
            time.sleep(BUSY_PAUSE_S if time.monotonic() - active_at < 0.5 else IDLE_PAUSE_S)

    def _caught_up(self) -> bool:
        return all(next(source.reader.scan(self.state[source.field]), None) is None for source in self.sources())

    def _give_up(self) -> bool:
        self.gone.looked()
        return self.gone.since is not None and time.monotonic() - self.gone.since > self.patience_s

    def _waiting(self) -> bool:
        return bool(self.state["artifacts"]) or self.uploading or self.capturing or not self.inbox.empty() or self._console_is_open() or self._samples_are_open()

    def _console_is_open(self) -> bool:
        """Printed lines are still to come, or to be delivered: the end of the run is said after them."""
        if self.console is None or self.state["finished"]:
            return False
        if next(self.console.reader.scan(self.state["console"]), None) is not None:
            return True
        return bool(self.gone.looked()) and not self.console_closed() and not self.gone.for_longer_than(3.0)

    # ---- the end that the process did not say --------------------------------------------------------------------

    def _say_end(self) -> bool:
        """The process is gone and has said nothing: this is how it ended, as far as can be seen from here."""
        if not self.state["attempt"] or (self.parent == 0 and owner_lives(self.folder)):
            return False
        self._say_finished(self.gone.ending())
        return True

    def _say_finished(self, data: Dict[str, Any]) -> None:
        self.state["ended"] = True
        self.inbox.put({"name": "RunFinished", "data": data, "time": self.gone.at_ms(self.state)})

    def _end_is_to_be_corrected(self) -> bool:
        """A process that ended by itself, without an exception that Python shows: its exit code is known once it is gone."""
        closed = self.shared[State.CLOSED]
        if closed not in (2, 3) or self.state["ended"]:
            return False
        self.shared[State.DONE] = 1
        if self.gone.alive() and not self.gone.for_longer_than(EXIT_CODE_PATIENCE_S):
            return True
        correction = self.gone.correction(said_failed=closed == 3)
        if correction is None:
            return False
        self._say_finished(correction)
        return True

    # ---- planning: numbers first, then bytes ---------------------------------------------------------------------

    def _plan(self, gone: bool) -> None:
        state = self.state
        plans: List[Dict[str, Any]] = []
        telemetry, runs, size = state["telemetry"], state["runs"], 0
        built: List[Batch] = []
        started = bool(state["attempt"]) and state["position"] > 0
        for source in self.sources() if started else self.sources()[:1]:
            position = state[source.field]
            while size < REQUEST_BYTES_MAX:
                hold = self._waiting() or any(batch.artifacts or batch.set_aside for batch in built)
                batch = source.encoder.batch(position, None, telemetry, runs, self._attempt(), hold)
                if batch is None:
                    break
                plans.append({"source": source.field, "from": position, "to": batch.end, "telemetry": telemetry, "runs": runs})
                built.append(batch)
                position, telemetry, runs = batch.end, batch.telemetry_seq, batch.runs_seq
                size += batch.size
                if batch.started or batch.finished:
                    break
            if built and built[-1].finished:
                break
        pause = self.sent_at + TRICKLE_S - time.monotonic()
        if plans and size < 65_536 and started and not gone and pause > 0:
            time.sleep(min(pause, 0.01))
            return
        ends = bool(built) and built[-1].finished
        while started and not ends and not self.inbox.empty():
            said = self.inbox.get()
            is_telemetry = said["name"] in wire.TELEMETRY
            telemetry, runs = telemetry + is_telemetry, runs + (not is_telemetry)
            data = self.encoder.values_data(said["data"]["values"]) if is_telemetry else said["data"]
            if said["name"] == "RunFinished":
                data, ends = {**data, "lastTelemetrySeq": telemetry, "lastRunsSeq": runs}, True
            plans.append({"say": said["name"], "data": data, "time": said["time"], "seq": telemetry if is_telemetry else runs, "done": said.get("done"), "failed": said.get("failed"), "artifact": said.get("artifact"), "energy": said.get("energy")})
        # also while points are sent: a run is running as long as the heartbeats of one of its writers come
        if started and not gone and not ends and not state["finished"] and time.monotonic() - self.heartbeat_at >= HEARTBEAT_S:
            data = {"lastStep": state["last_step"], "spooledBytes": self._spooled()}
            plans.append({"say": "HeartbeatSent", "data": data, "time": time.time_ns() // 1_000_000, "seq": telemetry + 1})
        if plans:
            self.built = built
            state["plans"] = plans
            self.journal.save()

    # ---- delivering ----------------------------------------------------------------------------------------------

    def _deliver(self) -> None:
        state = self.state
        built = self.built
        body: List[bytes] = []
        batches: List[Any] = []
        telemetry, runs = state["telemetry"], state["runs"]
        finished = False
        for plan in state["plans"]:
            if "say" in plan:
                data = wire.encode_message(plan["say"], plan["data"])
                body.append(self.encoder.event(plan["say"], plan["time"], plan["seq"], self._attempt(), data))
                if plan["say"] in wire.TELEMETRY:
                    telemetry = plan["seq"]
                    if plan["say"] == "HeartbeatSent":
                        self.heartbeat_at = time.monotonic()
                else:
                    runs = plan["seq"]
                    state["environment"] = state["environment"] or plan["say"] == "EnvironmentCaptured"
                    state["energy"] = state["energy"] or bool(plan.get("energy"))
                    finished = finished or plan["say"] == "RunFinished"
            else:
                # after a crash there is nothing built: the same range gives the same bytes
                field = plan.get("source", "position")
                encoder = self.source(field).encoder
                batch = built.pop(0) if built else encoder.batch(plan["from"], plan["to"], plan["telemetry"], plan["runs"], self._attempt())
                if batch is None:
                    raise Stopped("the spool does not hold %d to %d any more" % (plan["from"], plan["to"]))
                body.extend(batch.events)
                batches.append((field, batch))
                telemetry, runs = batch.telemetry_seq, batch.runs_seq
        self.built = []
        results = self.poster.send(body)
        if not self._look_at(results, bool(batches) and batches[0][1].started):
            return
        telemetry = max(telemetry, state["telemetry"])
        self._forget_uploaded()
        state["artifacts"] += [plan["artifact"] for plan in state["plans"] if plan.get("artifact")]
        for field, batch in batches:
            state[field] = batch.end
            self.set_aside(batch.set_aside)
            if field == "system":
                continue  # nothing that the training has logged
            state["records"] += batch.records
            state["artifacts"] += batch.artifacts
            finished = finished or batch.finished
            if batch.last_step is not None:
                state["last_step"] = max(state["last_step"], batch.last_step)
        state["finished"] = state["finished"] or finished
        state.update(telemetry=telemetry, runs=runs, plans=[])
        self.journal.save()
        self.shared[State.ACKED] = state["position"]
        self.shared[State.ACKED_RECORDS] = state["records"]
        for source in self.sources():
            if state[source.field] // SEGMENT_BYTES > self.forgotten.get(source.field, -1):
                self.forgotten[source.field] = state[source.field] // SEGMENT_BYTES
                source.reader.forget_before(state[source.field])
        self.sent_at = time.monotonic()

    def _forget_uploaded(self) -> None:
        done = {plan["done"]: plan.get("failed") for plan in self.state["plans"] if plan.get("done") is not None}
        for item in [item for item in self.state["artifacts"] if item["path"] in done]:
            if done[item["path"]]:
                self.state["failed"].append(item)
            else:
                uploads.forget(self.folder, item)
        self.state["artifacts"] = [item for item in self.state["artifacts"] if item["path"] not in done]

    def _look_at(self, results: List[Dict[str, Any]], started: bool) -> bool:
        """False: the start of the run was refused for a reason that a person may lift; it is said again later, under a name of its own."""
        for index, result in enumerate(results):
            if result.get("status") == "accepted":
                continue
            text = "event %s refused: %s %s" % (result.get("id"), result.get("code"), result.get("message"))
            print(text, file=sys.stderr, flush=True)
            if started and index == 0:
                self._refused(result, text)
                return False
            self.state["refused"] += 1
            self._trouble(1, text)
        if started:
            self.state["attempt"] = int(self.meta["attempt"] or results[0].get("attempt") or 1)
            self.shared[State.ATTEMPT] = self.state["attempt"]
            self._find_base(results[0])
            self._start_capture()
        return True

    def _refused(self, result: Dict[str, Any], text: str) -> None:
        """Nothing else of this writer is out: the whole spool begins anew as another writer, whose start nobody has refused yet."""
        self.begin_again()
        self._trouble(2, text + "; everything is kept and tried again, or by: runstream sync")
        if self.parent == 0 or self._give_up():
            raise Stopped(text)
        wait_until = time.monotonic() + self.refused_pause_s
        self.refused_pause_s = min(REFUSED_PAUSE_S[1], self.refused_pause_s * 2)
        while time.monotonic() < wait_until and not self._give_up():
            time.sleep(0.05)

    # ---- beside the loop: environment and files ------------------------------------------------------------------

    def _start_capture(self) -> None:
        if self.meta.get("environment") and self.state["attempt"] and not self.state["environment"]:
            self.capturing = True
            threading.Thread(target=self._capture, daemon=True).start()

    def _capture(self) -> None:
        try:
            environment = capture.thorough(self.meta["environment"], self.meta["path"])
            said = {"name": "EnvironmentCaptured", "data": {"environment": environment}, "time": time.time_ns() // 1_000_000}
            # later, or on another machine, the source may be another one
            if self.meta.get("diff") and environment["git"] and self.parent != 0:
                said["artifact"] = self._keep_patch(environment)
            self.inbox.put(said)
        except Exception as error:
            print("the environment is not known: %r" % error, file=sys.stderr, flush=True)
        self.capturing = False

    def _keep_patch(self, environment: Dict[str, Any]) -> Optional[Dict[str, Any]]:
        """Writes what was changed since the commit beside the spool: a file of the run, uploaded as any other. Without it all else is still known."""
        try:
            return self._write_patch(environment)
        except Exception as error:
            print("git/diff.patch is not kept: %r" % error, file=sys.stderr, flush=True)
            return None

    def _write_patch(self, environment: Dict[str, Any]) -> Optional[Dict[str, Any]]:
        content, left_out = source_state.patch(environment["cwd"] or ".", self.meta["root"])
        if left_out:
            print("git/diff.patch: %s" % left_out, file=sys.stderr, flush=True)
        if content is None:
            return None
        path = os.path.join(self.folder, "diff.patch")
        with open(path, "wb") as file:
            file.write(content)
        environment["git"]["diffDigest"], size = uploads.digest_of(path)
        metadata = {"commit": environment["git"]["commit"], **({"leftOut": left_out} if left_out else {})}
        return {"name": "git/diff.patch", "path": "diff.patch", "copied": True, "size": size, "type": "code", "metadata": metadata, "step": None,
                "time": time.time_ns() // 1_000_000}

    def _start_uploads(self) -> None:
        if self.uploading or not self.state["artifacts"] or not self.inbox.empty():
            return
        self.uploading = True
        threading.Thread(target=self._upload, args=(dict(self.state["artifacts"][0]),), daemon=True).start()

    def _upload(self, item: Dict[str, Any]) -> None:
        connection = Connection(self.url, self.key)
        try:
            self.inbox.put({**uploads.deliver(connection, self.folder, item, self.meta["writer"]), "time": item["time"], "done": item["path"]})
        except (OSError, ValueError, KeyError) as error:
            self._trouble(1, "artifact %s: %s" % (item["name"], error if str(error) else repr(error)))
            if self._give_up():
                os._exit(1)
            time.sleep(random.uniform(0.5, 1.5))
        finally:
            connection.close()
            self.uploading = False

    def close(self, done: bool) -> None:
        """Nothing left: the folder goes. Else it stays for `runstream sync`."""
        self.connection.close()
        if self.poster._direct is not None:
            self.poster._direct.close()
        os.close(self.lock)
        if not done:
            return
        self.keep_set_aside()
        if self.state["failed"]:
            self._trouble(2, "not delivered: %s" % ", ".join(item["name"] for item in self.state["failed"])[:400])
            self.shared[State.DONE] = 2
            return
        self.shared[State.DONE] = 1
        shutil.rmtree(self.folder, ignore_errors=True)
        try:
            os.rmdir(os.path.dirname(self.folder))
        except OSError:
            pass  # other processes of the run are not done


def main(arguments: List[str]) -> None:
    from .gone import ignore_signals

    folder = arguments[0]
    ignore_signals(folder)
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
