"""Every everyday flow of the unmodified client, in the order of a person's day. Prints one JSON object of what it read back."""
import json
import math
import os
import sys
import tempfile
from pathlib import Path

import mlflow
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

client = MlflowClient()
out = {}
checked = []


def check(name, ok, detail=""):
    checked.append(name)
    if not ok:
        raise AssertionError(f"{name}: {detail}")


def refused(name, call, code, text):
    try:
        call()
    except MlflowException as error:
        check(name, error.error_code == code and text in str(error), f"{error.error_code}: {error}")
    else:
        raise AssertionError(f"{name}: was not refused")


# experiments
experiment = mlflow.set_experiment("golden")
check("set_experiment(existing)", mlflow.set_experiment("golden").experiment_id == experiment.experiment_id)
check("id is a number", experiment.experiment_id.isdigit() and experiment.experiment_id != "0")
check("Default", client.get_experiment("0").name == "Default")
client.set_experiment_tag(experiment.experiment_id, "et", "v")
check("experiment tag", client.get_experiment(experiment.experiment_id).tags["et"] == "v")
refused("experiment twice", lambda: client.create_experiment("golden"), "RESOURCE_ALREADY_EXISTS", "already exists")

# a run and everything fluent
with mlflow.start_run(run_name="first", tags={"a": "b"}, description="what it is for") as run:
    rid = run.info.run_id
    check("artifact uri", run.info.artifact_uri == f"mlflow-artifacts:/{experiment.experiment_id}/{rid}/artifacts", run.info.artifact_uri)
    mlflow.log_param("a", 1)
    mlflow.log_params({"b": 2, "c": "x", "e": ""})
    mlflow.log_param("a", 1)
    refused("param changed", lambda: client.log_param(rid, "a", 2), "INVALID_PARAMETER_VALUE", "already logged with value='1'")
    mlflow.log_metric("m", 1.5, step=1)
    mlflow.log_metric("mn", math.nan, step=1)
    mlflow.log_metrics({"m1": 1.0, "m2": math.inf}, step=2)
    client.log_metric(rid, "m", 0.5, timestamp=1, step=1)
    client.log_metric(rid, "m", 7.5, timestamp=5, step=-3)
    mlflow.set_tag("t", "v")
    mlflow.set_tags({"t2": "v", "t3": "w"})
    mlflow.delete_tag("t3")
    refused("delete tag", lambda: client.delete_tag(rid, "none"), "RESOURCE_DOES_NOT_EXIST", "No tag with name: none")
    mlflow.log_metric("m", 2.5, step=2, synchronous=False).wait()
    data = client.get_run(rid).data
    check("params", data.params == {"a": "1", "b": "2", "c": "x", "e": ""}, data.params)
    check("latest metrics", data.metrics["m"] == 2.5 and math.isnan(data.metrics["mn"]) and data.metrics["m2"] >= 1.7e308, data.metrics)
    check("tags", data.tags["t"] == "v" and "t3" not in data.tags and data.tags["mlflow.runName"] == "first" and data.tags["mlflow.note.content"] == "what it is for", data.tags)
    mlflow.log_text("hello", "a/b.txt")
    mlflow.log_dict({"k": [1, 2]}, "d.json")
    mlflow.log_text("", "empty.txt")
    mlflow.log_text("odd", "a/with + and ü.txt")
    check("load_text", mlflow.artifacts.load_text(f"runs:/{rid}/a/b.txt") == "hello")
    check("load_dict", mlflow.artifacts.load_dict(f"runs:/{rid}/d.json") == {"k": [1, 2]})
    names = sorted(entry.path for entry in client.list_artifacts(rid, "a"))
    check("list_artifacts", names == ["a/b.txt", "a/with + and ü.txt"], names)
    check("of a file", client.list_artifacts(rid, "a/b.txt") == [])
    with tempfile.TemporaryDirectory() as folder:
        local = mlflow.artifacts.download_artifacts(run_id=rid, artifact_path="a", dst_path=folder)
        check("download", (Path(local) / "b.txt").read_text() == "hello")
        (Path(folder) / "more").mkdir()
        (Path(folder) / "more" / "x.bin").write_bytes(os.urandom(70_000))
        mlflow.log_artifacts(str(Path(folder) / "more"), "deep/er")
        mlflow.log_artifact(str(Path(local) / "b.txt"))
    check("sizes", [e.file_size for e in client.list_artifacts(rid, "deep/er")] == [70_000])
    check("empty file", mlflow.artifacts.load_text(f"runs:/{rid}/empty.txt") == "")

    import pandas
    from PIL import Image

    frame = pandas.DataFrame({"x": [1.0, 2.0], "y": [3.0, 4.0]})
    dataset = mlflow.data.from_pandas(frame, name="ds")
    mlflow.log_input(dataset, context="train")
    mlflow.log_metric("md", 1.0, dataset=mlflow.data.from_pandas(frame, name="ds2"))
    mlflow.log_table({"q": ["a"], "p": [1]}, "tab.json")
    mlflow.log_table({"q": ["b"], "p": [2]}, "tab.json")
    check("load_table", list(mlflow.load_table("tab.json", run_ids=[rid])["q"]) == ["a", "b"])
    mlflow.log_image(Image.new("RGB", (8, 8)), key="pic", step=1, synchronous=True)
    check("log_image", any(e.path.startswith("images/pic") for e in client.list_artifacts(rid, "images")))
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots()
    axes.plot([1, 2])
    mlflow.log_figure(figure, "fig.png")
    check("log_figure", any(e.path == "fig.png" for e in client.list_artifacts(rid)))
    with mlflow.start_run(nested=True) as child:
        mlflow.log_metric("m", 9)
    check("nested", client.get_run(child.info.run_id).data.tags["mlflow.parentRunId"] == rid)
    inputs = client.get_run(rid).inputs.dataset_inputs
    check("inputs", sorted(i.dataset.name for i in inputs) == ["ds", "ds2"] and {t.value for i in inputs for t in i.tags} == {"train"}, inputs)
    check("log_model inputs", True)
