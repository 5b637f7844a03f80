"""Values that are no numbers: what is made of them, and that they arrive."""
from __future__ import annotations

import base64
import hashlib
import json
import os
import struct
import zlib

import pytest

import runstream
from jobs import play, until
from receiver import fields, unzigzag
from runstream import images
from test_delivery import start, without_gaps


def values(receiver):
    """Every rich value that arrived, in order."""
    names = {1: "key", 2: "step", 4: "kind", 5: "index", 6: "count", 7: "mime", 8: "text", 9: "data", 10: "digest", 11: "size", 12: "caption"}
    found = []
    for said in receiver.named("ValuesLogged"):
        for field, data in fields(said[3]):
            if field == 1:
                value = {names[number]: content for number, content in fields(data) if number in names}
                value = {name: content.decode() if isinstance(content, bytes) and name != "data" else content for name, content in value.items()}
                found.append({**value, "step": unzigzag(value.get("step", 0))})
    return found


def unpacked(png):
    """Width, height, and the bytes of the rows of a PNG without filters."""
    width, height = struct.unpack(">II", png[16:24])
    data, at = b"", 8
    while at < len(png):
        size, kind = struct.unpack(">I4s", png[at : at + 8])
        assert zlib.crc32(png[at + 4 : at + 8 + size]) == struct.unpack(">I", png[at + 8 + size : at + 12 + size])[0]
        data += png[at + 8 : at + 8 + size] if kind == b"IDAT" else b""
        at += 12 + size
    rows = zlib.decompress(data)
    row = len(rows) // height
    return width, height, [list(rows[at + 1 : at + row]) for at in range(0, len(rows), row)]


def test_everything_that_is_logged_arrives_once_and_is_what_it_was(receiver, tmp_path):
    run = start(receiver, tmp_path)
    film = tmp_path / "film.mp4"
    film.write_bytes(b"\0\0\0\x18ftypmp42" + os.urandom(100_000))
    page = "<h1>" + "x" * 80_000
    run.log({"loss": 0.5, "said": "größe 🚀", "nested": {"image": runstream.Image([[0, 255], [128, 3]], caption="a \"cap\"")}}, step=7)
    run.log({"many": [runstream.Image([[n]]) for n in range(3)], "film": runstream.Video(film)}, step=8)
    run.log({"page": runstream.Html(page), "table": runstream.Table([{"a": 1, "b": None}, {"a": 2.5, "b": "x"}])})
    assert run.finish()
    found = {(value["key"], value.get("index", 0)): value for value in values(receiver)}
    assert len(found) == len(values(receiver)) == 8
    assert found[("said", 0)]["text"] == "größe 🚀" and found[("said", 0)]["kind"] == "text" and found[("said", 0)]["step"] == 7
    assert unpacked(found[("nested.image", 0)]["data"]) == (2, 2, [[0, 255], [128, 3]])
    assert found[("nested.image", 0)]["caption"] == 'a "cap"'
    assert [unpacked(found[("many", n)]["data"])[2] for n in range(3)] == [[[0]], [[1]], [[2]]] and found[("many", 2)]["count"] == 3
    assert json.loads(found[("table", 0)]["text"]) == {"columns": ["a", "b"], "rows": [[1, None], [2.5, "x"]]} and found[("table", 0)]["step"] == 9
    for name, content, mime in (("film", film.read_bytes(), "video/mp4"), ("page", page.encode(), "text/html")):
        digest = "sha256:" + hashlib.sha256(content).hexdigest()
        assert found[(name, 0)]["digest"] == digest and found[(name, 0)]["size"] == len(content) and found[(name, 0)]["mime"] == mime
        assert receiver.artifacts[digest] == content
    assert [(key, step) for key, step, _, _ in receiver.points()] == [("loss", 7)]
    without_gaps(receiver)
    last = dict(fields(receiver.named("RunFinished")[0][3]))
    assert last[3] == receiver.seqs()[(run._settings["writer"], "telemetry")][-1]


def test_what_was_logged_before_the_process_was_killed_is_delivered(receiver, tmp_path):
    source = """
import os, signal, sys, runstream
run = runstream.init(project="p", capture_environment=False, capture_console=False)
for step in range(20):
    run.log({"small": runstream.Image([[step]]), "large": runstream.Text("%d " % step * 40_000)}, step=step)
os.kill(os.getpid(), signal.SIGKILL)
"""
    play(source, receiver=receiver, folder=tmp_path)
    until(lambda: receiver.named("RunFinished"), 60)
    found = values(receiver)
    assert sorted((value["key"], value["step"]) for value in found) == sorted((key, step) for key in ("small", "large") for step in range(20))
    for value in found:
        if value["key"] == "large":
            assert receiver.artifacts[value["digest"]].decode().startswith("%d " % value["step"])


