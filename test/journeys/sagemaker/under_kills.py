"""Writes until a file says that it is enough, with boto3's retries alone, and then looks for what was acknowledged."""
import json
import os
import sys
import threading
import time

from botocore.config import Config
from session import boto3

enough = sys.argv[1]
config = Config(retries={"mode": "legacy", "max_attempts": 9}, connect_timeout=5, read_timeout=20)
kinds = ("stepped", "counted")
acknowledged = {kind: [] for kind in kinds}
uncertain = {kind: set() for kind in kinds}
parameters, parts, trouble = [], [], []


def client(name):
    return boto3.session.Session().client(name, config=config)


def begun(call, **arguments):
    while True:
        try:
            return call(**arguments)
        except Exception as error:  # noqa: BLE001 - it may be killed before it ever answered
            if "already exists" in str(error):
                return None
            time.sleep(1)


def writing(work):
    def run():
        i = 0
        try:
            while not os.path.exists(enough):
                work(i)
                i += 1
        except Exception as error:  # noqa: BLE001 - told at the end
            trouble.append(repr(error))

    return threading.Thread(target=run)


def points(kind):
    metrics = client("sagemaker-metrics")

    def put(i):
        values = [i * 10 + at for at in range(10)]
        step = (lambda value: {"Step": value}) if kind == "stepped" else (lambda value: {})
        data = [{"MetricName": kind, "Timestamp": int(time.time()), "Value": float(value), **step(value)} for value in values]
        try:
            answer = metrics.batch_put_metrics(TrialComponentName="killed", MetricData=data)
            assert "Errors" not in answer, answer
            acknowledged[kind].extend(values)
        except Exception:  # noqa: BLE001 - all tries failed: it may be there, once
            uncertain[kind].update(values)
        time.sleep(0.02)

    return writing(put)


def updates():
    sagemaker = client("sagemaker")

    def update(i):
        try:
            sagemaker.update_trial_component(TrialComponentName="killed", Parameters={f"p{i % 250}": {"NumberValue": i}})
            parameters.append(i)
        except Exception:  # noqa: BLE001
            parameters.append(None)
        time.sleep(0.02)

    return writing(update)


s3 = client("s3")
whole = []


def upload(i):
    body = os.urandom(50_000)
    if i < 9_000:
        try:
            etag = s3.upload_part(Bucket="killed", Key="large", UploadId=uploading, PartNumber=i + 1, Body=body)["ETag"]
            parts.append({"PartNumber": i + 1, "ETag": etag})
            whole.append(body)
        except Exception:  # noqa: BLE001 - then it is no part of the whole
            pass
    time.sleep(0.3)


sagemaker, metrics = client("sagemaker"), client("sagemaker-metrics")
begun(sagemaker.create_trial_component, TrialComponentName="killed")
begun(s3.create_bucket, Bucket="killed")
uploading = begun(s3.create_multipart_upload, Bucket="killed", Key="large")["UploadId"]
threads = [points("stepped"), points("counted"), updates(), writing(upload)]
for each in threads:
    each.start()
for each in threads:
    each.join()

wrong = list(trouble)
found = sagemaker.describe_trial_component(TrialComponentName="killed")
for kind in kinds:
    query = {"MetricName": kind, "ResourceArn": found["TrialComponentArn"], "Period": "IterationNumber", "XAxisType": "IterationNumber"}
    last, count = metrics.batch_get_metrics(MetricQueries=[{**query, "MetricStat": stat} for stat in ("Last", "Count")])["MetricQueryResults"]
    values = last["MetricValues"]
    there = set(values)
    lost = [value for value in acknowledged[kind] if value not in there]
    if lost:
        wrong.append(f"{kind}: {len(lost)} acknowledged values are lost: {lost[:5]}")
    if len(there) != len(values) or max(count["MetricValues"]) != 1:
        wrong.append(f"{kind}: {len(values) - len(there)} values are there twice")
    unknown = there - set(acknowledged[kind]) - uncertain[kind]
    if unknown:
        wrong.append(f"{kind}: {len(unknown)} values nobody sent: {sorted(unknown)[:5]}")
kept = found["Parameters"]
newest = {}
for i, said in enumerate(parameters):
    if said is None:
        newest.pop(i % 250, None)  # it may be there or not
    else:
        newest[i % 250] = said
lost = [i for i, said in newest.items() if kept.get(f"p{i}") != {"NumberValue": said}]
if lost:
    wrong.append(f"{len(lost)} acknowledged parameters are lost: {[(i, newest[i], kept.get(f'p{i}')) for i in lost[:3]]}")
s3.complete_multipart_upload(Bucket="killed", Key="large", UploadId=uploading, MultipartUpload={"Parts": parts})
same = s3.get_object(Bucket="killed", Key="large")["Body"].read() == b"".join(whole)
sent = len(acknowledged["stepped"])
print(json.dumps({"points": sent, "parameters": sum(said is not None for said in parameters), "parts": len(parts), "object": "whole" if same else "another", "wrong": wrong}))
