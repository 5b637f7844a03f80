"""Models: autologging of scikit-learn, logging, registering, aliases, stages, loading back, predicting; prompts."""
import json

import mlflow
import numpy
import pandas
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from sklearn.linear_model import LinearRegression

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


x, y = numpy.array([[1.0], [2.0], [3.0]]), numpy.array([2.0, 4.0, 6.0])
experiment = mlflow.set_experiment("models")
mlflow.sklearn.autolog(log_input_examples=False)
with mlflow.start_run() as auto:
    model = LinearRegression().fit(x, y)
    model.score(x, y)
mlflow.sklearn.autolog(disable=True)
data = client.get_run(auto.info.run_id)
check("autolog params", data.data.params["fit_intercept"] == "True")
check("autolog metrics", "training_mean_squared_error" in data.data.metrics and "LinearRegression_score_x" in data.data.metrics, data.data.metrics)
check("autolog inputs", [i.dataset.name for i in data.inputs.dataset_inputs] == ["dataset"])
made = [output.model_id for output in data.outputs.model_outputs]
check("autolog model", len(made) == 1)
logged = mlflow.get_logged_model(made[0])
check("logged model", logged.status == "READY" and logged.source_run_id == auto.info.run_id and logged.params["fit_intercept"] == "True", logged)
check("its metrics", {m.key for m in logged.metrics} >= {"training_mean_squared_error"} and "dataset" in {m.dataset_name for m in logged.metrics}, logged.metrics)
found = mlflow.search_logged_models([experiment.experiment_id], filter_string="metrics.training_r2_score > 0.5", output_format="list")
check("search_logged_models", [m.model_id for m in found] == made, found)
check("by order", len(client.search_logged_models([experiment.experiment_id], order_by=[{"field_name": "metrics.training_r2_score", "ascending": False}])) == 1)

with mlflow.start_run() as run:
    mlflow.log_params({"a": "1", "b": "2"})
    mlflow.log_metric("acc", 0.9)
    info = mlflow.sklearn.log_model(model, name="model", registered_model_name="digits", serialization_format="cloudpickle", pip_requirements=["scikit-learn"])
check("registered", client.get_registered_model("digits").latest_versions[0].version == "1" or client.get_registered_model("digits").latest_versions[0].version == 1)
version = mlflow.register_model(f"models:/{info.model_id}", "digits", tags={"k": "v"})
check("second version", int(version.version) == 2 and version.run_id == run.info.run_id, version)
third = mlflow.register_model(f"runs:/{auto.info.run_id}/model", "digits")
check("third version", int(third.version) == 3, third)
client.set_registered_model_alias("digits", "champ", 2)
check("alias", int(client.get_model_version_by_alias("digits", "champ").version) == 2)
check("alias listed", client.get_registered_model("digits").aliases == {"champ": "2"} or client.get_registered_model("digits").aliases == {"champ": 2}, client.get_registered_model("digits").aliases)
refused("reserved alias", lambda: client.set_registered_model_alias("digits", "v7", 1), "INVALID_PARAMETER_VALUE", "reserved")
refused("alias of nothing", lambda: client.set_registered_model_alias("digits", "x", 9), "RESOURCE_DOES_NOT_EXIST", "not found")
back = mlflow.pyfunc.load_model("models:/digits@champ")
check("predict", numpy.allclose(back.predict(pandas.DataFrame(x)), y))
check("runs:/", numpy.allclose(mlflow.sklearn.load_model(f"runs:/{run.info.run_id}/model").predict(x), y))
check("models:/m-", numpy.allclose(mlflow.sklearn.load_model(f"models:/{info.model_id}").predict(x), y))
client.transition_model_version_stage("digits", "1", "Production")
client.transition_model_version_stage("digits", "3", "production", archive_existing_versions=True)
check("stages", client.get_model_version("digits", "1").current_stage == "Archived" and client.get_model_version("digits", "3").current_stage == "Production")
check("latest", sorted(int(v.version) for v in client.get_latest_versions("digits")) == [1, 2, 3])
check("by stage", [int(v.version) for v in client.get_latest_versions("digits", ["Production"])] == [3])
client.update_model_version("digits", "1", "the first")
client.update_registered_model("digits", "numbers")
client.set_model_version_tag("digits", "1", "t", "w")
client.set_registered_model_tag("digits", "team", "vision")
check("described", client.get_model_version("digits", "1").description == "the first" and client.get_model_version("digits", "1").tags == {"t": "w"})
check("tagged", client.get_registered_model("digits").tags == {"team": "vision"} and client.get_registered_model("digits").description == "numbers")
client.delete_model_version_tag("digits", "1", "t")
client.delete_registered_model_tag("digits", "team")
client.delete_registered_model_alias("digits", "champ")
refused("no alias", lambda: client.get_model_version_by_alias("digits", "champ"), "INVALID_PARAMETER_VALUE", "alias champ not found")
check("search versions", [int(v.version) for v in client.search_model_versions("name='digits'", order_by=["version_number ASC"])] == [1, 2, 3])
check("search by run", [int(v.version) for v in client.search_model_versions(f"run_id='{run.info.run_id}'")] in ([2, 1], [1, 2]))
client.delete_model_version("digits", "3")
check("no number again", int(mlflow.register_model(f"models:/{info.model_id}", "digits").version) == 4)
copied = client.copy_model_version(f"models:/digits/2", "copies")
check("copied", int(copied.version) == 1 and client.get_model_version_download_uri("copies", "1") == client.get_model_version_download_uri("digits", "2"))
client.rename_registered_model("copies", "renamed")
refused("old name", lambda: client.get_registered_model("copies"), "RESOURCE_DOES_NOT_EXIST", "Registered Model with name=copies not found")
refused("twice", lambda: client.create_registered_model("digits"), "RESOURCE_ALREADY_EXISTS", "already exists")
refused("local source", lambda: client.create_model_version("digits", "/etc/passwd"), "INVALID_PARAMETER_VALUE", "Invalid model version source")

prompt = mlflow.genai.register_prompt("greeting", "hello {{name}}", commit_message="first")
mlflow.genai.register_prompt("greeting", "good day {{name}}")
check("prompt", mlflow.genai.load_prompt("prompts:/greeting/1").format(name="you") == "hello you")
mlflow.genai.set_prompt_alias("greeting", "live", 2)
check("prompt alias", mlflow.genai.load_prompt("prompts:/greeting@live").template == "good day {{name}}")
check("prompts are hidden", sorted(m.name for m in client.search_registered_models()) == ["digits", "renamed"], [m.name for m in client.search_registered_models()])
check("prompts", [p.name for p in mlflow.genai.search_prompts()] == ["greeting"])
client.delete_registered_model("renamed")

client.set_logged_model_tags(info.model_id, {"x": "y"})
check("model tags", mlflow.get_logged_model(info.model_id).tags["x"] == "y")
client.delete_logged_model_tag(info.model_id, "x")
client.delete_logged_model(made[0])
refused("deleted model", lambda: client.get_logged_model(made[0]), "RESOURCE_DOES_NOT_EXIST", "not found")
print(json.dumps({"experiment": experiment.experiment_id, "run": run.info.run_id, "model": info.model_id, "checked": len(checked)}))
