"""From spool records to events. What a range of the spool becomes depends on the range, the first numbers and the attempt alone: sent again, it is
the same to the byte."""
from __future__ import annotations

import json
import struct
from array import array
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from . import wire
from .spool import ARTIFACT, COUNTED, DROPPED, EVENT, LINE, ROW, VALUE, SpoolReader, row_parts

RANGE_BYTES_MAX = 448 * 1024
LINES_MAX = 5_000
STREAMS = ("stdout", "stderr")


class Batch(NamedTuple):
    end: int
    events: List[bytes]
    telemetry_seq: int
    """Last number used."""
    runs_seq: int
    records: int
    last_step: Optional[int]
    artifacts: List[Dict[str, Any]]
    """Files whose upload this range asks for."""
    started: bool
    finished: bool
    size: int
    set_aside: List[Dict[str, Any]]
    """Records that can't be encoded: what they are and why. Their neighbours go on."""


class Encoder:
    def __init__(self, meta: Dict[str, Any], reader: SpoolReader) -> None:
        self._meta = meta
        self._reader = reader
        self.base = 0
        """Added to steps that the run counted by itself: how far it was before this attempt."""
        self.began_at_ms = 0
        """When the attempt began, as the answer to its start said."""
        self._keys: Dict[int, bytes] = {}
        self._names: Dict[int, frozenset] = {}

    def event(self, name: str, time_ms: int, seq: int, attempt: int, data: bytes) -> bytes:
        topic = "telemetry" if name in wire.TELEMETRY else "runs"
        meta = self._meta
        writer = {"id": meta["writer"], "attempt": attempt, "rank": meta["rank"], "seq": seq}
        event_id = "%s-%s-%d" % (meta["writer"], topic, seq)
        return wire.encode_event(event_id, name, meta["source"], meta["run"], time_ms, writer, data, name == "RunStarted")

    def values_data(self, values: List[Dict[str, Any]]) -> Dict[str, Any]:
        """The payload of a ValuesLogged."""
        from_step = self._meta.get("from_step")
        return {"values": values, "attemptStartedAtMs": self.began_at_ms, "rewindTo": from_step or 0, "hasRewindTo": from_step is not None}

    def batch(self, start: int, stop: Optional[int], telemetry_seq: int, runs_seq: int, attempt: int, hold_finish: bool = False) -> Optional[Batch]:
        """Events of the records from `start` to `stop`, or of as many as belong in one batch. None: there are none. `hold_finish`: stop before
        the end of the run, because something has to be said before it."""
        end, records, size, last_step = start, 0, 0, None
        events: List[bytes] = []
        artifacts: List[Dict[str, Any]] = []
        lines: List[Dict[str, Any]] = []
        values: List[Dict[str, Any]] = []
        points = _Points()
        first_time = 0
        started = finished = False
        finish: Optional[Tuple[int, Dict[str, Any]]] = None
        set_aside: List[Dict[str, Any]] = []
        for kind, tag, body, record_end in self._reader.scan(start, stop):
            time_ms = 0
            try:
                if kind == ROW:
                    step, time_ms = row_parts(body)
                    keyset, base = tag & ~COUNTED, self.base if tag & COUNTED else 0
                    names = self._names.get(keyset)
                    if names is None:
                        keys = self._reader.keys(keyset)
                        names = self._names[keyset] = frozenset(keys)
                        self._keys[keyset] = wire.encode_keys(keys)
                    size += len(body) + (0 if points.add(keyset, names, body, base, bool(tag & COUNTED)) else len(self._keys[keyset]))
                    last_step = step + base if last_step is None or step + base > last_step else last_step
                else:
                    time_ms, number = row_parts(body)
                    rest = bytes(body[16:])
                    size += len(rest) + 64
                    if kind == LINE:
                        lines.append({"number": number, "stream": STREAMS[tag], "timeMs": time_ms, "text": rest.decode("utf-8", "replace")})
                    elif kind == EVENT:
                        name, data = json.loads(rest)
                        if name == "RunFinished":
                            if hold_finish or artifacts or set_aside:
                                break
                            wire.encode_message(name, data)
                            finished, finish = True, (time_ms, data)
                        else:
                            message = wire.encode_message(name, data)
                            runs_seq += 1
                            started = name == "RunStarted"
                            events.append(self.event(name, time_ms, runs_seq, attempt, message))
                    elif kind == ARTIFACT:
                        artifacts.append({**json.loads(rest), "time": time_ms})
                    elif kind == VALUE:
                        value = {**json.loads(rest), "timeMs": time_ms}
                        value["step"] += self.base if tag & COUNTED else 0
                        last_step = value["step"] if last_step is None else max(last_step, value["step"])
                        if "path" in value:
                            artifacts.append({"name": value["key"], "value": value, "time": time_ms, **{name: value.pop(name) for name in ("path", "size", "copied")}})
                        else:
                            wire.encode_message("RichValue", value)
                            values.append(value)
                    elif kind == DROPPED:
                        runs_seq += 1
                        value = {"values": [{"key": "runstream.dropped_records", "json": str(number)}]}
                        events.append(self.event("SummarySet", time_ms, runs_seq, attempt, wire.encode_message("SummarySet", value)))
            except (TypeError, ValueError, KeyError, AttributeError, OverflowError, struct.error, IndexError) as error:
                said = bytes(body[16 : 16 + 200_000]).decode("utf-8", "replace")
                set_aside.append({"kind": kind, "tag": tag, "time": time_ms, "why": repr(error)[:1_000], "record": said})
            if kind in (ROW, LINE, VALUE) and not first_time:
                first_time = time_ms
            end = record_end
            records += 1
            if started or finished or (stop is None and (size >= RANGE_BYTES_MAX or len(lines) >= LINES_MAX or len(events) >= 500)):
                break
        if not records:
            return None
        if points.groups:
            telemetry_seq += 1
            data = b"".join(points.encode(self._keys)) + wire.encode_points_tail(self.began_at_ms, self._meta.get("from_step"))
            events.append(self.event("PointsLogged", first_time, telemetry_seq, attempt, data))
        if lines:
            telemetry_seq += 1
            events.append(self.event("LinesLogged", first_time, telemetry_seq, attempt, wire.encode_message("LinesLogged", {"lines": lines})))
        if values:
            telemetry_seq += 1
            events.append(self.event("ValuesLogged", first_time, telemetry_seq, attempt, wire.encode_message("ValuesLogged", self.values_data(values))))
        if finish:
            runs_seq += 1
            data = wire.encode_message("RunFinished", {**finish[1], "lastTelemetrySeq": telemetry_seq, "lastRunsSeq": runs_seq})
            events.append(self.event("RunFinished", finish[0], runs_seq, attempt, data))
        return Batch(end, events, telemetry_seq, runs_seq, records, last_step, artifacts, started, finished, size, set_aside)


