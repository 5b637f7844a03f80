"""scikit-learn, by `runstream.autolog()`: each outermost `fit` of what can predict logs the estimator's parameters, its score and what a search found."""
from __future__ import annotations

import functools
import sys
import threading
import time
from typing import Any, Callable, Dict

import sklearn.utils

import runstream

from ._runs import numbers, run_of, simple

_fitting = threading.local()
ROWS_MAX = 1_000


def patch_estimators(wanted: Callable[[], bool], settings: Dict[str, Any]) -> None:
    """Wraps `fit` of every estimator that scikit-learn lists. `wanted` is asked at each call; `settings` are those of a run of its own."""
    # many have it from a class that is not listed itself
    kinds = {kind for _, listed in sklearn.utils.all_estimators() for kind in listed.__mro__ if kind.__module__.startswith("sklearn.")}
    for kind in kinds:
        if "fit" in kind.__dict__ and callable(kind.__dict__["fit"]):
            kind.fit = _logged(kind.__dict__["fit"], wanted, settings)  # type: ignore[attr-defined]


def _logged(fit: Callable[..., Any], wanted: Callable[[], bool], settings: Dict[str, Any]) -> Callable[..., Any]:
    @functools.wraps(fit)
    def outer(self: Any, *arguments: Any, **named: Any) -> Any:
        # a pipeline fits its steps, a search its candidates: what the program asked for is logged, once; scalers and encoders are no models
        if not wanted() or getattr(_fitting, "inside", False) or not hasattr(self, "predict"):
            return fit(self, *arguments, **named)
        _fitting.inside = True
        began = time.monotonic()
        try:
            result = fit(self, *arguments, **named)
            try:
                _keep(self, arguments, named, time.monotonic() - began, settings)
            except Exception as error:  # law 7: training is never hurt
                print("runstream: the fit of %s is not logged: %r" % (type(self).__name__, error), file=sys.stderr)
            return result
        finally:
            _fitting.inside = False

    return outer


def _keep(estimator: Any, arguments: Any, named: Dict[str, Any], seconds: float, settings: Dict[str, Any]) -> None:
    run, own = run_of(None, **{"name": type(estimator).__name__, **settings})
    run.config.update({"estimator_class": type(estimator).__name__, **simple(estimator.get_params(deep=True))})
    found: Dict[str, Any] = {"fit_seconds": seconds}
    x = arguments[0] if arguments else named.get("X")
    y = arguments[1] if len(arguments) > 1 else named.get("y")
    shape = getattr(x, "shape", None)
    if shape:
        run.config.update({"rows": int(shape[0]), **({"features": int(shape[1])} if len(shape) > 1 else {})})
    if y is not None and callable(getattr(estimator, "score", None)):
        found["training_score"] = estimator.score(x, y)
    if hasattr(estimator, "best_score_"):
        found["best_cv_score"] = estimator.best_score_
        run.summary.update({"best_params": simple(estimator.best_params_)})
    results = getattr(estimator, "cv_results_", None)
    if results:
        columns = [key for key in results if key.startswith(("param_", "mean_", "std_", "rank_"))]
        rows = [[_cell(value) for value in row] for row in zip(*(results[key] for key in columns))][:ROWS_MAX]
        found["cv_results"] = runstream.Table(rows, columns=columns)
    for name, value in numbers({"iterations": getattr(estimator, "n_iter_", None), "loss": getattr(estimator, "loss_", None)}).items():
        found[name] = value
    run.log(found)
    if own:
        run.finish()


def _cell(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value
