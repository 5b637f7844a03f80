"""boto3 alone: experiments, trials and components made by hand, searched, tagged, moved, linked and deleted in AWS's order."""
import uuid

from session import check, done, refused, sagemaker

experiment, trial, other = "Fruit", "Apples", "Pears"
made = sagemaker.create_experiment(ExperimentName=experiment, DisplayName="All-fruit", Description="sweet", Tags=[{"Key": "team", "Value": "garden"}])
refused("a name is taken whatever its case", "ValidationException", "already exists", sagemaker.create_experiment, ExperimentName="fruit")
found = sagemaker.describe_experiment(ExperimentName="fruit")
check("an experiment is described", (found["ExperimentName"], found["DisplayName"], found["Description"], found["ExperimentArn"]) == (experiment, "All-fruit", "sweet", made["ExperimentArn"]), found)
sagemaker.update_experiment(ExperimentName=experiment, Description="sour")
check("and changed", sagemaker.describe_experiment(ExperimentName=experiment)["Description"] == "sour")
refused("nothing else is there", "ResourceNotFound", "does not exist", sagemaker.describe_experiment, ExperimentName="vegetables")
refused("a name has a pattern", "ValidationException", "regular expression pattern", sagemaker.create_experiment, ExperimentName="bad name!")

for name in (trial, other):
    sagemaker.create_trial(TrialName=name, ExperimentName=experiment, Tags=[{"Key": "kind", "Value": name}])
refused("a trial's name is taken", "ValidationException", "already exists", sagemaker.create_trial, TrialName="APPLES", ExperimentName=experiment)
refused("a trial needs its experiment", "ResourceNotFound", "does not exist", sagemaker.create_trial, TrialName="x", ExperimentName="vegetables")
described = sagemaker.describe_trial(TrialName=trial)
check("a trial is described", (described["TrialName"], described["ExperimentName"]) == (trial, experiment), described)

count = 12
for i in range(count):
    sagemaker.create_trial_component(
        TrialComponentName=f"Fruit-{i}",
        DisplayName=f"fruit{i}",
        Status={"PrimaryStatus": "InProgress"},
        Parameters={"weight": {"NumberValue": i / 2}, "color": {"StringValue": "red" if i % 3 else "green"}, "a.b": {"NumberValue": float("nan")}},
        MetadataProperties={"CommitId": "abc", "Repository": "git@example.org:fruit"},
        Tags=[{"Key": "row", "Value": str(i)}],
    )
    sagemaker.associate_trial_component(TrialComponentName=f"fruit-{i}", TrialName=trial if i < 8 else other)
refused("a component's name is taken", "ValidationException", "already exists", sagemaker.create_trial_component, TrialComponentName="FRUIT-1")
component = sagemaker.describe_trial_component(TrialComponentName="fruit-3")
check("its name is kept as it was written", component["TrialComponentName"] == "Fruit-3" and component["DisplayName"] == "fruit3", component)
check("a number that is none comes back", str(component["Parameters"]["a.b"]["NumberValue"]).lower() == "nan", component)
check("and where it came from", component["MetadataProperties"] == {"CommitId": "abc", "Repository": "git@example.org:fruit"}, component)
check("it is found by its ARN", sagemaker.describe_trial_component(TrialComponentName=component["TrialComponentArn"])["TrialComponentName"] == "Fruit-3")

sagemaker.update_trial_component(TrialComponentName="fruit-3", ParametersToRemove=["color"], OutputArtifacts={"o": {"Value": "s3://b/o"}})
sagemaker.update_trial_component(TrialComponentName="fruit-3", OutputArtifactsToRemove=["o"], InputArtifacts={"i": {"Value": "s3://b/i"}}, Status={"PrimaryStatus": "Stopped", "Message": "enough"})
component = sagemaker.describe_trial_component(TrialComponentName="fruit-3")
check("parameters and artifacts are removed by name", "color" not in component["Parameters"] and component["OutputArtifacts"] == {} and component["InputArtifacts"] == {"i": {"Value": "s3://b/i"}}, component)
check("a status has its message", component["Status"] == {"PrimaryStatus": "Stopped", "Message": "enough"}, component["Status"])


