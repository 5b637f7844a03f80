"""Logs artifacts: files, folders, references, tables, the same content twice. Says what became of them as JSON."""
import json
import os
import sys

import wandb

root = sys.argv[1]
project = "art"
said = {}


def file(name, text):
    path = os.path.join(root, "made", name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as out:
        out.write(text)
    return path


def dataset(text, **more):
    artifact = wandb.Artifact("ds", type="dataset", **more)
    artifact.add_file(file("a.txt", text), name="a.txt")
    artifact.add_dir(os.path.dirname(file("dir/b/c.txt", "the same")), name="folder")
    artifact.add_reference("https://example.com/data.bin", name="far.bin", checksum=False)
    return artifact


with wandb.init(project=project, id="maker") as run:
    first = run.log_artifact(dataset("one", description="why", metadata={"k": 1, "deep": {"x": [1, 2]}}), aliases=["base"]).wait()
    again = run.log_artifact(dataset("one")).wait()
    second = run.log_artifact(dataset("two"), aliases=["best"]).wait()
    run.log({"table": wandb.Table(columns=["name", "score"], data=[["a", 1], ["b", None]])})
said["versions"] = [[each.version, each.state, sorted(each.aliases)] for each in (first, again, second)]
said["same"] = first.id == again.id

print(json.dumps(said))
