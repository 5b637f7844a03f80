"""XGBoost: `xgboost.train(params, data, evals=[...], callbacks=[RunstreamCallback()])`; of the estimators likewise."""
from __future__ import annotations

import json
from typing import Any, Optional

import xgboost

import runstream

from ._runs import numbers, run_of, simple


class RunstreamCallback(xgboost.callback.TrainingCallback):
    """Logs every metric of every evaluation set by iteration, the booster's parameters, the best iteration, and how much features matter.

    run: the run to log to; that of the last init() when not given, else one of its own, which ends with the training.
    importance: the kind of feature importance that is kept as a table ("gain", "weight", "cover", …); None keeps none.
    settings: of `runstream.init` for a run of its own.
    """

    def __init__(self, run: Optional[Any] = None, importance: Optional[str] = "gain", **settings: Any) -> None:
        super().__init__()
        self._given, self._importance, self._settings = run, importance, settings
        self.run: Any = None
        self._own = False

    def before_training(self, model: Any) -> Any:
        """Begins: logs the parameters of `model`."""
        self.run, self._own = run_of(self._given, **self._settings)
        config = getattr(model, "save_config", None)
        if callable(config):
            learner = json.loads(config())["learner"]
            booster = learner.get("gradient_booster", {})
            known = {**booster.get("tree_train_param", {}), "booster": booster.get("name"), "objective": learner.get("objective", {}).get("name"),
                     "num_class": learner.get("learner_model_param", {}).get("num_class"), "num_feature": learner.get("learner_model_param", {}).get("num_feature")}
            self.run.config.update(simple({key: _number(value) for key, value in known.items() if value is not None}))
        return model

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
        """Logs the last values of `evals_log` at the step `epoch`; of cross validation mean and deviation. `model` is not asked. Never ends the training."""
        found = {}
        for data, metrics in evals_log.items():
            for name, values in metrics.items():
                last = values[-1]
                if isinstance(last, tuple):
                    found["%s/%s" % (data, name)], found["%s/%s.std" % (data, name)] = last
                else:
                    found["%s/%s" % (data, name)] = last
        if found:
            self.run.log(numbers(found), step=epoch)
        return False

    def after_training(self, model: Any) -> Any:
        """Keeps the best iteration of `model`, where training stopped early, and what its features are worth."""
        try:
            self.run.summary.update({"best_iteration": model.best_iteration, "best_score": model.best_score})
        except (AttributeError, TypeError):  # without early stopping there is none; cross validation says it otherwise
            pass
        # the boosters of a cross validation have one each
        if self._importance is not None and callable(getattr(model, "get_score", None)):
            score = model.get_score(importance_type=self._importance)
            ranked = sorted(score.items(), key=lambda item: -_first(item[1]))[:1_000]
            if ranked:
                self.run.log({"feature_importance": runstream.Table(ranked, columns=["feature", self._importance])}, step=max(self.run.step - 1, 0))
        if self._own:
            self.run.finish()
        return model


def _first(value: Any) -> float:
    return float(value[0]) if isinstance(value, list) else float(value)


def _number(value: Any) -> Any:
    """XGBoost writes its parameters as texts."""
    for kind in (int, float):
        try:
            return kind(value)
        except (TypeError, ValueError):
            pass
    return value
