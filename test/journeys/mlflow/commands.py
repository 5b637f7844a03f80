"""The command line: its commands run in one process, as importing them takes most of a command's time."""
import json
import re
import sys

from click.testing import CliRunner
from mlflow.cli import cli

golden_experiment, golden_run = sys.argv[1:]


def run(*args):
    result = CliRunner().invoke(cli, args)
    assert result.exit_code == 0, f"{args}: {result.output} {result.exception!r}"
    return result.output


assert "golden" in run("experiments", "search")
assert golden_run in run("runs", "list", "--experiment-id", golden_experiment)
assert json.loads(run("runs", "describe", "--run-id", golden_run))["info"]["run_name"] == "renamed"
assert "a/b.txt" in run("artifacts", "list", "--run-id", golden_run, "--artifact-path", "a")
assert "b.txt" in run("artifacts", "download", "--run-id", golden_run, "--artifact-path", "a/b.txt")
run("experiments", "create", "--experiment-name", "by command")
made = re.search(r"^(\d+)\s+by command", run("experiments", "search"), re.M).group(1)
run("experiments", "rename", "--experiment-id", made, "--new-name", "by hand")
run("experiments", "delete", "--experiment-id", made)
assert "by hand" not in run("experiments", "search")
run("experiments", "restore", "--experiment-id", made)
run("runs", "delete", "--run-id", golden_run)
assert golden_run not in run("runs", "list", "--experiment-id", golden_experiment)
run("runs", "restore", "--run-id", golden_run)
print(json.dumps({"experiment": made}))
