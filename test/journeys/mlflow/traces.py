"""Traces: nested functions, failures, a run's own, search, tags, verdicts, deleting; and spans of any other exporter."""
import gzip
import json
import os
import urllib.request

import mlflow
from mlflow import MlflowClient
from mlflow.entities import AssessmentSource, SpanType
from mlflow.exceptions import MlflowException
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

client = MlflowClient()
checked = []


def check(name, ok, detail=""):
    checked.append(name)
    if not ok:
        raise AssertionError(f"{name}: {detail}")


def refused(name, call, code, text):
    try:
        call()
    except MlflowException as error:
        check(name, error.error_code == code and text in str(error), f"{error.error_code}: {error}")
    else:
        raise AssertionError(f"{name}: was not refused")


experiment = mlflow.set_experiment("traces")
where = [experiment.experiment_id]


@mlflow.trace(span_type=SpanType.RETRIEVER, attributes={"k": 3})
def look_up(words):
    return [word.upper() for word in words]


@mlflow.trace(name="answer")
def answer(question, big=2**60):
    with mlflow.start_span(name="inner") as span:
        span.set_inputs({"question": question})
        span.set_attribute("model", "m-1")
        span.set_outputs({"n": 1.5})
    return {"found": look_up(question.split()), "ünï": None}


@mlflow.trace
def broken():
    raise ValueError("no such thing")


def last():
    mlflow.flush_trace_async_logging()
    return mlflow.get_last_active_trace_id()


answer("what is it")
first = last()
trace = mlflow.get_trace(first)
spans = {span.name: span for span in trace.data.spans}
check("three spans", set(spans) == {"answer", "look_up", "inner"}, spans)
root, inner, found = spans["answer"], spans["inner"], spans["look_up"]
check("nested", root.parent_id is None and inner.parent_id == root.span_id and found.parent_id == root.span_id)
check("inputs", root.inputs == {"question": "what is it", "big": 2**60}, root.inputs)
check("outputs", root.outputs == {"found": ["WHAT", "IS", "IT"], "ünï": None} and inner.outputs == {"n": 1.5}, root.outputs)
check("attributes", found.span_type == "RETRIEVER" and found.get_attribute("k") == 3 and inner.get_attribute("model") == "m-1")
check("times", 0 < root.start_time_ns <= inner.start_time_ns <= inner.end_time_ns <= root.end_time_ns and root.start_time_ns % 1_000_000 + root.end_time_ns % 1_000_000 > 0)
info = trace.info
check("info", info.state == "OK" and info.experiment_id == experiment.experiment_id and info.execution_duration is not None, info)
check("previews", "what is it" in info.request_preview and "WHAT" in info.response_preview, info)
check("tags", info.tags["mlflow.traceName"] == "answer" and info.tags["mlflow.trace.spansLocation"] == "TRACKING_STORE", info.tags)
check("location", info.tags["mlflow.artifactLocation"] == f"mlflow-artifacts:/{experiment.experiment_id}/traces/{first}/artifacts", info.tags)

try:
    broken()
except ValueError:
    pass
second = last()
failed = mlflow.get_trace(second)
check("failed", failed.info.state == "ERROR" and failed.data.spans[0].status.status_code == "ERROR", failed.info)
event = failed.data.spans[0].events[0]
check("exception", event.name == "exception" and event.attributes["exception.message"] == "no such thing", event)

with mlflow.start_run() as run:
    answer("in a run")
third = last()
own = mlflow.search_traces(locations=where, run_id=run.info.run_id, return_type="list")
check("of a run", [t.info.trace_id for t in own] == [third] and own[0].info.trace_metadata["mlflow.sourceRun"] == run.info.run_id, own)
client.link_traces_to_run([first], run.info.run_id)
own = mlflow.search_traces(locations=where, run_id=run.info.run_id, return_type="list")
check("linked", [t.info.trace_id for t in own] == [third, first], own)
refused("linked to nothing", lambda: client.link_traces_to_run([first], "0" * 32), "RESOURCE_DOES_NOT_EXIST", "not found")

mlflow.set_trace_tag(first, "team", "vision")
mlflow.set_trace_tag(first, "gone", "soon")
client.delete_trace_tag(first, "gone")
refused("no tag", lambda: client.delete_trace_tag(first, "gone"), "RESOURCE_DOES_NOT_EXIST", "No trace tag with key 'gone'")
refused("tag of nothing", lambda: client.set_trace_tag("tr-none", "a", "b"), "RESOURCE_DOES_NOT_EXIST", "not found")
tags = mlflow.get_trace(first).info.tags
check("tagged", tags["team"] == "vision" and "gone" not in tags, tags)

