"""The encoder writes the golden examples of docs/protocol byte for byte."""
import json
from array import array
from pathlib import Path

import pytest

from runstream import wire

FOLDER = Path(__file__).resolve().parents[3] / "docs" / "protocol"


def encode_data(name, data):
    if name != "PointsLogged":
        return wire.encode_message(name, data)
    blocks = []
    for block in data["blocks"]:
        values = array("d", [float(v) for column in block["values"] for v in column])
        blocks.append(wire.encode_block(wire.encode_keys(block["keys"]), block["steps"], block.get("times"), values, block.get("everyValue", False)))
    return b"".join(blocks)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.json")), ids=lambda path: path.stem)
def test_example_is_written_to_exactly_its_bytes(path):
    body = b"".join(
        wire.encode_event(e["id"], e["name"], e["source"], e["subject"], e["timeMs"], e.get("writer"), encode_data(e["name"], e["data"]), e.get("reply", False))
        for e in json.loads(path.read_text("utf-8"))["events"]
    )
    assert body.hex() == path.with_suffix(".bin").read_bytes().hex()
