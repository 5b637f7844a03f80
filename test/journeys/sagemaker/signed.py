"""Requests that botocore signed, and the same changed afterwards, by hand: only what was signed is let in."""
import datetime
import json
import os
import urllib.error
import urllib.request

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from session import boto3, check, done, metrics, sagemaker

sagemaker.list_experiments()
metrics.batch_get_metrics(MetricQueries=[{"MetricName": "m", "ResourceArn": "arn:aws:sagemaker:eu-central-1:123456789012:experiment-trial-component/none", "MetricStat": "Last", "Period": "IterationNumber", "XAxisType": "IterationNumber"}])
check("boto3 is let in", True)
url = os.environ["AWS_ENDPOINT_URL_SAGEMAKER"]
credentials = boto3.Session().get_credentials()


def signed(body=b"{}", target="SageMaker.ListExperiments", service="sagemaker", region="eu-central-1", now=None, where=url, more=()):
    request = AWSRequest(method="POST", url=where, data=body, headers={"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": target, **dict(more)})
    signer = SigV4Auth(credentials, service, region)
    if now is None:
        signer.add_auth(request)
    else:
        import botocore.auth as auth
        real = getattr(auth, "get_current_datetime", None)
        auth.get_current_datetime = lambda *a, **k: now
        try:
            signer.add_auth(request)
        finally:
            auth.get_current_datetime = real
    return request.prepare()


def send(request, headers=(), body=None, path="", method=None):
    sent = {**dict(request.headers.items()), **dict(headers)}
    data = request.body if body is None else body
    asked = urllib.request.Request(request.url + path, data=data, headers=sent, method=method or request.method)
    try:
        with urllib.request.urlopen(asked) as answer:
            return answer.status, ""
    except urllib.error.HTTPError as error:
        said = json.loads(error.read())
        return error.code, said.get("__type") or said.get("error", {}).get("code")


def expect(name, found, code):
    check(name, found == (403, code), found)


good = signed()
check("a signed request is let in", send(good) == (200, ""), send(good))
check("with an odd query and header as well", send(signed(where=f"{url}?b=%20x&a=~1&a", more={"X-Amz-Meta": "a   b "}.items())) == (200, ""))
wrong = "InvalidSignatureException"
expect("another body", send(good, body=b"[]"), wrong)
expect("another target", send(good, {"X-Amz-Target": "SageMaker.DeleteExperiment"}), wrong)
expect("another signed header", send(good, {"Content-Type": "application/json"}), wrong)
expect("another query", send(good, path="?a=1"), wrong)
authorization = good.headers["Authorization"]
expect("another region", send(good, {"Authorization": authorization.replace("eu-central-1", "us-east-1")}), wrong)
expect("another service", send(signed(service="dynamodb")), wrong)
expect("another signature", send(good, {"Authorization": authorization[:-4] + "0000"}), wrong)
expect("the target unsigned", send(good, {"Authorization": authorization.replace(";x-amz-target", "")}), wrong)
expect("an unknown key", send(good, {"Authorization": authorization.replace(credentials.access_key, "RSAK" + "A" * 16)}), "UnrecognizedClientException")
expect("a torn header", send(good, {"Authorization": authorization[:60]}), "IncompleteSignatureException")
now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
minutes = lambda count: now + datetime.timedelta(minutes=count)
check("four minutes old", send(signed(now=minutes(-4))) == (200, ""))
expect("a replay after six minutes", send(signed(now=minutes(-6))), wrong)
expect("from the future", send(signed(now=minutes(6))), wrong)
origin = url.rsplit("/sagemaker", 1)[0]
query = json.dumps({"query": "{ server { version } }"}).encode()
expect("a door that is not AWS's needs the hash of the body", send(signed(body=query, where=f"{origin}/graphql")), wrong)
done()