judge = AssessmentSource(source_type="LLM_JUDGE", source_id="judge")
liked = mlflow.log_feedback(trace_id=first, name="score", value=0.75, rationale="good", source=judge, metadata={"a": "b"})
ok = mlflow.log_feedback(trace_id=first, name="ok", value=True, span_id=inner.span_id)
mlflow.log_feedback(trace_id=second, name="score", error=ValueError("judge was away"))
wanted = mlflow.log_expectation(trace_id=first, name="facts", value={"must": ["a", "b"]})
check("assessed", {a.name: a.value for a in mlflow.get_trace(first).info.assessments} == {"score": 0.75, "ok": True, "facts": {"must": ["a", "b"]}})
got = mlflow.get_assessment(first, liked.assessment_id)
check("assessment", got.source.source_id == "judge" and got.rationale == "good" and got.metadata == {"a": "b"} and got.valid, got)
check("error", mlflow.get_trace(second).info.assessments[0].error.error_message == "judge was away")
mlflow.update_assessment(first, wanted.assessment_id, mlflow.entities.Expectation(name="facts", value="plain", metadata={"c": "d"}))
check("updated", mlflow.get_assessment(first, wanted.assessment_id).value == "plain")
better = mlflow.override_feedback(trace_id=first, assessment_id=liked.assessment_id, value=0.25, rationale="not that good")
check("overridden", mlflow.get_assessment(first, liked.assessment_id).valid is False and mlflow.get_assessment(first, better.assessment_id).overrides == liked.assessment_id)
mlflow.delete_assessment(first, better.assessment_id)
check("holds again", mlflow.get_assessment(first, liked.assessment_id).valid is True)
refused("no assessment", lambda: mlflow.get_assessment(first, better.assessment_id), "RESOURCE_DOES_NOT_EXIST", "not found")
refused("assessment of nothing", lambda: mlflow.log_feedback(trace_id="tr-none", name="a", value=1), "RESOURCE_DOES_NOT_EXIST", "not found")

names = {first: "first", second: "second", third: "third"}
for query, expected in {
    "": "third second first",
    "attributes.status = 'ERROR'": "second",
    "status IN ('OK', 'ERROR')": "third second first",
    "trace.name = 'answer'": "third first",
    "tags.team = 'vision'": "first",
    "tags.team != 'vision'": "",
    "tags.team IS NULL": "third second",
    "tags.`mlflow.traceName` LIKE 'brok%'": "second",
    f"request_metadata.`mlflow.sourceRun` = '{run.info.run_id}'": "third",
    f"metadata.mlflow.sourceRun = '{run.info.run_id}'": "third",
    f"timestamp_ms > {failed.info.timestamp_ms}": "third",
    f"timestamp <= {info.timestamp_ms} AND execution_time_ms >= 0": "first",
    f"request_id = '{second}'": "second",
    "feedback.score > 0.5": "first",
    "feedback.ok = 'true'": "first",
    "feedback.score IS NOT NULL": "second first",
    "expectation.facts = 'plain'": "first",
    "span.content LIKE '%no such thing%'": "second",
}.items():
    got = [names[t.info.trace_id] for t in mlflow.search_traces(locations=where, filter_string=query, return_type="list")]
    check(query, got == expected.split(), got)
for query in ["status > 'x'", "timestamp_ms = 'x'", "nope = 'x'", "tags.a = 1", "what", "status = 'OK' or status = 'ERROR'", "thing.a = 'b'"]:
    refused(query, lambda: mlflow.search_traces(locations=where, filter_string=query), "INVALID_PARAMETER_VALUE", "")
ordered = mlflow.search_traces(locations=where, order_by=["name DESC", "timestamp_ms ASC"], return_type="list")
check("ordered", [names[t.info.trace_id] for t in ordered] == ["second", "first", "third"])
page = client.search_traces(locations=where, max_results=2)
rest = client.search_traces(locations=where, max_results=2, page_token=page.token)
check("paged", [names[t.info.trace_id] for t in [*page, *rest]] == ["third", "second", "first"] and not rest.token)
frame = mlflow.search_traces(locations=where, max_results=1)
check("as pandas", list(frame["trace_id"]) == [third] and len(frame["spans"][0]) == 3, frame)
check("prompts", not client.search_prompts(filter_string="name = 'asked'"))
prompt = mlflow.genai.register_prompt("asked", "what is {{it}}")
client.link_prompt_versions_to_trace([prompt], first)
check("linked prompt", json.loads(mlflow.get_trace(first).info.tags["mlflow.linkedPrompts"]) == [{"name": "asked", "version": "1"}])

