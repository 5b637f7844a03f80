"""What a program logs to the real clients of other trackers arrives here too."""
from __future__ import annotations

import pytest

from jobs import params, play
from test_integrations import curves

programs = {
    "wandb": """
import wandb
run = wandb.init(mode="offline", config={"lr": 0.5})
run.config.update({"late": 1})
run.log({"loss": 1.0, "words": wandb.Html("stays there")})
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
    "tensorboard": """
from torch.utils.tensorboard import SummaryWriter
writer = SummaryWriter("logs")
writer.add_hparams({"lr": 0.5, "late": 1}, {})
for step, loss in ((0, 1.0), (1, 0.5), (7, 0.25)):
    writer.add_scalar("loss", loss, step)
writer.add_scalar("a", 1, global_step=1)
writer.add_scalar("nested.b", 3, 1)
writer.close()
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
def test_what_is_logged_to_another_tracker_arrives_here_too(tracker, receiver, tmp_path):
    first = "import runstream\nrunstream.mirror(%r, project='mirrored', capture_console=False, capture_environment=False)\n" % tracker
    env = {"WANDB_DIR": str(tmp_path), "MLFLOW_ALLOW_FILE_STORE": "true", "TRACKIO_DIR": str(tmp_path / "trackio")}
    out = play(first + programs[tracker], receiver=receiver, folder=tmp_path, env=env)
    assert out.returncode == 0, out.stderr
    assert "runstream:" not in out.stderr, out.stderr
    found = curves(receiver)
    assert found["loss"] == [(0, 1.0), (1, 0.5), (7, 0.25)] and found["a"] == [(1, 1.0)] and found["nested.b"] == [(1, 3.0)]
    assert {key: float(value) for key, value in params(receiver).items()} == {"lr": 0.5, "late": 1.0}