class _Points:
    """Rows by keyset, still as they lie in the spool. A row joins the block of its keyset unless a later block shares a key with it: of two values
    of a key at a step the last one must stay the last."""

    def __init__(self) -> None:
        self.groups: List[Tuple[int, frozenset, bytearray, int, bool]] = []
        self._block: Dict[Tuple[int, int, bool], int] = {}

    def add(self, keyset: int, names: frozenset, body: memoryview, base: int, counted: bool) -> bool:
        at = self._block.get((keyset, base, counted))
        if at is not None and at == len(self.groups) - 1 or at is not None and all(
            other[1].isdisjoint(names) for other in self.groups[at + 1 :]
        ):
            self.groups[at][2].extend(body)
            return True
        self._block[(keyset, base, counted)] = len(self.groups)
        self.groups.append((keyset, names, bytearray(body), base, counted))
        return False

    def encode(self, keys: Dict[int, bytes]) -> List[bytes]:
        blocks = []
        for keyset, names, rows, base, counted in self.groups:
            stride = 2 + len(names)
            words = array("q")
            words.frombytes(rows)
            steps, times = words[0::stride].tolist(), words[1::stride].tolist()
            if base:
                steps = [step + base for step in steps]
            cells = array("d")
            cells.frombytes(rows)
            values = array("d")
            for column in range(2, stride):
                values.extend(cells[column::stride])
            blocks.append(wire.encode_block(keys[keyset], steps, times, values, counted=counted))
        return blocks
