"""Answers whose columns of numbers are binary (docs/protocol.md): a million points are read in the time that their bytes take."""
from __future__ import annotations

import json
import struct
import sys
from array import array
from typing import Any

COLUMNS_TYPE = "application/vnd.runstream.columns"


def read_columns(body: bytes) -> Any:
    """The answer, its columns as `array("d")`. Throws ValueError when the bytes are no such answer."""
    try:
        (length,) = struct.unpack_from("<I", body)
        mark, answer = json.loads(body[4 : 4 + length])
        numbers = array("d")
        numbers.frombytes(body[(4 + length + 7) // 8 * 8 :])
    except (struct.error, TypeError) as error:
        raise ValueError("not an answer in columns: %s" % error) from error
    if sys.byteorder == "big":
        numbers.byteswap()

    def fill(value: Any) -> Any:
        if isinstance(value, list):
            return [fill(each) for each in value]
        if not isinstance(value, dict):
            return value
        if mark in value:
            at, count = value[mark]
            return numbers[at : at + count]
        return {key: fill(each) for key, each in value.items()}

    return fill(answer)
