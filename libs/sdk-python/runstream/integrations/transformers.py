"""Hugging Face: `Trainer(..., callbacks=[RunstreamCallback(project="llm")])` with `report_to="none"`; Accelerate: `Accelerator(log_with=RunstreamTracker())`."""
from __future__ import annotations

import os
from typing import Any, Dict, Optional

import transformers

from ._runs import numbers, run_of, simple


def _renamed(logs: Dict[str, Any]) -> Dict[str, Any]:
    """The names under which the Trainer's reporters write: eval_x is eval/x, test_x is test/x, the rest train/x."""
    said = {}
    for key, value in logs.items():
        head, _, rest = key.partition("_")
        said["%s/%s" % (head, rest) if head in ("eval", "test") and rest else "train/" + key] = value
    return said


class RunstreamCallback(transformers.TrainerCallback):
    """Logs what the Trainer logs, at its global step, with its arguments and the model's configuration as params.

    run: the run to log to; that of the last init() when not given, else one of its own, which ends with the process or with `finish()`.
    log_model: keep the output folder of the model as an artifact at the end.
    settings: of `runstream.init` for a run of its own.
    """

    def __init__(self, run: Optional[Any] = None, log_model: bool = False, **settings: Any) -> None:
        self._given, self._log_model, self._settings = run, log_model, settings
        self.run: Any = None

    def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any) -> None:
        """Begins on the main process: logs `args` and the configuration of `model`; `state`, `control` and `kwargs` are the Trainer's."""
        if not state.is_world_process_zero:
            return
        if self.run is None:
            name = getattr(args, "run_name", None)
            named = {"name": name} if name and name != args.output_dir else {}
            self.run, _ = run_of(self._given, **{**named, **self._settings})
        self.run.config.update(simple(args.to_sanitized_dict()))
        config = getattr(model, "config", None)
        if config is not None:
            self.run.config.update({"model": simple(config if isinstance(config, dict) else config.to_dict())})
        if model is not None and callable(getattr(model, "num_parameters", None)):
            self.run.config["model.num_parameters"] = model.num_parameters()

    def on_log(self, args: Any, state: Any, control: Any, logs: Optional[Dict[str, Any]] = None, **kwargs: Any) -> None:
        """Logs `logs` at the global step of `state`; totals of the end are the run's summary. `args`, `control` and `kwargs` are the Trainer's."""
        if self.run is None or not logs:
            return
        totals = {key: logs[key] for key in ("train_runtime", "train_samples_per_second", "train_steps_per_second", "train_loss", "total_flos") if key in logs}
        if totals:
            self.run.summary.update({"train/" + key: value for key, value in totals.items()})
        self.run.log(numbers({**_renamed({key: value for key, value in logs.items() if key not in totals}), "train/global_step": state.global_step}), step=state.global_step)

    def on_predict(self, args: Any, state: Any, control: Any, metrics: Any, **kwargs: Any) -> None:
        """Logs the `metrics` of a prediction at the global step of `state`; `args`, `control` and `kwargs` are the Trainer's."""
        if self.run is not None:
            self.run.log(numbers(_renamed(metrics)), step=state.global_step)

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Keeps the folder of `args` where that is asked for; `state`, `control` and `kwargs` are the Trainer's. The run goes on: an evaluation may follow."""
        if self.run is not None and self._log_model and os.path.isdir(args.output_dir):
            self.run.log_artifact(args.output_dir, name="model", type="model")


def __getattr__(name: str) -> Any:
    """Accelerate's tracker is there where Accelerate is."""
    if name != "RunstreamTracker":
        raise AttributeError("module %r has no attribute %r" % (__name__, name))
    from accelerate.tracking import GeneralTracker, on_main_process

    class RunstreamTracker(GeneralTracker):
        """A tracker for `Accelerator(log_with=…)`: what `accelerator.log` says becomes metrics."""

        name = "runstream"
        requires_logging_directory = False
        main_process_only = True

        def __init__(self, run: Optional[Any] = None, **settings: Any) -> None:
            super().__init__()
            self.run, self._own = run_of(run, **settings)

        @property
        def tracker(self) -> Any:
            return self.run

        @on_main_process
        def store_init_configuration(self, values: Any) -> None:
            self.run.config.update(values)

        @on_main_process
        def log(self, values: Any, step: Optional[int] = None, **kwargs: Any) -> None:
            self.run.log(values, step=step)

        @on_main_process
        def finish(self) -> None:
            if self._own:
                self.run.finish()

    globals()[name] = RunstreamTracker
    return RunstreamTracker
