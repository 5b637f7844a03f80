"""What AWS's unmodified clients take, call by call: prints the milliseconds of each as JSON."""
import json
import logging
import os
import sys
import time

os.environ["SAGEMAKER_SUPPRESS_V2_WARNING"] = "1"
logging.disable(logging.WARNING)
import boto3  # noqa: E402

kind, name, count, among = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
sagemaker, metrics = boto3.client("sagemaker"), boto3.client("sagemaker-metrics")
took = []


def timed(call):
    started = time.perf_counter()
    answer = call()
    took.append((time.perf_counter() - started) * 1000)
    return answer


def batch(step):
    return [{"MetricName": f"m{at}", "Timestamp": int(time.time()), "Step": step, "Value": step / 7 + at} for at in range(10)]


if kind == "make":
    tags = [{"Key": "sagemaker:trial-component-source", "Value": "run"}]
    sagemaker.create_experiment(ExperimentName=name)
    sagemaker.create_trial(TrialName=f"Default-Run-Group-{name}", ExperimentName=name)
    for i in range(count):
        component = f"{name}-r{i}"
        sagemaker.create_trial_component(TrialComponentName=component, DisplayName=f"r{i}", Tags=tags, Parameters={"i": {"NumberValue": i}})
        sagemaker.associate_trial_component(TrialComponentName=component, TrialName=f"Default-Run-Group-{name}")
        metrics.batch_put_metrics(TrialComponentName=component, MetricData=batch(i))
elif kind == "put":
    for step in range(count):
        timed(lambda: metrics.batch_put_metrics(TrialComponentName=name, MetricData=batch(step)))
else:
    from sagemaker.experiments import list_runs

    for _ in range(count):
        found = timed(lambda: list_runs(name, max_results=100))
        assert len(found) == among, len(found)
print(json.dumps({"ms": took}))
