"""Keras 3: `model.fit(x, y, callbacks=[RunstreamCallback()])`."""
from __future__ import annotations

from typing import Any, Optional

import keras

from ._runs import numbers, run_of, simple


class RunstreamCallback(keras.callbacks.Callback):
    """Logs what Keras reports: by batch as `batch/…`, by epoch as `epoch/…` and for validation `epoch/val_…`, all at the step of the batch.

    run: the run to log to; that of the last init() when not given, else one of its own, which ends with the training.
    every: batches from one log to the next.
    settings: of `runstream.init` for a run of its own.
    """

    def __init__(self, run: Optional[Any] = None, every: int = 1, **settings: Any) -> None:
        super().__init__()
        if every < 1:
            raise ValueError("every is %r, and has to be at least 1" % (every,))
        self._given, self._every, self._settings = run, every, settings
        self.run: Any = None
        self._own, self._batches = False, 0

    def on_train_begin(self, logs: Optional[Any] = None) -> None:
        """Begins: logs the parameters of the training and the optimizer. `logs` is empty here."""
        self.run, self._own = run_of(self._given, **self._settings)
        self.run.config.update(simple(self.params or {}))
        optimizer = getattr(self.model, "optimizer", None)
        if optimizer is not None:
            self.run.config.update(simple(optimizer.get_config(), "optimizer."))
        self.run.config["parameters"] = int(self.model.count_params()) if self.model.built else None

    def on_train_batch_end(self, batch: int, logs: Optional[Any] = None) -> None:
        """Logs the `logs` of each `every`th batch; `batch` begins again with each epoch, the step does not."""
        if self._batches % self._every == 0 and logs:
            self.run.log(numbers(logs, "batch/"), step=self._batches)
        self._batches += 1

    def on_epoch_end(self, epoch: int, logs: Optional[Any] = None) -> None:
        """Logs the `logs` of the `epoch`, whose number is logged beside them, and the learning rate."""
        found = numbers(logs or {}, "epoch/")
        optimizer = getattr(self.model, "optimizer", None)
        if optimizer is not None:
            found.update(numbers({"learning_rate": optimizer.learning_rate}, "epoch/"))
        self.run.log({**found, "epoch": epoch}, step=max(self._batches - 1, 0))

    def on_train_end(self, logs: Optional[Any] = None) -> None:
        """Ends the run where it is of this callback; `logs` are those of the last epoch."""
        if self._own:
            self.run.finish()
