"""What every program here begins with: the clients as AWS's users make them, and a place to count what was checked."""
import json
import logging
import os

os.environ["SAGEMAKER_SUPPRESS_V2_WARNING"] = "1"
logging.disable(logging.WARNING)

import boto3  # noqa: E402
from botocore.exceptions import ClientError  # noqa: E402

checked = []


def check(name, ok, detail=""):
    checked.append(name)
    if not ok:
        raise AssertionError(f"{name}: {detail}")


def refused(name, code, contains, call, **arguments):
    """The call is refused with this code, in these words."""
    try:
        answer = call(**arguments)
    except ClientError as error:
        found = error.response["Error"]
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        check(name, found["Code"] == code and contains in found["Message"] and 400 <= status < 500, (status, found))
        return
    check(name, False, f"was answered {answer}")


def done(**more):
    print(json.dumps({"checked": len(checked), **more}))


sagemaker = boto3.client("sagemaker")
metrics = boto3.client("sagemaker-metrics")
