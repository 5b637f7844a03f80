"""The everyday life of `sagemaker.experiments.Run`: logged, failed, loaded again, listed, read back as a table."""
import multiprocessing
import time

from session import boto3, check, done, metrics, refused, sagemaker

from sagemaker.analytics import ExperimentAnalytics
from sagemaker.experiments import Run, SortByType, SortOrderType, list_runs, load_run

points = 1_000
with Run(experiment_name="Digits", run_name="first") as run:
    run.log_parameter("lr", 0.1)
    run.log_parameters({"optimizer": "adam", "layers": 3, "deep": True})
    for step in range(points):
        run.log_metric("loss", 1 / (step + 1), step=step)
    for i in range(7):
        run.log_metric("unstepped", float(i))
    run.log_artifact("digits", "s3://bucket/digits.csv", is_output=False)
    run.log_artifact("model", "s3://bucket/model.pt", media_type="application/octet-stream")
    with load_run() as same:
        same.log_parameter("nested", "yes")
component = run._trial_component.trial_component_name
described = sagemaker.describe_trial_component(TrialComponentName=component)
check("a run that is over is completed", described["Status"]["PrimaryStatus"] == "Completed", described["Status"])
check("it began and ended", described["StartTime"] <= described["EndTime"])
parameters = described["Parameters"]
check("numbers are numbers, texts are texts", parameters["lr"] == {"NumberValue": 0.1} and parameters["optimizer"] == {"StringValue": "adam"}, parameters)
check("what a nested load logged is there", parameters["nested"] == {"StringValue": "yes"}, parameters)
check("inputs and outputs", described["InputArtifacts"]["digits"]["Value"] == "s3://bucket/digits.csv" and described["OutputArtifacts"]["model"]["MediaType"] == "application/octet-stream")
loss = next(metric for metric in described["Metrics"] if metric["MetricName"] == "loss")
values = [1 / (step + 1) for step in range(points)]
check("count, minimum, maximum and last", (loss["Count"], loss["Min"], loss["Max"], loss["Last"]) == (points, values[-1], 1.0, values[-1]), loss)
check("the average", abs(loss["Avg"] - sum(values) / points) < 1e-12, loss)
query = {"MetricName": "loss", "ResourceArn": described["TrialComponentArn"], "MetricStat": "Last", "Period": "IterationNumber", "XAxisType": "IterationNumber"}
[series] = metrics.batch_get_metrics(MetricQueries=[query])["MetricQueryResults"]
check("every point comes back in order", series["XAxisValues"] == list(range(points)) and series["MetricValues"] == values, series["Status"])
[series] = metrics.batch_get_metrics(MetricQueries=[{**query, "MetricName": "unstepped"}])["MetricQueryResults"]
check("points without a step keep the order in which they came", series["MetricValues"] == [float(i) for i in range(7)], series)

try:
    with Run(experiment_name="digits", run_name="bad"):
        raise ValueError("out of memory")
except ValueError:
    pass
failed = sagemaker.describe_trial_component(TrialComponentName="digits-bad")["Status"]
check("a failure in the block is a failed run, with its reason", failed == {"PrimaryStatus": "Failed", "Message": "out of memory"}, failed)

with load_run(experiment_name="DIGITS", run_name="First") as again:
    state = sagemaker.describe_trial_component(TrialComponentName=component)
    check("a loaded run goes on", state["Status"]["PrimaryStatus"] == "InProgress", state["Status"])
    check("and keeps its start", state["StartTime"] == described["StartTime"])
    again.log_parameter("lr", 0.2)
    again.log_metric("loss", 5.0, step=points)
after = sagemaker.describe_trial_component(TrialComponentName=component)
check("parameters are changed", after["Parameters"]["lr"] == {"NumberValue": 0.2}, after["Parameters"])
check("points are added", next(m for m in after["Metrics"] if m["MetricName"] == "loss")["Count"] == points + 1)
check("it is over again", after["Status"]["PrimaryStatus"] == "Completed" and after["EndTime"] > described["EndTime"])

# two writers of one run: nobody's parameters are lost
with Run(experiment_name="digits", run_name="two-writers") as one:
    one.log_parameter("of-one", 1)
    sagemaker.update_trial_component(TrialComponentName="digits-two-writers", Parameters={"of-two": {"NumberValue": 2}})
both = sagemaker.describe_trial_component(TrialComponentName="digits-two-writers")["Parameters"]
check("two writers on one run", both == {"of-one": {"NumberValue": 1}, "of-two": {"NumberValue": 2}}, both)

