"""Lightning: `Trainer(logger=RunstreamLogger(project="vision"))`."""
from __future__ import annotations

import os
from typing import Any, Dict, Mapping, Optional, Union

from lightning.pytorch.loggers.logger import Logger, rank_zero_experiment
from lightning.pytorch.utilities.rank_zero import rank_zero_only

import runstream

from ._runs import numbers, run_of, simple


class RunstreamLogger(Logger):
    """A logger as Lightning's own are: hyperparameters become params, what `self.log` says becomes metrics at the global step, checkpoints artifacts.

    run: the run to log to; that of the last init() when not given, else a new one.
    log_model: keep the best checkpoints as artifacts when the training ends.
    prefix: before every metric's name.
    settings: of `runstream.init` for a run of its own.
    """

    def __init__(self, run: Optional[Any] = None, log_model: bool = False, prefix: str = "", **settings: Any) -> None:
        super().__init__()
        self._given, self._log_model, self._prefix, self._settings = run, log_model, prefix, settings
        self._run: Any = None
        self._own = False
        self._checkpoints: Any = None

    @property
    @rank_zero_experiment
    def experiment(self) -> Any:
        """The run."""
        if self._run is None:
            self._run, self._own = run_of(self._given, **self._settings)
        return self._run

    @property
    def name(self) -> Optional[str]:
        """The project."""
        return self.experiment.project

    @property
    def version(self) -> Optional[Union[int, str]]:
        """The id of the run."""
        return self.experiment.id

    @rank_zero_only
    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        """Logs `params` (a dict or a Namespace); `args` and `kwargs` of other loggers are left out."""
        self.experiment.config.update(params if isinstance(params, Mapping) else vars(params))

    @rank_zero_only
    def log_metrics(self, metrics: Dict[str, float], step: Optional[int] = None) -> None:
        """Logs `metrics` at `step`, the trainer's global one."""
        self.experiment.log(numbers(metrics, self._prefix), step=step)

    @rank_zero_only
    def log_image(self, key: str, images: Any, step: Optional[int] = None, **more: Any) -> None:
        """Logs a list of `images` under `key`; `more` may hold `caption`, a list of texts."""
        captions = more.get("caption") or [None] * len(images)
        self.experiment.log({key: [runstream.Image(image, caption=caption) for image, caption in zip(images, captions)]}, step=step)

    def after_save_checkpoint(self, checkpoint_callback: Any) -> None:
        """Remembers the `checkpoint_callback` whose files are kept at the end."""
        self._checkpoints = checkpoint_callback

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """Ends the run where it was made here; `status` is "success", "failed" or another word of Lightning's."""
        if self._run is None:
            return
        if self._log_model and self._checkpoints is not None:
            for path in {self._checkpoints.best_model_path, getattr(self._checkpoints, "last_model_path", "")} - {"", None}:
                if os.path.exists(path):
                    self._run.log_artifact(path, type="model")
            score = self._checkpoints.best_model_score
            if score is not None:
                self._run.summary.update(simple({"best_model_score": score, "best_model_path": self._checkpoints.best_model_path}))
        if self._own:
            self._run.finish("failed" if status == "failed" else "finished")
