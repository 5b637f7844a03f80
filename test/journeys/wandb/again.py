"""The ways in which a run goes on: resumed, begun again, rewound, forked, offline and synced twice, written to by two ranks."""
import json
import os
import subprocess
import sys

import wandb

project = "again"


def losses(run_id):
    rows = wandb.Api().run(f"{project}/{run_id}").history(samples=1000, pandas=False)
    return [[row["_step"], row["loss"]] for row in rows if "loss" in row]


def log(values, **how):
    with wandb.init(project=project, **how) as run:
        for value in values:
            run.log({"loss": value})
    return losses(run.id)


def refused(**how):
    try:
        wandb.init(project=project, **how)
    except wandb.errors.UsageError as error:
        wandb.teardown()
        return str(error)


said = {}
log([0, 1, 2], id="r", config={"a": 1})
said["resumed"] = log([30, 40], id="r", resume="must")
said["never"] = refused(id="r", resume="never")
said["must"] = refused(id="nobody", resume="must")
said["rewound"] = log([20], resume_from="r?_step=1")
said["forked"] = log([70, 80], id="f", fork_from="r?_step=1")
said["config"] = wandb.Api().run(f"{project}/f").config
said["begun"] = log([5, 6], id="r")
offline = wandb.init(project=project, id="o", mode="offline")
for value in range(5):
    offline.log({"loss": value})
folder = os.path.dirname(offline.dir)
offline.finish()
for how in [[], ["--no-skip-synced"]]:
    subprocess.run([sys.executable, "-m", "wandb", "sync", *how, folder], check=True, capture_output=True)
    said.setdefault("synced", []).append(losses("o"))
# each with a service of its own, as on machines of their own
alone = {name: value for name, value in os.environ.items() if name != "WANDB_SERVICE"}
ranks = [
    subprocess.Popen([sys.executable, "rank.py", project, "shared", str(rank)], stdout=subprocess.DEVNULL, env=alone)
    for rank in range(2)
]
said["ranks"] = [rank.wait() for rank in ranks]
print(json.dumps(said))
