"""Optuna: `study.optimize(objective, n_trials=100, callbacks=[RunstreamCallback(project="sweep")])`: a run for each trial."""
from __future__ import annotations

import functools
from typing import Any, Callable, Dict

import optuna

import runstream
from runstream.start import init

from ._runs import numbers, simple

_states = {optuna.trial.TrialState.COMPLETE: "finished", optuna.trial.TrialState.FAIL: "failed", optuna.trial.TrialState.PRUNED: "killed"}


class RunstreamCallback:
    """Keeps each trial as a run: its params, values, intermediate values by step, attributes and state. All runs of a study are one group.

    settings: of `runstream.init`: project, tags and so on.
    """

    def __init__(self, **settings: Any) -> None:
        self._settings = settings
        self._during: Dict[int, Any] = {}

    def track(self, objective: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """Decorates an `objective`: while it works on a trial, the trial's run is `runstream.run`, so that it can log more."""

        @functools.wraps(objective)
        def tracked(trial: Any) -> Any:
            before = runstream.run
            run = runstream.run = self._during[trial.number] = self._begin(trial.study, trial)
            try:
                return objective(trial)
            except optuna.TrialPruned:
                raise
            except BaseException as error:
                run._fail(error)
                raise
            finally:
                runstream.run = before

        return tracked

    def __call__(self, study: Any, trial: Any) -> None:
        """Called by Optuna after each `trial` of the `study`."""
        run = self._during.pop(trial.number, None) or self._begin(study, trial)
        if run._finished:  # the objective raised
            return
        run.config.update(simple(trial.params))
        for step, value in sorted(trial.intermediate_values.items()):
            run.log({"intermediate": value}, step=step)
        if trial.state == optuna.trial.TrialState.COMPLETE and trial.values is not None:
            names = study.metric_names or (["value"] if len(trial.values) == 1 else ["value_%d" % index for index in range(len(trial.values))])
            run.summary.update(dict(zip(names, trial.values)))
            run.log(numbers(dict(zip(names, trial.values))), step=max(trial.intermediate_values, default=0))
        for key, value in trial.user_attrs.items():
            run.tags[key] = value
        pruned = trial.state == optuna.trial.TrialState.PRUNED
        run.finish(_states.get(trial.state, "finished"), reason="pruned by %s" % type(study.pruner).__name__ if pruned else "")

    def _begin(self, study: Any, trial: Any) -> Any:
        settings = {"group": study.study_name, "job_type": "trial", "name": "trial %d" % trial.number, "capture_console": False, **self._settings}
        return init(config=simple(trial.params), **settings)