def search(*filters, operator="And", **more):
    expression = {"Operator": operator, "Filters": [dict(zip(("Name", "Operator", "Value"), each)) for each in filters]}
    answer = sagemaker.search(Resource="ExperimentTrialComponent", SearchExpression=expression, MaxResults=100, **more)
    return sorted(int(hit["TrialComponent"]["TrialComponentName"].split("-")[1]) for hit in answer["Results"])


inside = ("Parents.ExperimentName", "Equals", "fruit")
check("by experiment", search(inside) == list(range(count)))
check("by trial", search(("Parents.TrialName", "Equals", "apples")) == list(range(8)))
for operator, wanted in {
    "Equals": [4], "NotEquals": [i for i in range(count) if i != 4], "GreaterThan": list(range(5, count)), "GreaterThanOrEqualTo": list(range(4, count)),
    "LessThan": list(range(4)), "LessThanOrEqualTo": list(range(5)),
}.items():
    check(f"a number {operator}", search(inside, ("Parameters.weight", operator, "2.0")) == wanted, search(inside, ("Parameters.weight", operator, "2.0")))
check("a text Contains", search(inside, ("Parameters.color", "Contains", "gre")) == [0, 6, 9], search(inside, ("Parameters.color", "Contains", "gre")))
check("Exists and NotExists", search(inside, ("Parameters.color", "NotExists")) == [3] and len(search(inside, ("Parameters.color", "Exists"))) == count - 1)
check("one In a list", search(inside, ("DisplayName", "In", "fruit1,fruit7,fruit99")) == [1, 7])
check("by tag, status and time", search(inside, ("Tags.row", "Equals", "5")) == [5] and search(inside, ("Status.PrimaryStatus", "Equals", "Stopped")) == [3] and search(inside, ("CreationTime", "LessThan", "2020-01-01T00:00:00")) == [])
check("one or the other", search(("Parameters.weight", "Equals", "1"), ("Parameters.weight", "Equals", "2"), operator="Or") == [2, 4])
nested = {"NestedFilters": [{"NestedPropertyName": "Parents", "Filters": [{"Name": "Parents.TrialName", "Value": other}, {"Name": "Parents.ExperimentName", "Value": experiment}]}]}
hits = sagemaker.search(Resource="ExperimentTrialComponent", SearchExpression=nested)["Results"]
check("nested filters hold of one and the same parent", len(hits) == 4 and {tag["Key"] for tag in hits[0]["TrialComponent"]["Tags"]} == {"row"}, hits)
sub = {"Operator": "And", "SubExpressions": [{"Filters": [{"Name": "Parents.TrialName", "Value": trial}]}, {"Operator": "Or", "Filters": [{"Name": "Parameters.weight", "Operator": "LessThan", "Value": "1"}, {"Name": "Parameters.weight", "Operator": "GreaterThan", "Value": "3"}]}]}
check("expressions within expressions", len(sagemaker.search(Resource="ExperimentTrialComponent", SearchExpression=sub)["Results"]) == 3)
by_weight = sagemaker.search(Resource="ExperimentTrialComponent", SearchExpression={"Filters": [{"Name": "Parents.ExperimentName", "Value": experiment}]}, SortBy="Parameters.weight", SortOrder="Descending", MaxResults=2)["Results"]
check("sorted by a parameter", [hit["TrialComponent"]["DisplayName"] for hit in by_weight] == ["fruit11", "fruit10"])
refused("a property that is none", "ValidationException", "can be searched", sagemaker.search, Resource="ExperimentTrialComponent", SearchExpression={"Filters": [{"Name": "Nonsense", "Value": "1"}]})
check("experiments and trials", [hit["Experiment"]["ExperimentName"] for hit in sagemaker.search(Resource="Experiment", SearchExpression={"Filters": [{"Name": "Tags.team", "Value": "garden"}]})["Results"]] == [experiment] and len(sagemaker.search(Resource="ExperimentTrial", SearchExpression={"Filters": [{"Name": "Parents.ExperimentName", "Value": experiment}]})["Results"]) == 2)

pages = list(sagemaker.get_paginator("list_trial_components").paginate(ExperimentName=experiment, SortBy="Name", SortOrder="Ascending", PaginationConfig={"PageSize": 5}))
names = [summary["TrialComponentName"] for page in pages for summary in page["TrialComponentSummaries"]]
check("listed page by page, each once", [len(page["TrialComponentSummaries"]) for page in pages] == [5, 5, 2] and len(set(names)) == count and names == sorted(names), names)
refused("a page token of another list", "ValidationException", "NextToken", sagemaker.list_experiments, NextToken="nonsense")

