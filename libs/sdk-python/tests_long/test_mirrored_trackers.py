"""What a program logs to the real clients of other trackers arrives here too."""
from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[1] / "tests")]
os.environ["RUNSTREAM_CAPTURE_SYSTEM"] = "off"

import pytest  # noqa: E402

from jobs import params, play  # noqa: E402
from receiver import Receiver  # noqa: E402
from test_integrations import curves  # noqa: E402

programs = {
    "wandb": """
import wandb
run = wandb.init(mode="offline", config={"lr": 0.5})
run.config.update({"late": 1})
run.log({"loss": 1.0, "image": wandb.Image([[0, 1]]) if False else 2})
run.log({"a": 1}, commit=False)
run.log({"loss": 0.5, "nested": {"b": 3}})
run.log({"loss": 0.25}, step=7)
run.finish()
""",
    "trackio": """
import trackio
trackio.init(project="p", name="n", config={"lr": 0.5, "late": 1}, embed=False)
trackio.log({"loss": 1.0}, step=0)
trackio.log({"loss": 0.5, "a": 1, "nested": {"b": 3}}, step=1)
trackio.log({"loss": 0.25}, step=7)
trackio.finish()
""",
    "mlflow": """
import mlflow
mlflow.set_tracking_uri("file:mlruns")
with mlflow.start_run():
    mlflow.log_param("lr", 0.5)
    mlflow.log_params({"late": 1})
    mlflow.log_metric("loss", 1.0, step=0)
    mlflow.log_metrics({"loss": 0.5, "a": 1, "nested.b": 3}, step=1)
    mlflow.log_metric("loss", 0.25, step=7)
""",
}


@pytest.mark.parametrize("tracker", programs)
def test_what_is_logged_to_another_tracker_arrives_here_too(tracker, tmp_path):
    receiver = Receiver()
    try:
        first = "import runstream\nrunstream.mirror(%r, project='mirrored', capture_console=False, capture_environment=False)\n" % tracker
        env = {"WANDB_DIR": str(tmp_path), "MLFLOW_ALLOW_FILE_STORE": "true", "TRACKIO_DIR": str(tmp_path / "trackio")}
        out = play(first + programs[tracker], receiver=receiver, folder=tmp_path, env=env)
        assert out.returncode == 0, out.stderr
        assert "runstream:" not in out.stderr, out.stderr
        found = curves(receiver)
        assert found["loss"] == [(0, 1.0), (1, 0.5), (7, 0.25)] and found["a"] == [(1, 1.0)] and found["nested.b"] == [(1, 3.0)]
        assert {key: float(value) for key, value in params(receiver).items()} == {"lr": 0.5, "late": 1.0}
    finally:
        receiver.close()
