"""Files and charts of a Run, and S3 as boto3 and its transfers use it: all in the server's own store."""
import io
import json
import os
import tempfile

from session import boto3, check, done, refused, sagemaker

from sagemaker.experiments import Run
from sagemaker.session import Session

bucket = "of-runs"
session = Session(default_bucket=bucket)
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "notes.txt")
    with open(path, "w") as file:
        file.write("kept\n" * 1000)
    with Run(experiment_name="files", run_name="one", sagemaker_session=session) as run:
        run.log_file(path, name="notes")
        run.log_confusion_matrix([0, 1, 1, 0], [0, 1, 0, 0], title="confusion")
        run.log_roc_curve([0, 1, 1, 0], [0.1, 0.9, 0.4, 0.2], title="roc")
        run.log_precision_recall([0, 1, 1, 0], [0.1, 0.9, 0.4, 0.2], title="pr")
s3 = boto3.client("s3")
component = sagemaker.describe_trial_component(TrialComponentName="files-one")
uri = component["OutputArtifacts"]["notes"]["Value"]
check("a file is an artifact at its address", uri == f"s3://{bucket}/trial-component-artifacts/files-one/notes.txt", uri)
check("and comes back", s3.get_object(Bucket=bucket, Key=uri.split("/", 3)[3])["Body"].read() == b"kept\n" * 1000)
edges = sagemaker.list_associations(SourceArn=component["TrialComponentArn"], AssociationType="Produced")["AssociationSummaries"]
check("charts are what the run produced", sorted(edge["DestinationType"] for edge in edges) == ["ConfusionMatrix", "PrecisionRecallCurve", "ROCCurve"], edges)
keys = [each["Key"].rsplit("/", 1)[1] for each in s3.list_objects_v2(Bucket=bucket, Prefix="trial-component-artifacts/files-one/")["Contents"]]
check("all of it is listed", keys == ["confusion.json", "notes.txt", "pr.json", "roc.json"], keys)
matrix = json.loads(s3.get_object(Bucket=bucket, Key="trial-component-artifacts/files-one/confusion.json")["Body"].read())
check("a chart is its numbers", matrix["type"] == "ConfusionMatrix" and matrix["confusionMatrix"] == [[2, 0], [1, 1]], matrix)

refused("a bucket that is none", "NoSuchBucket", "does not exist", s3.list_objects_v2, Bucket="nowhere")
s3.create_bucket(Bucket="plain", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
check("buckets are listed", {each["Name"] for each in s3.list_buckets()["Buckets"]} >= {bucket, "plain"})
odd = "a folder/ü+%25 &<>'\".bin"
body = bytes(range(256)) * 64
s3.put_object(Bucket="plain", Key=odd, Body=body, ContentType="text/x-odd", ChecksumAlgorithm="SHA256")
head = s3.head_object(Bucket="plain", Key=odd)
check("what it is is kept", (head["ContentLength"], head["ContentType"]) == (len(body), "text/x-odd"), head)
check("ranges", [s3.get_object(Bucket="plain", Key=odd, Range=f"bytes={each}")["Body"].read() for each in ("0-9", "100-", "-5", "16380-99999")] == [body[:10], body[100:], body[-5:], body[16380:]])
refused("a range behind the end", "InvalidRange", "satisfiable", s3.get_object, Bucket="plain", Key=odd, Range="bytes=99999-")
refused("a wrong checksum", "BadDigest", "did not match", s3.put_object, Bucket="plain", Key="x", Body=b"x", ContentMD5="AAAAAAAAAAAAAAAAAAAAAA==")
refused("nothing was kept of it", "NoSuchKey", "does not exist", s3.get_object, Bucket="plain", Key="x")
for key in ("a/1", "a/2", "b/1", "c"):
    s3.put_object(Bucket="plain", Key=f"list/{key}", Body=b"")
page = s3.list_objects_v2(Bucket="plain", Prefix="list/", Delimiter="/")
check("folders", ([each["Prefix"] for each in page["CommonPrefixes"]], [each["Key"] for each in page["Contents"]]) == (["list/a/", "list/b/"], ["list/c"]), page)
paged = [each["Key"] for page in s3.get_paginator("list_objects_v2").paginate(Bucket="plain", PaginationConfig={"PageSize": 2}) for each in page["Contents"]]
check("pages, and odd names", paged == sorted([odd, "list/a/1", "list/a/2", "list/b/1", "list/c"]), paged)
large = os.urandom(9 * 1024 * 1024)
s3.upload_fileobj(io.BytesIO(large), "plain", "large")
back = io.BytesIO()
s3.download_fileobj("plain", "large", back)
check("a transfer in parts", back.getvalue() == large)
begun = s3.create_multipart_upload(Bucket="plain", Key="never")["UploadId"]
refused("parts that never came", "InvalidPart", "could not be found", s3.complete_multipart_upload, Bucket="plain", Key="never", UploadId=begun, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": "x"}]})
s3.abort_multipart_upload(Bucket="plain", Key="never", UploadId=begun)
refused("a bucket that holds something stays", "BucketNotEmpty", "not empty", s3.delete_bucket, Bucket="plain")
s3.delete_objects(Bucket="plain", Delete={"Objects": [{"Key": key} for key in [odd, "large", "list/a/1", "list/a/2", "list/b/1"]]})
s3.delete_object(Bucket="plain", Key="list/c")
s3.delete_bucket(Bucket="plain")
check("what was deleted is gone", "plain" not in {each["Name"] for each in s3.list_buckets()["Buckets"]})
done(component="files-one")
