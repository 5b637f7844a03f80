"""A long training loop logged in the background, ten threads on one run, bodies that are sent again, system metrics."""
import json
import sys
import threading
import time

import mlflow
import requests
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag

client = MlflowClient()
steps, keys, checked = int(sys.argv[1]), 20, []


def check(name, ok, detail=""):
    checked.append(name)
    if not ok:
        raise AssertionError(f"{name}: {detail}")


experiment = mlflow.set_experiment("training")
mlflow.config.enable_async_logging(True)
with mlflow.start_run() as run:
    for step in range(steps):
        mlflow.log_metrics({f"m{key}": step * key for key in range(keys)}, step=step)
mlflow.config.enable_async_logging(False)
mlflow.flush_async_logging()
rid = run.info.run_id
check("latest", client.get_run(rid).data.metrics == {f"m{key}": (steps - 1) * key for key in range(keys)})
history = client.get_metric_history(rid, "m3")
check("history", [(m.step, m.value) for m in sorted(history, key=lambda m: m.step)] == [(step, step * 3) for step in range(steps)], len(history))

# ten threads log batches of one run, later steps first, each batch twice, as after a lost answer
shared = client.create_run(experiment.experiment_id)
now = int(time.time() * 1000)


def work(thread):
    for batch in reversed(range(5)):
        metrics = [Metric("loss", float(i), now + i, i) for i in range(thread * 500 + batch * 100, thread * 500 + batch * 100 + 100)]
        for _ in range(2):
            client.log_batch(shared.info.run_id, metrics, [Param(f"p{thread}.{batch}", "1")], [RunTag(f"t{thread}", str(batch))])


threads = [threading.Thread(target=work, args=(i,)) for i in range(10)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
read = client.get_run(shared.info.run_id)
check("read your writes", len(read.data.params) == 50 and read.data.metrics == {"loss": 4999.0} and all(read.data.tags[f"t{i}"] == "0" for i in range(10)), read.data)
history = client.get_metric_history(shared.info.run_id, "loss")
check("no point twice, none lost", [m.value for m in history] == [float(i) for i in range(5000)], len(history))

# several values at one step are all kept; the same one twice is one
client.log_batch(shared.info.run_id, [Metric("s", v, t, 7) for v, t in [(1, 5), (2, 5), (2, 5), (3, 4), (1, 6)]])
several = [(m.timestamp, m.value) for m in client.get_metric_history(shared.info.run_id, "s")]
check("several values at a step", several == [(4, 3.0), (5, 1.0), (5, 2.0), (6, 1.0)], several)
check("the last of them", client.get_run(shared.info.run_id).data.metrics["s"] == 1.0)

# system metrics
mlflow.set_system_metrics_sampling_interval(0.2)
mlflow.set_system_metrics_samples_before_logging(1)
with mlflow.start_run(log_system_metrics=True) as monitored:
    time.sleep(1.2)
measured = client.get_run(monitored.info.run_id).data.metrics
check("system metrics", "system/cpu_utilization_percentage" in measured, measured)

# a tenant's world is its own
url = mlflow.get_tracking_uri()
mlflow.set_tracking_uri(f"{url}/t/team-a")
tenant = MlflowClient()
check("empty world", [e.name for e in tenant.search_experiments()] == ["Default"])
mine = mlflow.set_experiment("training")
with mlflow.start_run() as own:
    mlflow.log_text("mine", "x.txt")
check("numbers of its own", mine.experiment_id == "1" and mlflow.artifacts.load_text(f"runs:/{own.info.run_id}/x.txt") == "mine")
tenant.create_registered_model("digits")
check("not seen elsewhere", requests.get(f"{url}/api/2.0/mlflow/runs/get?run_id={own.info.run_id}").status_code == 404)
check("nor its files", requests.get(f"{url}/api/2.0/mlflow-artifacts/artifacts/1/{own.info.run_id}/artifacts/x.txt").status_code == 404)
print(json.dumps({"run": rid, "shared": shared.info.run_id, "experiment": experiment.experiment_id, "checked": len(checked)}))