# a span that does not fit into a record of the log
with mlflow.start_span(name="large") as span:
    span.set_inputs("ü" * 1_500_000)
large = last()
check("large", mlflow.get_trace(large).data.spans[0].inputs == "ü" * 1_500_000)

# another exporter of OpenTelemetry, which tells of spans only: the root last
uri = os.environ["MLFLOW_TRACKING_URI"]


def export(body, kind="x-protobuf", **headers):
    headers = {"Content-Type": f"application/{kind}", "x-mlflow-experiment-id": experiment.experiment_id, **headers}
    with urllib.request.urlopen(urllib.request.Request(f"{uri}/v1/traces", body, headers)) as response:
        return response.status, response.read()


def request(span_id, parent, start, end, name):
    sent = ExportTraceServiceRequest()
    span = sent.resource_spans.add().scope_spans.add().spans.add()
    span.trace_id, span.span_id, span.name = bytes(range(1, 17)), bytes([0] * 7 + [span_id]), name
    span.parent_span_id = bytes([0] * 7 + [parent]) if parent else b""
    span.start_time_unix_nano, span.end_time_unix_nano = start, end
    attribute = span.attributes.add()
    attribute.key, attribute.value.int_value = "n", -(2**62) - 1
    return sent


other = "tr-" + bytes(range(1, 17)).hex()
start = 1_700_000_000_000_000_001
child = request(2, 1, start + 5_000_000, start + 9_000_000, "child").SerializeToString()
check("gzip", export(gzip.compress(child), **{"Content-Encoding": "gzip"}) == (200, b""))
check("in progress", mlflow.MlflowClient().get_trace(other).info.state == "IN_PROGRESS")
export(request(1, 0, start, start + 20_000_000, "parent").SerializeToString(), **{"x-mlflow-run-id": run.info.run_id})
told = client.get_trace(other)
check("told by spans", told.info.state == "OK" and told.info.execution_duration == 20 and told.info.tags["mlflow.traceName"] == "parent", told.info)
check("exact", [(s.name, s.start_time_ns) for s in told.data.spans] == [("parent", start), ("child", start + 5_000_000)] and told.data.spans[0].get_attribute("n") == -(2**62) - 1, told.data.spans)
check("by header", other in [t.info.trace_id for t in mlflow.search_traces(locations=where, run_id=run.info.run_id, return_type="list")])
as_json = {"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "ab" * 16, "spanId": "cd" * 8, "name": "j", "kind": "SPAN_KIND_CLIENT", "startTimeUnixNano": str(start), "endTimeUnixNano": str(start + 7), "attributes": [{"key": "a", "value": {"arrayValue": {"values": [{"intValue": "5"}, {"boolValue": False}, {}]}}}]}]}]}]}
check("json", export(json.dumps(as_json).encode(), "json") == (200, b"{}"))
check("json back", client.get_trace("tr-" + "ab" * 16).data.spans[0].get_attribute("a") == [5, False, None])

# delete
check("deleted by id", client.delete_traces(experiment.experiment_id, trace_ids=[large, "tr-none"]) == 1)
refused("gone", lambda: client.get_trace(large), "RESOURCE_DOES_NOT_EXIST", "not found")
check("deleted by time", client.delete_traces(experiment.experiment_id, max_timestamp_millis=1_700_000_000_000, max_traces=1) == 1)
check("left", len(client.search_traces(locations=where)) == 4)
refused("both", lambda: client._tracing_client.store._delete_traces(experiment.experiment_id, 5, None, ["a"]), "INVALID_PARAMETER_VALUE", "Only one of")

# a tenant's traces are its own
mlflow.set_tracking_uri(f"{uri}/t/team-traces")
mlflow.set_experiment("traces")
answer("in a world of its own")
own = last()
check("of a tenant", len(mlflow.get_trace(own).data.spans) == 3 and len(mlflow.search_traces(return_type="list")) == 1)
mlflow.set_tracking_uri(uri)
refused("seen elsewhere", lambda: MlflowClient().get_trace(own), "RESOURCE_DOES_NOT_EXIST", "not found")
print(json.dumps({"run": run.info.run_id, "experiment": experiment.experiment_id, "checked": len(checked)}))
