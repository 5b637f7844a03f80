"""Callbacks of what needs PyTorch, with the real frameworks: some gigabytes, so in the long run."""
from __future__ import annotations

import json

import keras
import numpy
import torch
import transformers
from accelerate import Accelerator
from lightning.pytorch import LightningModule, Trainer

import runstream
from jobs import params
from runstream.integrations import lightning as lightning_of
from runstream.integrations import transformers as transformers_of
from runstream.integrations.keras import RunstreamCallback as KerasCallback
from test_delivery import start
from test_integrations import curves
from test_rich import values


class Line(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = torch.nn.Linear(2, 1)

    def forward(self, x=None, labels=None, **_):
        said = self.inner(x)
        return {"loss": ((said - labels) ** 2).mean(), "logits": said}


def test_histograms_of_gradients_and_weights_are_taken_while_a_model_trains(receiver, tmp_path):
    run = start(receiver, tmp_path)
    model = Line()
    watch = run.watch(model, log="all", every=2, bins=8)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    for step in range(4):
        loss = model(torch.ones(3, 2), torch.ones(3, 1))["loss"]
        loss.backward()
        optimizer.step()
        run.log({"loss": loss, "n": step})
    watch.stop()
    model(torch.ones(1, 2), torch.ones(1, 1))["loss"].backward()
    assert run.watch(object()) is None and run.watch(model, every=0) is None
    assert run.finish() and run.skipped == 2
    found = {}
    for value in values(receiver):
        assert value["kind"] == "histogram" and sum(json.loads(value["text"])["counts"]) > 0
        found.setdefault(value["key"], []).append(value["step"])
    assert found == {"%s/inner.%s" % (what, name): [0, 2] for what in ("parameters", "gradients") for name in ("weight", "bias")}
    assert [step for step, _ in curves(receiver)["loss"]] == [0, 1, 2, 3]


def test_images_and_histograms_of_tensors(receiver, tmp_path):
    run = start(receiver, tmp_path)
    run.log({"image": runstream.Image(torch.zeros(3, 4, 5)), "half": runstream.Histogram(torch.tensor([1.0, float("nan")], dtype=torch.bfloat16)), "zero": torch.tensor(2.5)})
    assert run.finish() and run.skipped == 0
    assert sorted((value["key"], value["kind"]) for value in values(receiver)) == [("half", "histogram"), ("image", "image")]
    assert curves(receiver)["zero"] == [(0, 2.5)]


def test_the_trainer_of_hugging_face_logs_at_its_global_step(receiver, tmp_path):
    run = start(receiver, tmp_path)
    data = [{"x": torch.ones(2), "labels": torch.ones(1)} for _ in range(8)]
    arguments = transformers.TrainingArguments(
        str(tmp_path / "out"), max_steps=4, logging_steps=2, report_to="none", per_device_train_batch_size=2, use_cpu=True, save_strategy="no", remove_unused_columns=False, disable_tqdm=True)
    trainer = transformers.Trainer(Line(), arguments, train_dataset=data, eval_dataset=data, callbacks=[transformers_of.RunstreamCallback(run)])
    trainer.train()
    trainer.evaluate()
    assert run.finish() and run.skipped == 0
    found = curves(receiver)
    assert [step for step, _ in found["train/loss"]] == [2, 4] and [step for step, _ in found["eval/loss"]] == [4]
    assert params(receiver)["max_steps"] == 4 and "train/train_runtime" in run.summary


def test_accelerate_logs_through_its_tracker(receiver, tmp_path):
    run = start(receiver, tmp_path)
    accelerator = Accelerator(cpu=True, log_with=transformers_of.RunstreamTracker(run))
    accelerator.init_trackers("any", config={"lr": 0.1})
    accelerator.log({"loss": 0.5}, step=3)
    accelerator.end_training()
    assert run.finish()
    assert curves(receiver)["loss"] == [(3, 0.5)] and params(receiver)["lr"] == 0.1


class Lit(LightningModule):
    def __init__(self, width=2):
        super().__init__()
        self.save_hyperparameters()
        self.line = Line()

    def training_step(self, batch, _):
        loss = self.line(batch, torch.ones(len(batch), 1))["loss"]
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch, _):
        self.log("val_loss", self.line(batch, torch.ones(len(batch), 1))["loss"])

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.01)


def test_lightning_logs_through_its_logger(receiver, tmp_path):
    run = start(receiver, tmp_path)
    batches = torch.utils.data.DataLoader(torch.ones(8, 2), batch_size=2)
    logger = lightning_of.RunstreamLogger(run, log_model=True)
    trainer = Trainer(logger=logger, max_epochs=2, log_every_n_steps=1, accelerator="cpu", default_root_dir=str(tmp_path), enable_progress_bar=False)
    trainer.fit(Lit(width=3), batches, batches)
    assert (logger.name, logger.version) == (run.project, run.id)
    assert run.finish() and run.skipped == 0
    found = curves(receiver)
    assert [step for step, _ in found["train_loss"]] == list(range(8)) and [step for step, _ in found["val_loss"]] == [3, 7]
    assert params(receiver)["width"] == 3
    assert len(receiver.named("ArtifactLogged")) == 1


def test_keras_logs_batches_and_epochs_at_the_step_of_the_batch(receiver, tmp_path):
    run = start(receiver, tmp_path)
    model = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(numpy.ones((6, 2)), numpy.ones((6, 1)), batch_size=2, epochs=2, validation_split=0.34, verbose=0, callbacks=[KerasCallback(run)])
    assert run.finish() and run.skipped == 0
    found = curves(receiver)
    steps = [step for step, _ in found["batch/loss"]]
    assert steps == list(range(len(steps))) and len(found["epoch/val_loss"]) == len(found["epoch/learning_rate"]) == 2
    assert found["epoch"][1] == (steps[-1], 1.0) and params(receiver)["parameters"] == 3
