"""A program written for W&B's client runs with `import runstream.wandb as wandb` and nothing else changed."""
from __future__ import annotations

import json

import pytest

from jobs import endings, params, play
from test_integrations import curves
from test_rich import values


def test_a_program_for_wandb_logs_what_it_says(receiver, tmp_path):
    source = """
import argparse
import numpy as np
import runstream.wandb as wandb
open("weights.bin", "wb").write(b"123")
wandb.login()
run = wandb.init(project="shim", config={"lr": 0.1, "model": {"depth": 2}}, name="first", tags=["a"], notes="why", group="g", settings=wandb.Settings(x=1))
assert wandb.run is run and run.name == "first" and wandb.config.lr == 0.1 and wandb.init() is run
wandb.define_metric("acc", summary="max")
wandb.config.update({"late": True})
table = wandb.Table(columns=["name", "score"])
table.add_data("a", 1)
for step in range(3):
    wandb.log({"loss": 1 / (step + 1)}, commit=False)
    wandb.log({"acc": step, "nested": {"x": step}})
wandb.log({"later": 5.0}, step=10)
run.log({"image": wandb.Image(np.zeros((2, 2)), caption="c"), "table": table, "spread": wandb.Histogram(np_histogram=np.histogram([1, 2, 2])),
         "matrix": wandb.plot.confusion_matrix(y_true=[0, 1], preds=[0, 0], class_names=["cat", "dog"]), "roc": wandb.plot.roc_curve([0, 1], [[0.9, 0.1], [0.2, 0.8]])})
wandb.alert(title="diverged", text="loss is nan", level=wandb.AlertLevel.WARN)
artifact = wandb.Artifact("model", type="model", metadata={"acc": 0.5})
artifact.add_file("weights.bin")
wandb.log_artifact(artifact, aliases=["best"])
wandb.summary["best"] = 0.9
run.tags += ("b",)
assert run.tags == ("a", "b")
try:
    wandb.sweep
    raise SystemExit("sweep is not there")
except AttributeError as error:
    assert "docs/wandb.md" in str(error)
wandb.finish(exit_code=0)
assert wandb.run is None
"""
    out = play(source, receiver=receiver, folder=tmp_path)
    assert (out.returncode, out.stderr) == (0, "runstream.wandb: left out of init(): settings\n")
    found = curves(receiver)
    assert found["loss"] == [(0, 1.0), (1, 0.5), (2, 1 / 3)] and found["acc"] == [(0, 0), (1, 1), (2, 2)] and found["nested.x"] == found["acc"]
    assert found["later"] == [(10, 5.0)]
    media = {value["key"]: value for value in values(receiver)}
    assert {key: value["kind"] for key, value in media.items()} == {
        "image": "image", "table": "table", "spread": "histogram", "matrix": "confusion_matrix", "roc": "curve", "alerts": "text"}
    assert json.loads(media["table"]["text"]) == {"columns": ["name", "score"], "rows": [["a", 1]]}
    assert json.loads(media["matrix"]["text"])["labels"] == ["cat", "dog"] and media["alerts"]["text"] == "WARN: diverged\nloss is nan"
    assert {key: value for key, value in params(receiver).items()} == {"lr": 0.1, "model.depth": 2, "late": True}
    [logged] = receiver.named("ArtifactLogged")
    assert b"model/weights.bin" in logged[3]
    assert endings(receiver) == [("finished", "", 0)]


def test_an_exit_code_and_an_exception_are_failures(receiver, tmp_path):
    play("import runstream.wandb as wandb\nwandb.init(project='shim')\nwandb.finish(exit_code=3)\n", receiver=receiver, folder=tmp_path)
    play("import runstream.wandb as wandb\nwith wandb.init(project='shim'):\n    raise KeyError('gone')\n", receiver=receiver, folder=tmp_path)
    assert [(state, code) for state, _, code in endings(receiver)] == [("failed", 3), ("failed", 1)]


def test_what_can_not_be_is_said_with_the_name_of_the_field(tmp_path):
    import runstream.wandb as wandb

    with pytest.raises(RuntimeError, match=r"wandb.log\(\) before wandb.init\(\)"):
        wandb.log({"a": 1})
    with pytest.raises(ValueError, match="local_path: there is no file"):
        wandb.Artifact("a", "b").add_file(tmp_path / "nothing")
    with pytest.raises(ValueError, match="a row of 1 cells for 2 columns"):
        wandb.Table(columns=["a", "b"]).add_data(1)