finished = client.get_run(rid)
check("finished", finished.info.status == "FINISHED" and finished.info.end_time >= finished.info.start_time)
client.log_metric(rid, "late", 1.0)
check("logging after the end", client.get_run(rid).data.metrics["late"] == 1.0)
history = [(m.timestamp, m.step, m.value) for m in client.get_metric_history(rid, "m")]
check("history", history == sorted(history) and len(history) == 4 and history[0][0] == 1, history)
check("no history", client.get_metric_history(rid, "none") == [])

# resume, update, delete, restore
with mlflow.start_run(run_id=rid):
    check("running again", client.get_run(rid).info.status == "RUNNING")
client.update_run(rid, name="renamed")
check("renamed", client.get_run(rid).info.run_name == "renamed" and client.get_run(rid).data.tags["mlflow.runName"] == "renamed")
client.set_terminated(rid, "FAILED", end_time=4_000_000_000_000)
check("failed", client.get_run(rid).info.status == "FAILED" and client.get_run(rid).info.end_time == 4_000_000_000_000)
client.delete_run(rid)
check("deleted", client.get_run(rid).info.lifecycle_stage == "deleted")
refused("metric of a deleted run", lambda: client.log_metric(rid, "m", 1), "INVALID_PARAMETER_VALUE", "must be in the 'active' state")
refused("tag of a deleted run", lambda: client.set_tag(rid, "m", 1), "INVALID_PARAMETER_VALUE", "must be in the 'active' state")
check("search deleted", [r.info.run_id for r in client.search_runs([experiment.experiment_id], run_view_type=2)] == [rid])
client.restore_run(rid)
check("restored", client.get_run(rid).info.lifecycle_stage == "active")
refused("unknown run", lambda: client.get_run("0" * 32), "RESOURCE_DOES_NOT_EXIST", "not found")

# search
frame = mlflow.search_runs(experiment_names=["golden"], filter_string="metrics.m > 1 and params.a = '1'", order_by=["metrics.m DESC"])
check("search_runs", list(frame["run_id"]) == [rid], frame)
for query, expected in {
    "metrics.m > 5": 1,
    "metrics.m > 5 and tags.t = 'v'": 0,
    "tags.t LIKE 'V%'": 0,
    "tags.t ILIKE 'V%'": 1,
    "params.c != 'y'": 1,
    "attributes.run_name = 'renamed'": 1,
    "tags.`mlflow.runName` = 'renamed'": 1,
    f"run_id IN ('{rid}')": 1,
    "status = 'FAILED'": 1,
    "status = 'FINISHED'": 1,
    "datasets.name = 'ds'": 1,
    "datasets.context = 'train'": 1,
    "params.none != 'y'": 0,
    "tags.none IS NULL": 2,
    "start_time > 0": 2,
}.items():
    found = client.search_runs([experiment.experiment_id], query)
    check(query, len(found) == expected, [r.info.run_id for r in found])
for query in ["metrics.m > 'x'", "params.a = 1", "metrics.m > 1 or metrics.m < 0", "attribute.nope = 'x'", "what", "(metrics.m > 1)"]:
    refused(query, lambda: client.search_runs([experiment.experiment_id], query), "INVALID_PARAMETER_VALUE", "")
check("search_experiments", [e.name for e in client.search_experiments(filter_string="name LIKE 'gol%'")] == ["golden"])
check("by tag", [e.name for e in client.search_experiments(filter_string="tags.et = 'v'")] == ["golden"])

# experiments come and go
client.delete_experiment(experiment.experiment_id)
check("deleted experiment", client.get_experiment(experiment.experiment_id).lifecycle_stage == "deleted")
check("its runs", client.get_run(rid).info.lifecycle_stage == "deleted")
refused("run in a deleted experiment", lambda: client.create_run(experiment.experiment_id), "INVALID_PARAMETER_VALUE", "must be in the 'active' state")
client.restore_experiment(experiment.experiment_id)
check("runs are back", client.get_run(rid).info.lifecycle_stage == "active")
client.rename_experiment(experiment.experiment_id, "golden-r")
check("renamed experiment", client.get_experiment_by_name("golden-r").experiment_id == experiment.experiment_id)
check("old name is free", client.get_experiment_by_name("golden") is None)
second = client.create_experiment("golden", artifact_location="mlflow-artifacts:/elsewhere", tags={"x": "y"})
check("name again", client.get_experiment(second).artifact_location == "mlflow-artifacts:/elsewhere" and second != experiment.experiment_id)
client.delete_artifacts(rid, "deep") if hasattr(client, "delete_artifacts") else None

print(json.dumps({"run": rid, "experiment": experiment.experiment_id, "checked": len(checked)}))
