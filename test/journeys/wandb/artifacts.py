"""Artifacts both ways: a run logs files, folders, references and tables, another reads, changes and deletes them. Says it as JSON."""
import json
import os
import sys

import wandb
from wandb.errors import CommError

root = sys.argv[1]
project = "art"
said = {}


def file(name, text):
    path = os.path.join(root, "made", name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as out:
        out.write(text)
    return path


def read(path):
    with open(path, encoding="utf-8") as text:
        return text.read()


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

# what was logged is not to be found in this machine's cache
os.environ["WANDB_CACHE_DIR"] = os.path.join(root, "other-cache")
with wandb.init(project=project, id="reader") as run:
    used = run.use_artifact("ds:latest")
    folder = used.download(os.path.join(root, "latest"))
    said["latest"] = [used.version, read(os.path.join(folder, "a.txt")), read(os.path.join(folder, "folder", "c.txt"))]
    old = run.use_artifact("ds:v0", type="dataset")
    said["old"] = [old.description, old.metadata, read(old.get_entry("a.txt").download(os.path.join(root, "old")))]
    said["reference"] = old.get_entry("far.bin").ref
    used.verify(folder)
    table = run.use_artifact("run-maker-table:latest")
    said["table"] = [table.type, table.get("table").data]
    # a new version out of an old one: only what differs is sent
    draft = used.new_draft()
    draft.add_file(file("more.txt", "more"), name="more.txt")
    draft.remove("far.bin")
    third = run.log_artifact(draft).wait()
    said["draft"] = [third.version, sorted(third.manifest.entries), read(third.get_entry("a.txt").download(os.path.join(root, "draft")))]
    # processes that make one together
    for part in range(2):
        each = wandb.Artifact("parts", type="dataset")
        each.add_file(file(f"part{part}.txt", str(part)), name=f"part{part}.txt")
        if part == 0:
            run.upsert_artifact(each, distributed_id="d")
    said["together"] = sorted(run.finish_artifact(each, distributed_id="d").wait().manifest.entries)

api = wandb.Api()
said["list"] = [each.name for each in api.artifacts("dataset", f"{project}/ds")]
said["types"] = sorted(each.name for each in api.artifact_types(project))
said["collections"] = [each.name for each in api.artifact_type("dataset", project).collections()]
said["exists"] = [api.artifact_exists(f"{project}/ds:best"), api.artifact_exists(f"{project}/ds:v9"), api.artifact_collection_exists(f"{project}/ds", "dataset")]
one = api.artifact(f"{project}/ds:v0")
said["lineage"] = [one.logged_by().id, sorted(each.id for each in one.used_by())]
said["of runs"] = [sorted(each.name for each in api.run(f"{project}/{run}").logged_artifacts()) for run in ("maker",)] + [
    sorted(each.name for each in api.run(f"{project}/reader").used_artifacts())]
said["files"] = sorted((each.name, each.size) for each in one.files())
said["run files"] = sorted(each.name for each in api.run(f"{project}/maker").files() if "v0" in each.name)
one.aliases.append("prod")
one.aliases.remove("base")
one.description = "other"
one.metadata["k"] = 2
one.tags = ["good"]
one.save()
changed = wandb.Api().artifact(f"{project}/ds:prod")
said["changed"] = [changed.version, sorted(changed.aliases), changed.description, changed.metadata["k"], changed.tags]
said["good"] = [each.version for each in api.artifacts("dataset", f"{project}/ds", tags=["good"])]

try:
    api.artifact(f"{project}/ds:v1").delete()
    said["refused"] = ""
except (CommError, ValueError) as error:
    said["refused"] = str(error)
wandb.Api().artifact(f"{project}/ds:v2").delete(delete_aliases=True)
said["left"] = [each.name for each in wandb.Api().artifacts("dataset", f"{project}/ds")]
said["latest after"] = wandb.Api().artifact(f"{project}/ds").version
print(json.dumps(said))
