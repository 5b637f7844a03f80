"""Data sets, logged models and traces, for the other doors to read: prints the ids."""
import json
import sys

import mlflow
import pandas
from mlflow import MlflowClient
from mlflow.entities import LoggedModelInput, LoggedModelOutput, LoggedModelStatus

client = MlflowClient()
experiment = mlflow.set_experiment("nouns")
frame = pandas.DataFrame({"x": [1.0, 2.0], "y": [0, 1]})


@mlflow.trace(name="ask", attributes={"model": "small"})
def ask(question):
    with mlflow.start_span(name="think", span_type="LLM") as span:
        span.set_inputs({"q": question})
        span.set_outputs(["a", 1])
    return {"answer": question.upper()}


@mlflow.trace(name="break")
def broken():
    raise ValueError("no such thing")


with mlflow.start_run(run_name="reads and makes") as run:
    mlflow.log_param("C", 0.1)
    train = mlflow.data.from_pandas(frame, name="iris", source="https://example.com/iris.csv")
    mlflow.log_input(train, context="training", tags={"split": "a"})
    model = mlflow.initialize_logged_model(name="tree", model_type="classifier", params={"C": "0.1"}, tags={"team": "a"})
    with open(f"{sys.argv[1]}/weights.bin", "wb") as file:
        file.write(b"12345")
    client.log_model_artifact(model.model_id, f"{sys.argv[1]}/weights.bin")
    mlflow.log_metric("acc", 0.75, step=2, model_id=model.model_id, dataset=train)
    mlflow.finalize_logged_model(model.model_id, LoggedModelStatus.READY)
    client.log_outputs(run.info.run_id, [LoggedModelOutput(model.model_id, 2)])
    ask("why")
    asked = mlflow.get_last_active_trace_id()
    try:
        broken()
    except ValueError:
        pass
    failed = mlflow.get_last_active_trace_id()
mlflow.flush_trace_async_logging()
mlflow.log_feedback(trace_id=asked, name="score", value=0.5, rationale="so so")
mlflow.log_expectation(trace_id=asked, name="facts", value={"must": ["a"]})

with mlflow.start_run(run_name="evaluates") as later:
    mlflow.log_input(mlflow.data.from_pandas(frame, name="iris", source="https://example.com/iris.csv"), context="eval")
    client.log_inputs(later.info.run_id, models=[LoggedModelInput(model.model_id)])
other = mlflow.initialize_logged_model(name="other", experiment_id=experiment.experiment_id)
client.link_traces_to_run([asked], later.info.run_id)
ask("x" * 300_000)
large = mlflow.get_last_active_trace_id()
mlflow.flush_trace_async_logging()
print(json.dumps({
    "run": run.info.run_id, "later": later.info.run_id, "model": model.model_id, "other": other.model_id,
    "asked": asked, "failed": failed, "large": large,
}))
