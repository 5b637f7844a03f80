"""The numbers in the texts of docs/system-metrics, which the TypeScript SDK reads as well."""
import json
from pathlib import Path

import pytest

from runstream.gpus import AmdGpus, Energy
from runstream.machine import Host, ProcessTree
from runstream.machine_files import Files

FOLDER = Path(__file__).resolve().parents[3] / "docs" / "system-metrics"
EXAMPLES = {path.stem: json.loads(path.read_text("utf-8")) for path in FOLDER.glob("*.json")}


class Told(Files):
    def __init__(self):
        self.texts = {}

    def read(self, path):
        return self.texts.get(path)

    def names(self, path):
        inside = [known[len(path) + 1 :] for known in self.texts if known.startswith(path + "/")]
        return sorted({rest.split("/")[0] for rest in inside})


def reader_of(example, files):
    if example["kind"] == "host":
        return Host(files, "/work", lambda folder: example["disk"], lambda: example["load"]).read
    if example["kind"] == "processes":
        return ProcessTree(files, example["pid"], example["without"], example["ticksPerS"], example["pageBytes"]).read
    gpus, energy = AmdGpus(files), Energy()
    return lambda at: energy.metrics(gpus.read(), at)


@pytest.mark.parametrize("name", sorted(name for name in EXAMPLES if "readings" in EXAMPLES[name]))
def test_the_texts_are_read_as_the_example_says(name):
    example, files, values = EXAMPLES[name], Told(), None
    read = reader_of(example, files)
    for reading in example["readings"]:
        files.texts.update(reading["files"])
        values = read(reading["at"])
    assert values == pytest.approx(example["expected"])