arn = component["TrialComponentArn"]
sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "row", "Value": "three"}, {"Key": "new", "Value": ""}])
sagemaker.delete_tags(ResourceArn=arn, TagKeys=["new", "never"])
check("tags", sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "row", "Value": "three"}], sagemaker.list_tags(ResourceArn=arn))

# lineage: data -> fruit-3 -> model -> fruit-4
artifact = lambda uri, kind: sagemaker.create_artifact(Source={"SourceUri": uri, "SourceTypes": [{"SourceIdType": "S3ETag", "Value": "1"}]}, ArtifactType=kind)["ArtifactArn"]
data, model = artifact("s3://b/data", "DataSet"), artifact("s3://b/model", "Model")
check("the same source is the same artifact", artifact("s3://b/data", "DataSet") == data)
fourth = sagemaker.describe_trial_component(TrialComponentName="fruit-4")["TrialComponentArn"]
for source, destination, kind in ((data, arn, "ContributedTo"), (arn, model, "Produced"), (model, fourth, "ContributedTo")):
    for _ in range(2):
        sagemaker.add_association(SourceArn=source, DestinationArn=destination, AssociationType=kind)
edges = sagemaker.list_associations(DestinationArn=arn)["AssociationSummaries"]
check("what went in", [(edge["SourceArn"], edge["SourceType"], edge["AssociationType"]) for edge in edges] == [(data, "DataSet", "ContributedTo")], edges)
walk = sagemaker.query_lineage(StartArns=[data], Direction="Descendants", IncludeEdges=True)
check("a walk down", {vertex["Arn"] for vertex in walk["Vertices"]} == {arn, model, fourth} and len(walk["Edges"]) == 3, walk)
walk = sagemaker.query_lineage(StartArns=[fourth], Direction="Ascendants", Filters={"LineageTypes": ["Artifact"]}, MaxDepth=1)
check("one step up", [vertex["Arn"] for vertex in walk["Vertices"]] == [model], walk)

# a component in two trials, then moved to another experiment
away = f"Away-{uuid.uuid4().hex[:6]}"
sagemaker.create_experiment(ExperimentName=away)
sagemaker.create_trial(TrialName=f"{away}-t", ExperimentName=away)
sagemaker.associate_trial_component(TrialComponentName="fruit-0", TrialName=f"{away}-t")
check("in two trials", {each["TrialName"] for each in sagemaker.list_trials(TrialComponentName="fruit-0")["TrialSummaries"]} == {trial, f"{away}-t"})
sagemaker.disassociate_trial_component(TrialComponentName="fruit-0", TrialName=trial)
check("moved", search(inside) == list(range(1, count)) and [each["TrialComponentName"] for each in sagemaker.list_trial_components(ExperimentName=away)["TrialComponentSummaries"]] == ["Fruit-0"])

# in AWS's order, and not otherwise
refused("an experiment with trials stays", "ValidationException", "trials", sagemaker.delete_experiment, ExperimentName=away)
refused("a trial with components stays", "ValidationException", "trial components", sagemaker.delete_trial, TrialName=f"{away}-t")
refused("a component in a trial stays", "ValidationException", "Disassociate", sagemaker.delete_trial_component, TrialComponentName="fruit-0")
sagemaker.disassociate_trial_component(TrialComponentName="fruit-0", TrialName=f"{away}-t")
sagemaker.delete_trial_component(TrialComponentName="fruit-0")
sagemaker.delete_trial(TrialName=f"{away}-t")
sagemaker.delete_experiment(ExperimentName=away)
refused("what was deleted is gone", "ResourceNotFound", "does not exist", sagemaker.describe_trial_component, TrialComponentName="fruit-0")
sagemaker.create_trial_component(TrialComponentName="fruit-0")
check("its name begins anew", sagemaker.describe_trial_component(TrialComponentName="fruit-0").get("Parameters", {}) == {})
sagemaker.create_experiment(ExperimentName=away, Description="again")
check("and so does an experiment's", sagemaker.describe_experiment(ExperimentName=away)["Description"] == "again" and sagemaker.list_trials(ExperimentName=away)["TrialSummaries"] == [])
done()
