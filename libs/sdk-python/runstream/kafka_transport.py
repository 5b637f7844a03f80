"""Telemetry straight to Kafka (`pip install runstream[kafka]`): the records that the ingest door would have written. What needs an answer (the start
of a run, params, the end) goes through the door all the same."""
from __future__ import annotations

import datetime
import re
import time
from typing import Any, Dict, Iterator, List, Optional, Tuple
from urllib.parse import parse_qs, unquote

SHARDS = 16
ANSWER_S = 30.0
METADATA_S = 10.0
_MECHANISMS = {"plain": "PLAIN", "scram-sha-256": "SCRAM-SHA-256", "scram-sha-512": "SCRAM-SHA-512"}
_TELEMETRY = frozenset(b"runstream.%s.v1" % name for name in (b"PointsLogged", b"LinesLogged", b"ValuesLogged", b"HeartbeatSent"))


def read_address(text: str) -> Tuple[Dict[str, Any], str]:
    """`kafka://[user:password@]host:9092,host:9092[/prefix][?tls=1&sasl=scram-sha-512]`, the server's RUNSTREAM_LOG: settings and the topic's name."""
    match = re.match(r"^kafka://(?:([^:@/]*):([^@/]*)@)?([^/?]+)(?:/([^?]*))?(?:\?(.*))?$", text)
    if not match:
        raise ValueError("%r is not kafka://host:9092/prefix" % text)
    user, password, hosts, prefix, query = match.groups()
    options = {name: values[-1] for name, values in parse_qs(query or "").items()}
    settings: Dict[str, Any] = {
        "bootstrap.servers": hosts, "enable.idempotence": True, "acks": "all", "linger.ms": 5, "compression.type": "lz4",
        "message.max.bytes": 2 * 1024 * 1024, "delivery.timeout.ms": int(ANSWER_S * 1000), "client.id": "runstream-sdk-python",
    }
    tls = options.get("tls") == "1"
    if user is not None:
        mechanism = _MECHANISMS.get(options.get("sasl", "plain"))
        if mechanism is None:
            raise ValueError("sasl %r is not one of %s" % (options["sasl"], ", ".join(_MECHANISMS)))
        settings.update({"sasl.mechanism": mechanism, "sasl.username": unquote(user), "sasl.password": unquote(password)})
        settings["security.protocol"] = "SASL_SSL" if tls else "SASL_PLAINTEXT"
    elif tls:
        settings["security.protocol"] = "SSL"
    return settings, "%s.telemetry" % (unquote(prefix) if prefix else "runstream")


def partition_of(key: str, count: int) -> int:
    """FNV-1a 32 over UTF-8, as in every other program that writes to the log."""
    value = 0x811C9DC5
    for byte in key.encode():
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return value % count


class KafkaTransport:
    def __init__(self, address: str) -> None:
        from confluent_kafka import KafkaException, Producer

        self._errors = KafkaException
        settings, self._topic = read_address(address)
        self._settings = {**settings, "logger": _Quiet()}
        self._make = Producer
        self._producer: Optional[Any] = None
        self._partitions = 0

    def is_telemetry(self, event: bytes) -> bool:
        return _fields(_only(event)).get(2) in _TELEMETRY

    def send_events(self, events: List[bytes]) -> List[Dict[str, Any]]:
        """Resolves when all replicas in sync have all of them. OSError: unknown, the caller sends them all again."""
        records = [self._record(event) for event in events]
        failures: List[str] = []
        left = [len(records)]

        def delivered(error: Any, _message: Any) -> None:
            left[0] -= 1
            if error is not None:
                failures.append(str(error))

        try:
            producer = self._connected()
            for key, headers, value in records:
                while True:
                    try:
                        producer.produce(self._topic, value, key.encode(), partition_of(key, self._partitions), delivered, headers=headers)
                        break
                    except BufferError:
                        producer.poll(0.1)
            end = time.monotonic() + ANSWER_S + 5
            while left[0] and time.monotonic() < end:
                producer.poll(0.05)
        except self._errors as error:
            self._producer = None
            raise OSError("Kafka: %s" % error) from error
        if left[0] or failures:
            # what was sent may have been stored; a new producer has a new number
            self._producer = None
            raise OSError("Kafka: %s" % (failures[0] if failures else "no answer within %d s" % ANSWER_S))
        return [{"id": dict(headers)["ce_id"].decode(), "status": "accepted"} for _, headers, _ in records]

    def close(self) -> None:
        self._producer = None

    def _connected(self) -> Any:
        if self._producer is None:
            producer = self._make(self._settings)
            topic = producer.list_topics(self._topic, timeout=METADATA_S).topics[self._topic]
            if topic.error is not None or not topic.partitions:
                raise OSError("Kafka has no topic %s: start a server of this log first" % self._topic)
            self._partitions = len(topic.partitions)
            self._producer = producer
        return self._producer

    def _record(self, event: bytes) -> Tuple[str, List[Tuple[str, bytes]], bytes]:
        fields = _fields(_only(event))
        writer = _fields(fields[6])
        attempt, rank, seq = (writer.get(number, 0) for number in (2, 3, 4))
        time_ms = (fields.get(5, 0) >> 1) ^ -(fields.get(5, 0) & 1)
        when = datetime.datetime(1970, 1, 1) + datetime.timedelta(milliseconds=time_ms)
        headers = [
            ("ce_specversion", b"1.0"), ("ce_id", fields[1]), ("ce_type", fields[2]), ("ce_source", fields.get(3, b"")), ("ce_subject", fields[4]),
            ("ce_time", (when.isoformat(timespec="milliseconds") + "Z").encode()),
            ("ce_writer", b"%s %d %d %d" % (writer[1], attempt, rank, seq)),
        ]
        return "%s/%d" % (fields[4].decode(), rank % SHARDS), headers, fields.get(7, b"")


class _Quiet:
    """What goes wrong is told by send_events."""

    def log(self, *_: Any) -> None:
        pass


def _only(event: bytes) -> bytes:
    """The one entry of an EventBatch."""
    return next(_walk(event))[1]


def _fields(message: bytes) -> Dict[int, Any]:
    return dict(_walk(message))


def _walk(message: bytes) -> Iterator[Tuple[int, Any]]:
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        value, at = _varint(message, at)
        if tag & 7 == 2:
            yield tag >> 3, message[at : at + value]
            at += value
        else:
            yield tag >> 3, value


def _varint(message: bytes, at: int) -> Tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
