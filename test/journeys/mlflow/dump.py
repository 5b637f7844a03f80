"""Everything that can be read, as JSON: what must be the same after a rebuild."""
import json
import sys

import mlflow
from mlflow import MlflowClient
from mlflow.entities import ViewType

client = MlflowClient()


def plain(value):
    if hasattr(value, "to_dictionary"):
        value = value.to_dictionary()
    if hasattr(value, "__dict__") and not isinstance(value, (list, dict)):
        value = vars(value)
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in sorted(value.items(), key=lambda item: str(item[0]))}
    if isinstance(value, (list, tuple, set)):
        return [plain(item) for item in value]
    return str(value)


def files(run_id, path=None):
    found = []
    for entry in client.list_artifacts(run_id, path):
        found.append([entry.path, entry.is_dir, entry.file_size])
        if entry.is_dir:
            found += files(run_id, entry.path)
    return found


out = {"experiments": [], "runs": [], "models": [], "logged": []}
for experiment in client.search_experiments(view_type=ViewType.ALL):
    out["experiments"].append(plain(experiment))
    token, count = None, 0
    while True:
        page = client.search_runs([experiment.experiment_id], run_view_type=ViewType.ALL, page_token=token, max_results=500)
        for run in page:
            entry = plain(run)
            if len(page) < 100:
                entry["history"] = {key: plain(client.get_metric_history(run.info.run_id, key))[:3000] for key in sorted(run.data.metrics)[:8]}
                entry["files"] = files(run.info.run_id)
            out["runs"].append(entry)
        token = page.token
        if not token:
            break
    if experiment.lifecycle_stage == "active":
        out["logged"] += [plain(model) for model in client.search_logged_models([experiment.experiment_id])]
for model in client.search_registered_models():
    out["models"].append([plain(model), [plain(v) for v in client.search_model_versions(f"name='{model.name}'")]])
if sys.argv[1] == "traces":
    everywhere = [e["_experiment_id"] for e in out["experiments"]]
    # the order of keys in a map of Protobuf differs from process to process
    out["traces"] = [plain(json.loads(trace.to_json())) for trace in mlflow.search_traces(locations=everywhere, return_type="list")]
    traced = [e["_experiment_id"] for e in out["experiments"] if e["_name"] == "traces"]
    out["linked"] = [[run.info.run_id, [t.info.trace_id for t in mlflow.search_traces(locations=traced, run_id=run.info.run_id, return_type="list")]] for run in client.search_runs(traced)]
print(json.dumps(out))
