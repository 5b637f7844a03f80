"""Logs a given number of steps at an even pace, a console line for each, and now and then a checkpoint."""
import sys
import time

import wandb

run_id, count = sys.argv[1], int(sys.argv[2])
with wandb.init(project="kill", id=run_id) as run:
    for step in range(count):
        run.log({"loss": float(step), "falling": -step})
        print("line", step)
        if step % 100 == 0:
            checkpoint = wandb.Artifact("checkpoint", type="model")
            with checkpoint.new_file("step.txt") as file:
                file.write(str(step))
            run.log_artifact(checkpoint)
        time.sleep(0.01)
