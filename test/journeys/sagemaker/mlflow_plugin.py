"""`sagemaker-mlflow`, AWS's plugin of MLflow: a server is an ARN, calls are signed, files are objects of S3."""
import os
import tempfile
import urllib.error
import urllib.request

import mlflow
from session import boto3, check, done

client = mlflow.MlflowClient


def arn(kind, name):
    return f"arn:aws:sagemaker:eu-central-1:123456789012:{kind}/{name}"


def track(server, presigned):
    """A run from its parameters to what is read back of it; gives its id and where its files lie."""
    os.environ["SAGEMAKER_PRESIGNED_URL_UPLOAD_ENABLED"] = presigned
    mlflow.set_tracking_uri(server)
    mlflow.set_experiment("through the plugin")
    with tempfile.TemporaryDirectory() as folder, mlflow.start_run(run_name="signed") as run:
        mlflow.log_params({"lr": 0.1, "a b": "c d"})
        for step in range(5):
            mlflow.log_metric("loss", 1 / (step + 1), step=step)
        mlflow.set_tag("team", "garden")
        path = os.path.join(folder, "a note +%ü.txt")
        with open(path, "wb") as file:
            file.write(b"kept\n" * 2_000)
        mlflow.log_artifact(path, "notes")
        mlflow.log_table({"x": [1, 2], "y": ["a", "b"]}, "table.json")
    id = run.info.run_id
    found = client().get_run(id)
    check("what was logged is read back", found.data.params == {"lr": "0.1", "a b": "c d"} and found.data.metrics == {"loss": 0.2}, found.data)
    check("its status and tag", (found.info.status, found.data.tags["team"]) == ("FINISHED", "garden"), found.info)
    history = client().get_metric_history(id, "loss")
    check("every point", [each.value for each in history] == [1 / (step + 1) for step in range(5)], history)
    [hit] = mlflow.search_runs(search_all_experiments=True, filter_string="params.lr = '0.1'", output_format="list")
    check("a filter finds it", hit.info.run_id == id)
    check("its files are objects", found.info.artifact_uri.startswith("s3://runstream-mlflow"), found.info.artifact_uri)
    listed = {each.path: each.file_size for each in client().list_artifacts(id, "notes")}
    check("they are listed", listed == {"notes/a note +%ü.txt": 10_000}, listed)
    top = sorted(each.path for each in client().list_artifacts(id))
    check("folders as well", top == ["notes", "table.json"], top)
    with tempfile.TemporaryDirectory() as folder:
        back = client().download_artifacts(id, "notes", folder)
        with open(os.path.join(back, "a note +%ü.txt"), "rb") as file:
            check("and come back", file.read() == b"kept\n" * 2_000)
    return id, found.info.artifact_uri


run, files = track(arn("mlflow-tracking-server", "garden"), "false")
check("a table of the run", mlflow.load_table("table.json", run_ids=[run]).to_dict("list") == {"x": [1, 2], "y": ["a", "b"]})
client().create_registered_model("model")
source = f"{files}/notes"
version = client().create_model_version("model", source, run).version
check("a model's version lies there too", client().get_model_version_download_uri("model", version) == source)
check("and is found by where it lies", len(client().search_model_versions(f"source_path = '{source}'")) == 1)
bucket, key = files[5:].split("/", 1)
s3 = boto3.client("s3", config=boto3.session.Config(signature_version="s3v4"))
address = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": f"{key}/notes/a note +%ü.txt"}, ExpiresIn=60)
check("an address that boto3 signs", urllib.request.urlopen(address).read() == b"kept\n" * 2_000)
try:
    urllib.request.urlopen(address.replace("Expires=60", "Expires=61"))
    check("and only as it was signed", False)
except urllib.error.HTTPError as error:
    check("and only as it was signed", error.code == 403 and b"SignatureDoesNotMatch" in error.read())

uploaded, _ = track(arn("mlflow-app", "runstream"), "true")
os.environ["AWS_SECRET_ACCESS_KEY"] += "x"
try:
    client().get_run(uploaded)
    check("who has another secret is refused", False)
except mlflow.exceptions.RestException as error:
    check("who has another secret is refused", "signature we calculated does not match" in str(error), error)
done(run=run, uploaded=uploaded)
