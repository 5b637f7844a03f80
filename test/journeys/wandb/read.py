"""Reads with wandb.Api() what train.py wrote, and says it as JSON."""
import json
import sys

import wandb

api = wandb.Api()
run = api.run(f"vision/{sys.argv[1]}")
group = run.group
rows = run.history(samples=1000, pandas=False)
scanned = list(run.scan_history(page_size=7))
files = {each.name: each.size for each in run.files()}
with run.file("requirements.txt").download(root=sys.argv[2], replace=True) as file:
    requirements = file.read()


def ids(**asked):
    return [each.id for each in api.runs("vision", **asked)]


found = ids(filters={"$and": [{"config.lr": 0.1}, {"summary_metrics.loss": {"$lt": 0.5}}]})
none = ids(filters={"config.optimizer.name": "sgd"})
run.summary["added"] = 5
run.summary.update()
run.config["new"] = {"a": 1}
run.tags = ["base", "more"]
run.notes = "changed"
run.group = "other group"
run.job_type = "eval"
run.update()
api.flush()
after = wandb.Api().run(f"vision/{sys.argv[1]}")
print(json.dumps({
    "state": run.state, "name": run.name, "group": group, "config": dict(run.config), "loss": [row.get("loss") for row in rows],
    "odd": str([rows[-2]["odd"], rows[-2]["up"], rows[-2]["down"]]),
    "rich": [rows[-1]["word"], rows[-1]["list"], rows[-1]["table"]["_type"], rows[-1]["page"]["_type"]],
    "acc": [row["eval.acc"] for row in scanned if "eval.acc" in row],
    "clocks": all("_runtime" in row and "_timestamp" in row for row in rows),
    "sampled": run.history(keys=["loss", "eval.acc"], pandas=False)[3],
    "files": sorted(files), "wandb": "wandb==0.31.0" in requirements, "program": run.metadata["program"],
    "found": found, "none": none, "summary": run.summary["by hand"]["x"], "system": sorted(run.system_metrics),
    "defined": {key: dict(run.summary.get(key) or {}) for key in ("score", "top", "quiet")},
    "after": {"config": dict(after.config["new"]), "tags": sorted(after.tags), "notes": after.notes, "group": after.group, "job": after.job_type, "added": after.summary["added"]},
}))
