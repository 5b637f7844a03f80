"""What a program says to a SummaryWriter arrives here too, and there as before; other trackers are met in tests_long."""
from __future__ import annotations

import pytest

import runstream
from jobs import endings, params, play
from test_integrations import curves
from test_rich import values


def test_a_summary_writer_is_mirrored_and_writes_as_before(receiver, tmp_path):
    source = """
import glob, os
import runstream
assert runstream.mirror(project="mirrored", capture_console=False, capture_environment=False) == ["wandb", "mlflow", "trackio", "tensorboard"]
from tensorboardX import SummaryWriter
writer = SummaryWriter("logs")
writer.add_hparams({"lr": 0.5}, {"final": 1.0})
for step in range(3):
    writer.add_scalar("loss", 1 / (step + 1), step)
writer.add_scalars("both", {"a": 1, "b": 2}, 7)
writer.add_histogram("w", [1.0, 2.0, 2.0], 2)
writer.add_text("said", "grüße", 2)
runstream.mirror("tensorboard", disable=True)
writer.add_scalar("loss", 9, 9)
writer.close()
assert sum(map(os.path.getsize, glob.glob("logs/events*"))) > 200
"""
    out = play(source, receiver=receiver, folder=tmp_path)
    assert (out.returncode, out.stderr) == (0, "")
    found = curves(receiver)
    assert found["loss"] == [(0, 1.0), (1, 0.5), (2, 1 / 3)] and found["both/a"] == [(7, 1.0)] and params(receiver)["lr"] == 0.5
    assert sorted((value["key"], value["kind"], value["step"]) for value in values(receiver)) == [("said", "text", 2), ("w", "histogram", 2)]
    assert endings(receiver) == [("finished", "", 0)]


def test_a_tracker_that_is_not_known_is_refused_by_its_name():
    with pytest.raises(ValueError, match="trackers: 'aim' is none of"):
        runstream.mirror(["aim"])