listed = list_runs("digits", sort_by=SortByType.CREATION_TIME, sort_order=SortOrderType.ASCENDING)
check("runs are listed", [each.run_name for each in listed] == ["first", "bad", "two-writers"], [each.run_name for each in listed])
table = ExperimentAnalytics(experiment_name="digits").dataframe().set_index("TrialComponentName")
row = table.loc[component]
check("the table says what was logged", row["lr"] == 0.2 and row["optimizer"] == "adam" and row["loss - Last"] == 5.0 and row["loss - Count"] == points + 1, row)
check("and of which experiment", row["Experiments"] == ["digits"] and row["Trials"] == ["Default-Run-Group-digits"], row)

# thirty runs, listed and read back as a table: what was logged, and nothing else
logged = {}
for i in range(30):
    name = f"many-r{i}"
    series = [((i * 7 + step * 13) % 17) / 3 for step in range(8)]
    sagemaker.create_trial_component(TrialComponentName=name, DisplayName=f"r{i}", Tags=[{"Key": "sagemaker:trial-component-source", "Value": "run"}], Parameters={"i": {"NumberValue": i}, "name": {"StringValue": f"ü{i}"}})
    if i == 0:
        sagemaker.create_experiment(ExperimentName="many")
        sagemaker.create_trial(TrialName="Default-Run-Group-many", ExperimentName="many")
    sagemaker.associate_trial_component(TrialComponentName=name, TrialName="Default-Run-Group-many")
    stamp = int(time.time())
    metrics.batch_put_metrics(TrialComponentName=name, MetricData=[{"MetricName": "loss", "Timestamp": stamp, "Step": step, "Value": value} for step, value in enumerate(series)])
    logged[name] = series
many = list_runs("many", max_results=100)
check("thirty runs are listed", sorted(each.run_name for each in many) == sorted(f"r{i}" for i in range(30)), [each.run_name for each in many])
rows = ExperimentAnalytics(experiment_name="many").dataframe().set_index("TrialComponentName")
check("the table has each of them", sorted(rows.index) == sorted(logged), list(rows.index))
for i, (name, series) in enumerate(logged.items()):
    row, mean = rows.loc[name], sum(series) / 8
    wanted = (i, f"ü{i}", 8, min(series), max(series), series[-1])
    check("it says what was logged", (row["i"], row["name"], row["loss - Count"], row["loss - Min"], row["loss - Max"], row["loss - Last"]) == wanted, row)
    deviation = (sum((value - mean) ** 2 for value in series) / 8) ** 0.5
    check("and what follows from it", abs(row["loss - Avg"] - mean) < 1e-9 and abs(row["loss - StdDev"] - deviation) < 1e-9, row)


# two processes write to one run at once
def write(who):
    client, own = boto3.client("sagemaker-metrics"), boto3.client("sagemaker")
    for i in range(20):
        client.batch_put_metrics(TrialComponentName="many-r0", MetricData=[{"MetricName": "both", "Timestamp": int(time.time()), "Value": float(who * 1_000 + i * 10 + at)} for at in range(10)])
        own.update_trial_component(TrialComponentName="many-r0", Parameters={f"{who}-{i}": {"NumberValue": i}, "shared": {"NumberValue": who}})


processes = [multiprocessing.get_context("fork").Process(target=write, args=(who,)) for who in (1, 2)]
for each in processes:
    each.start()
for each in processes:
    each.join()
check("both came to their end", [each.exitcode for each in processes] == [0, 0])
both = sagemaker.describe_trial_component(TrialComponentName="many-r0")
check("nobody's parameters are lost", all(both["Parameters"].get(f"{who}-{i}") == {"NumberValue": i} for who in (1, 2) for i in range(20)), both["Parameters"])
check("the last word on a shared one is somebody's", both["Parameters"]["shared"]["NumberValue"] in (1, 2))
[series] = metrics.batch_get_metrics(MetricQueries=[{**query, "ResourceArn": both["TrialComponentArn"], "MetricName": "both"}])["MetricQueryResults"]
check("and every point is there once", sorted(series["MetricValues"]) == [float(who * 1_000 + i) for who in (1, 2) for i in range(200)], len(series["MetricValues"]))

now = int(time.time())
batch = [{"MetricName": "m", "Timestamp": now, "Value": float(i), "Step": 0} for i in range(11)]
refused("eleven points are too many", "ValidationException", "less than or equal to 10", metrics.batch_put_metrics, TrialComponentName=component, MetricData=batch)
check("ten are not", "Errors" not in metrics.batch_put_metrics(TrialComponentName=component, MetricData=batch[:10]))
[series] = metrics.batch_get_metrics(MetricQueries=[{**query, "MetricName": "m", "MetricStat": "Count"}])["MetricQueryResults"]
check("several values at a step and second are all kept", series["MetricValues"] == [10.0], series)
done(component=component)
