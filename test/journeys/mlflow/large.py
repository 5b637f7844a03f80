"""A file that is large enough for the client to send and fetch it in parts, and back."""
import json
import os
import pathlib
import tempfile

import mlflow
from mlflow import MlflowClient

client = MlflowClient()
mlflow.set_experiment("large files")
folder = pathlib.Path(tempfile.mkdtemp())
data = os.urandom(12_345_678)
(folder / "weights 1.bin").write_bytes(data)
with mlflow.start_run() as run:
    mlflow.log_artifact(str(folder / "weights 1.bin"), "check points/last")
rid = run.info.run_id
listed = client.list_artifacts(rid, "check points/last")
assert [(file.path, file.file_size) for file in listed] == [("check points/last/weights 1.bin", len(data))], listed
path = client.download_artifacts(rid, "check points/last/weights 1.bin", str(folder / "."))
assert pathlib.Path(path).read_bytes() == data
print(json.dumps({"run": rid}))