def test_what_can_not_be_kept_is_said_once_and_loses_only_itself(receiver, tmp_path, capfd):
    run = start(receiver, tmp_path)
    for make in (
        lambda: runstream.Image([[[1] * 5] * 5] * 5), lambda: runstream.Image(b"no image"), lambda: runstream.Image([[1, 2], [3]]), lambda: runstream.Image("/nowhere/at.png"),
        lambda: runstream.Histogram([1], bins=0), lambda: runstream.Histogram(counts=[1, 2], edges=[0, 1]), lambda: runstream.Histogram(counts=[1, 2], edges=[0, 2, 1]),
        lambda: runstream.Table([[1, 2], [3]]), lambda: runstream.Table({"a": [1], "b": []}), lambda: runstream.Audio([0.0]), lambda: runstream.Points3D([[1, 2]]),
        lambda: runstream.ConfusionMatrix([1], [1, 2]), lambda: runstream.Curve([1], []), lambda: runstream.Curve.roc([1, 1], [0, 1]), lambda: runstream.Video(3),
    ):
        with pytest.raises((ValueError, OSError)):
            make()
    run.log({"a": 1.0, "list": [1, 2], "mixed": [runstream.Image([[1]]), 3], "empty": [], "b": runstream.Text("kept")})
    assert run.finish()
    assert [value["key"] for value in values(receiver)] == ["b"] and [key for key, *_ in receiver.points()] == ["a"]
    assert run.skipped == 3
    assert "'list'" in capfd.readouterr().err


def test_files_that_wait_are_bounded_as_the_spool_is_and_what_is_dropped_is_counted(receiver, tmp_path, capfd):
    run = start(receiver, tmp_path, mode="offline", spool_mb_max=24)
    for step in range(30):
        run.log({"large": runstream.Text(str(step % 10) * 1_500_000), "loss": float(step)}, step=step)
    kept = [name for name in os.listdir(run._folder) if name.startswith("file-")]
    assert 0 < len(kept) * 1_500_000 <= 24 << 20 and run.dropped == 30 - len(kept)
    os.mkdir(os.path.join(run._folder, "file-%d" % (run._files + 1)))  # a file that can't be written
    run._file_bytes = -(1 << 40)
    before = run.dropped
    run.log({"large": runstream.Text("x" * 100_000), "loss": 30.0}, step=30)
    assert run.dropped == before + 1 and run.skipped == 0
    run.finish()
    assert capfd.readouterr().err.count("dropped (and counted)") == 1


def test_a_histogram_counts_what_is_finite():
    said = runstream.Histogram([1, 1.5, 2, float("nan"), float("inf"), [2, 2]], bins=2).encoded
    assert json.loads(said.content) == {"edges": [1.0, 1.5, 2.0], "counts": [1.0, 4.0]}
    assert {name: said.facts[name] for name in ("count", "nan", "infinite", "min", "max")} == {"count": "5", "nan": "1", "infinite": "1", "min": "1", "max": "2"}
    assert sum(json.loads(runstream.Histogram([3, 3, 3], bins=4).encoded.content)["counts"]) == 3
    assert json.loads(runstream.Histogram([float("nan")], bins=1).encoded.content)["counts"] == [0.0]


@pytest.mark.parametrize("rows, said", [
    ([[0.0, 1.0]], [0, 255]), ([[-1.0, 1.0]], [0, 255]), ([[0.0, 10.0]], [0, 255]), ([[True, False]], [255, 0]), ([[300, -5]], [255, 0]),
    ([[float("nan"), 1.0]], [0, 255]), ([[[1, 2, 3]]], [1, 2, 3]), ([[[1, 4], [7, 10]], [[2, 5], [8, 11]], [[3, 6], [9, 12]]], list(range(1, 13))),
])
def test_pixels_of_lists(rows, said):
    found = images.pixels_of(rows)
    assert list(found.data) == said and len(said) == found.width * found.height * found.channels


def test_a_classifier_is_told_of_exactly():
    truth, scores = [0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]
    assert runstream.Curve.roc(truth, scores).encoded.facts == {"auc": "0.75"}
    assert runstream.Curve.pr(truth, scores).encoded.facts == {"average_precision": "0.833333"}
    matrix = json.loads(runstream.ConfusionMatrix(["cat", "dog", "dog"], ["cat", "cat", "dog"]).encoded.content)
    assert matrix == {"labels": ["cat", "dog"], "matrix": [[1, 0], [1, 1]]}
    assert json.loads(runstream.ConfusionMatrix([1, 0], [1, 1], labels=["no", "yes"]).encoded.content)["matrix"] == [[0, 1], [0, 1]]


def test_samples_become_a_wave_file():
    said = runstream.Audio([0.0, 1.0, -1.0, 2.0], rate=8_000).encoded
    assert said.mime == "audio/wav" and said.content[44:] == struct.pack("<4h", 0, 32_767, -32_767, 32_767)
    assert base64.b64encode(said.content)
