"""search_runs as pandas, filtered, ordered and paged over thousands of runs."""
import json
import sys

import mlflow
from mlflow import MlflowClient

count = int(sys.argv[1])
client = MlflowClient()
frame = mlflow.search_runs(experiment_names=["paging"], max_results=100_000)
assert len(frame) == count, len(frame)
assert len(set(frame["run_id"])) == count
assert list(frame["start_time"]) == sorted(frame["start_time"], reverse=True)
some = mlflow.search_runs(experiment_names=["paging"], filter_string="metrics.loss < 0.5 and params.lr = '0.1'", order_by=["metrics.loss DESC"])
losses = list(some["metrics.loss"])
assert losses == sorted(losses, reverse=True) and 0 < len(losses) < count and set(some["params.lr"]) == {"0.1"}, losses[:5]
seen, token = [], None
experiment = client.get_experiment_by_name("paging")
while True:
    page = client.search_runs([experiment.experiment_id], order_by=["metrics.loss ASC", "params.lr DESC"], max_results=count * 7 // 8, page_token=token)
    seen += [run.info.run_id for run in page]
    token = page.token
    if not token:
        break
assert len(seen) == len(set(seen)) == count, len(seen)
assert len(client.search_runs([experiment.experiment_id], max_results=count)) == count
assert not client.search_runs([experiment.experiment_id], max_results=count).token
print(json.dumps({"runs": len(seen)}))
