"""Callbacks and autolog with the real frameworks: what they log arrives under the names, steps and params that their users expect."""
from __future__ import annotations

import json

import lightgbm
import numpy
import optuna
import pytest
import xgboost
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import GridSearchCV

import runstream
from jobs import endings, params, play
from runstream import frameworks
from runstream.integrations.lightgbm import RunstreamCallback as LightGBMCallback
from runstream.integrations.optuna import RunstreamCallback as OptunaCallback
from runstream.integrations.xgboost import RunstreamCallback as XGBoostCallback
from test_delivery import start
from test_rich import values

X, Y = make_classification(120, n_features=5, random_state=0)


def curves(receiver):
    """{key: [(step, value)]} of everything that arrived."""
    found = {}
    for key, step, _, value in receiver.points():
        found.setdefault(key, []).append((step, value))
    return found


def table(receiver, key):
    [found] = [value for value in values(receiver) if value["key"] == key]
    return found["step"], json.loads(found["text"])


def test_xgboost_logs_each_metric_of_each_set_by_iteration(receiver, tmp_path):
    run = start(receiver, tmp_path)
    data, more, results = xgboost.DMatrix(X[:80], Y[:80]), xgboost.DMatrix(X[80:], Y[80:]), {}
    settings = {"objective": "binary:logistic", "max_depth": 2, "eval_metric": ["logloss", "auc"]}
    xgboost.train(settings, data, 40, evals=[(data, "train"), (more, "valid")], evals_result=results, early_stopping_rounds=2, verbose_eval=False,
                  callbacks=[XGBoostCallback(run)])
    mine = XGBoostCallback(run)
    xgboost.cv(settings, data, 2, nfold=2, callbacks=[mine])
    assert run.finish() and run.skipped == 0
    found = curves(receiver)
    assert [value for _, value in found["valid/auc"]] == pytest.approx(results["valid"]["auc"])
    assert [step for step, _ in found["train/logloss"]][: len(results["train"]["auc"])] == list(range(len(results["train"]["auc"])))
    assert len(found["test/auc"]) == len(found["test/auc.std"]) == 2
    assert params(receiver)["max_depth"] == 2 and params(receiver)["objective"] == "binary:logistic"
    assert run.summary["best_iteration"] == len(results["train"]["auc"]) - 3
    step, importance = table(receiver, "feature_importance")
    assert importance["columns"] == ["feature", "gain"] and importance["rows"][0][1] >= importance["rows"][-1][1] and step == len(results["train"]["auc"]) - 1


def test_lightgbm_logs_each_metric_of_each_set_by_iteration(receiver, tmp_path):
    run = start(receiver, tmp_path)
    data, results = lightgbm.Dataset(X, Y), {}
    settings = {"objective": "binary", "metric": ["auc", "binary_logloss"], "num_leaves": 4, "verbose": -1}
    lightgbm.train(settings, data, 5, valid_sets=[data], valid_names=["train"], callbacks=[LightGBMCallback(run), lightgbm.record_evaluation(results)])
    lightgbm.cv(settings, lightgbm.Dataset(X, Y), 3, nfold=2, callbacks=[LightGBMCallback(run)])
    assert run.finish() and run.skipped == 0
    found = curves(receiver)
    assert found["train/auc"] == list(enumerate(results["train"]["auc"]))
    assert len(found["valid/auc"]) == len(found["valid/auc.std"]) == 3
    assert params(receiver)["num_leaves"] == 4
    assert table(receiver, "feature_importance")[0] == 4


def test_optuna_keeps_each_trial_as_a_run_of_one_group(receiver, tmp_path, monkeypatch):
    monkeypatch.setenv("RUNSTREAM_URL", receiver.url)
    monkeypatch.setenv("RUNSTREAM_DIR", str(tmp_path))
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    keep = OptunaCallback(project="sweep", capture_environment=False)

    @keep.track
    def objective(trial):
        x = trial.suggest_float("x", -1, 1)
        for step in range(3):
            trial.report(x * step, step)
            runstream.log({"inner": x}, step=step)
        if trial.number == 1:
            raise optuna.TrialPruned
        if trial.number == 2:
            raise ValueError("it is odd")
        return x**2

    before = runstream.run
    study = optuna.create_study(study_name="find x", sampler=optuna.samplers.RandomSampler(0))
    study.optimize(objective, n_trials=4, callbacks=[keep], catch=(ValueError,))
    assert runstream.run is before
    ends = sorted((state, reason[:22]) for state, reason, _ in endings(receiver))
    assert ends == [("failed", ends[0][1]), ("finished", ""), ("finished", ""), ("killed", "pruned by MedianPruner")]
    found = curves(receiver)
    assert len(found["inner"]) == 12 and [value for _, value in found["value"]] == [study.trials[0].value, study.trials[3].value]
    assert [step for step, _ in found["intermediate"]][:3] == [0, 1, 2]


def test_a_search_of_scikit_learn_and_boosters_log_by_themselves(receiver, tmp_path):
    source = """
import sys
import runstream
runstream.autolog(project="auto", capture_console=False, capture_environment=False)
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import GridSearchCV
X, Y = make_classification(60, n_features=5, random_state=0)
GridSearchCV(RandomForestClassifier(n_estimators=2, random_state=0), {"max_depth": [1, 2]}, cv=2).fit(X, Y)
import xgboost, lightgbm
xgboost.XGBClassifier(n_estimators=2, max_depth=3).fit(X, Y, eval_set=[(X, Y)], verbose=False)
with runstream.init(project="auto", capture_console=False, capture_environment=False) as run:
    lightgbm.LGBMClassifier(n_estimators=3, verbose=-1).fit(X, Y, eval_X=(X,), eval_y=(Y,))
    assert run.step == 3, run.step
runstream.autolog(["xgboost"], disable=True)
xgboost.XGBClassifier(n_estimators=2).fit(X, Y, eval_set=[(X, Y)], verbose=False)
"""
    out = play(source, receiver=receiver, folder=tmp_path)
    assert (out.returncode, out.stderr) == (0, "")
    found, said = curves(receiver), params(receiver)
    assert len(endings(receiver)) == 3, (endings(receiver), said, list(found))
    assert said["estimator_class"] == "GridSearchCV" and said["estimator"] == "RandomForestClassifier" and said["estimator__n_estimators"] == 2 and said["rows"] == 60 and said["features"] == 5
    assert set(found) == {"fit_seconds", "training_score", "best_cv_score", "validation_0/logloss", "valid_0/binary_logloss"}
    assert len(table(receiver, "cv_results")[1]["rows"]) == 2
    assert len(found["validation_0/logloss"]) == 2 and len(found["valid_0/binary_logloss"]) == 3


def test_a_framework_that_is_not_known_is_refused_by_its_name():
    with pytest.raises(ValueError, match="frameworks: 'pandas' is none of"):
        runstream.autolog(["pandas"])
    assert frameworks.autolog([], disable=True) == []


def test_estimators_are_as_they_were_without_autolog():
    assert numpy.isfinite(RandomForestClassifier(n_estimators=1).fit(X, Y).score(X, Y))
    assert GridSearchCV(RandomForestClassifier(n_estimators=1), {"max_depth": [1]}, cv=2).fit(X, Y).best_score_ > 0
