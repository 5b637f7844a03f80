"""A training loop as W&B's documentation has it: config, nested keys, odd numbers, console, summary. Ends well, or by an exception."""
import json
import math
import sys

import wandb

run_id, ending = sys.argv[1:3]
config = {"lr": 0.1, "optimizer": {"name": "adam", "betas": [0.9, 0.99]}, "big": 2**60}
with wandb.init(project="vision", id=run_id, name="first", group="g", job_type="train", tags=["base"], notes="why", config=config) as run:
    print("hello from training")
    run.define_metric("score", summary="min,max,mean,last")
    run.define_metric("top", step_metric="epoch", summary="max")
    run.define_metric("quiet", summary="none")
    for step in range(40):
        run.log({"loss": 1 / (step + 1), "eval": {"acc": step, "deep": {"er": -step}}, "best": step == 7, "score": step % 7, "top": -abs(step - 5), "quiet": 1, "epoch": step // 10})
        sys.stdout.write(f"\rstep {step} of 40")
    print()
    print("a warning", file=sys.stderr)
    run.alert("low", "the accuracy\nis low", level=wandb.AlertLevel.WARN, wait_duration=0)
    run.alert("low", "again", wait_duration=300)
    run.log({"odd": math.nan, "up": math.inf, "down": -math.inf})
    table = wandb.Table(columns=["name", "score"], data=[["a", 1], ["b", None]])
    run.log({"page": wandb.Html("<b>bold</b>"), "table": table, "word": "grüße", "list": [1, {"x": 2}]})
    run.summary["by hand"] = {"x": [1, 2]}
    run.config["late"] = True
    if ending == "raises":
        raise RuntimeError("boom")
print(json.dumps({"url": run.url}))
