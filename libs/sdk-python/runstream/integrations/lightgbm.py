"""LightGBM: `lightgbm.train(params, data, valid_sets=[...], callbacks=[RunstreamCallback()])`; of the estimators likewise."""
from __future__ import annotations

from typing import Any, Optional

import runstream

from ._runs import numbers, run_of, simple


class RunstreamCallback:
    """Logs every metric of every validation set by iteration, the parameters, and how much features matter.

    run: the run to log to; that of the last init() when not given, else one of its own, which ends with the last iteration.
    importance: "gain" or "split", kept as a table; None keeps none.
    settings: of `runstream.init` for a run of its own.
    """

    order = 20
    before_iteration = False

    def __init__(self, run: Optional[Any] = None, importance: Optional[str] = "gain", **settings: Any) -> None:
        self._given, self._importance, self._settings = run, importance, settings
        self.run: Any = None
        self._own = False

    def __call__(self, env: Any) -> None:
        """Called by LightGBM after each iteration with what it knows then (`env`)."""
        if self.run is None or env.iteration == env.begin_iteration:
            self.run, self._own = run_of(self._given, **self._settings)
            self.run.config.update(simple(env.params))
        found = {}
        for data, name, value, _, *deviation in env.evaluation_result_list or []:
            # in cross validation the data's name is "cv_agg" and the metric's begins with that of the set
            key = name.replace(" ", "/", 1) if data == "cv_agg" else "%s/%s" % (data, name)
            found[key] = value
            if deviation:
                found["%s.std" % key] = deviation[0]
        if found:
            self.run.log(numbers(found), step=env.iteration)
        if env.iteration == env.end_iteration - 1:
            self._end(env.model)

    def _end(self, model: Any) -> None:
        # the boosters of a cross validation have one each
        if self._importance is not None and not hasattr(model, "boosters"):
            score = zip(model.feature_name(), model.feature_importance(importance_type=self._importance))
            ranked = sorted(((name, float(value)) for name, value in score), key=lambda item: -item[1])[:1_000]
            self.run.log({"feature_importance": runstream.Table(ranked, columns=["feature", self._importance])}, step=max(self.run.step - 1, 0))
        if self._own:
            self.run.finish()
            self.run = None
