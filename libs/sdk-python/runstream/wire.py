"""Protobuf encoding of docs/protocol.md (runstream.proto), without a dependency. Canonical: zero values are left out, fields in order."""
from __future__ import annotations

import base64
import struct
from array import array
from typing import Any, Dict, Iterable, List, Optional, Sequence

from .schema import SCHEMA

_double = struct.Struct("<d").pack

TELEMETRY = frozenset(("PointsLogged", "LinesLogged", "ValuesLogged", "HeartbeatSent"))


def varint(value: int) -> bytes:
    if value < 128:
        return bytes((value,))
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def zigzag(value: int) -> int:
    return value << 1 if value >= 0 else (-value << 1) - 1


def _unsigned(value: Any) -> int:
    number = int(value)
    if number < 0:
        raise ValueError("%d is negative" % number)
    return number


def _field(number: int, data: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(data)) + data


def _utf8(text: Any) -> bytes:
    return (text if isinstance(text, str) else str(text)).encode("utf-8", "replace")


def encode_message(name: str, values: Dict[str, Any]) -> bytes:
    out: List[bytes] = []
    for number, field, kind in SCHEMA[name]:
        value = values.get(field)
        if kind[:2] == "m:":
            if value is not None:
                out.append(_field(number, encode_message(kind[2:], value)))
        elif not value:
            continue
        elif kind == "s":
            out.append(_field(number, _utf8(value)))
        elif kind == "B":
            out.append(_field(number, base64.b64decode(value)))
        elif kind == "u":
            out.append(varint(number << 3) + varint(_unsigned(value)))
        elif kind == "i":
            out.append(varint(number << 3) + varint(int(value) & 0xFFFFFFFFFFFFFFFF))
        elif kind == "z":
            out.append(varint(number << 3) + varint(zigzag(int(value))))
        elif kind == "b":
            out.append(varint(number << 3) + b"\1")
        elif kind == "d":
            out.append(varint(number << 3 | 1) + _double(float(value)))
        elif kind == "S":
            out.extend(_field(number, _utf8(item)) for item in value)
        elif kind == "M":
            out.extend(_field(number, _field(1, _utf8(k)) + _field(2, _utf8(v))) for k, v in value.items())
        else:
            out.extend(_field(number, encode_message(kind[2:], item)) for item in value)
    return b"".join(out)


def deltas(values: Sequence[int]) -> bytes:
    """The first value, then differences, as packed zigzag varints."""
    differences = [b - a for a, b in zip(values, values[1:])]
    try:
        rest = bytes([d << 1 if d >= 0 else (-d << 1) - 1 for d in differences])
        if differences and max(rest) > 127:
            raise ValueError
    except ValueError:
        rest = b"".join([varint(zigzag(d)) for d in differences])
    return varint(zigzag(values[0])) + rest


def encode_keys(keys: Iterable[str]) -> bytes:
    return b"".join([_field(1, _utf8(key)) for key in keys])


def encode_block(keys: bytes, steps: Sequence[int], times: Optional[Sequence[int]], values: array, every_value: bool = False, counted: bool = False) -> bytes:
    """A PointBlock: `keys` from encode_keys, `values` key-major doubles in native order."""
    out = [keys, _field(2, deltas(steps))]
    if times:
        out.append(_field(3, deltas(times)))
    raw = _little(values)
    single = None
    if _fits_single(values[:16]):
        narrow = array("f", values)
        if array("d", narrow).tobytes() == values.tobytes():
            single = _little(narrow)
    out.append(_field(5, single) if single is not None else _field(4, raw))
    if every_value:
        out.append(b"\x30\x01")
    if counted:
        out.append(b"\x38\x01")
    return _field(1, b"".join(out))


def encode_points_tail(attempt_started_at_ms: int, rewind_to: Optional[int]) -> bytes:
    """What follows the blocks of a PointsLogged: which attempt this is in the order of the training, and where it goes back to."""
    out = b"\x10" + varint(zigzag(attempt_started_at_ms)) if attempt_started_at_ms else b""
    if rewind_to is not None:
        out += (b"\x18" + varint(zigzag(rewind_to)) if rewind_to else b"") + b"\x20\x01"
    return out


def _fits_single(values: array) -> bool:
    return array("d", array("f", values)).tobytes() == values.tobytes()


def _little(values: array) -> bytes:
    import sys

    if sys.byteorder == "big":
        values = array(values.typecode, values)
        values.byteswap()
    return values.tobytes()


def encode_event(event_id: str, name: str, source: str, subject: str, time_ms: int, writer: Optional[Dict[str, Any]], data: bytes, reply: bool = False) -> bytes:
    """One `events` entry of an EventBatch: bodies are made by putting these one after the other."""
    out = [
        _field(1, _utf8(event_id)),
        _field(2, ("runstream.%s.v1" % name).encode()),
        _field(3, _utf8(source)) if source else b"",
        _field(4, _utf8(subject)) if subject else b"",
        b"\x28" + varint(zigzag(time_ms)) if time_ms else b"",
        _field(6, encode_message("Writer", writer)) if writer else b"",
        _field(7, data) if data else b"",
        b"\x40\x01" if reply else b"",
    ]
    return _field(1, b"".join(out))
