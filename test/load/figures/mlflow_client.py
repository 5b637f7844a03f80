"""One process of MLflow's own client: does one kind of call many times and prints how long each took."""
import json
import sys
import time

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Metric, Param

url, kind, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
mlflow.set_tracking_uri(url)
client = MlflowClient()
keys = [f"metric{i}" for i in range(20)]


def experiment(name):
    known = client.get_experiment_by_name(name)
    return known.experiment_id if known else client.create_experiment(name)


def timed(work):
    took = []
    for i in range(count):
        call = work(i)
        started = time.perf_counter()
        call()
        took.append((time.perf_counter() - started) * 1000)
    return took


out = {}
if kind == "batch":
    run = client.create_run("0").info.run_id

    def batch(i):
        now = 1_700_000_000_000 + i * 50
        metrics = [Metric(key, (i * 50 + s) * 0.001 + k, now + s, i * 50 + s) for s in range(50) for k, key in enumerate(keys)]
        return lambda: client.log_batch(run, metrics)

    out["ms"] = timed(batch)
    started = time.perf_counter()
    client.get_run(run)
    out["read_ms"] = (time.perf_counter() - started) * 1000
elif kind == "metric":
    run = client.create_run("0").info.run_id
    out["ms"] = timed(lambda i: lambda: client.log_metric(run, "loss", i * 0.5, step=i))
elif kind == "create":
    out["ms"] = timed(lambda i: lambda: client.create_run("0"))
elif kind == "runs":
    # a thousand runs with 2 params and 3 metrics each, searched by a filter and an order
    eid = experiment("searched")
    for i in range(1000):
        run = client.create_run(eid).info.run_id
        client.log_batch(run, [Metric(f"m{k}", (i * 7919 % 1000) / 1000 + k, 1, 0) for k in range(3)], [Param("lr", str(i % 10)), Param("seed", str(i))])
    search = lambda i: lambda: client.search_runs([eid], "metrics.m0 < 0.5 and params.lr = '3'", order_by=["metrics.m1 DESC"], max_results=100)
    out["found"] = len(search(0)())
    out["ms"] = timed(search)
elif kind == "history":
    run = client.create_run("0").info.run_id
    for i in range(100):
        client.log_batch(run, [Metric("loss", i * 1000.0 + s, 1_700_000_000_000 + i * 1000 + s, i * 1000 + s) for s in range(1000)])
    client.get_run(run)
    out["points"] = len(client.get_metric_history(run, "loss"))
    out["ms"] = timed(lambda i: lambda: client.get_metric_history(run, "loss"))
print(json.dumps(out))
