"""Logs a given number of steps at an even pace, and a console line for each."""
import sys
import time

import wandb

run_id, count = sys.argv[1], int(sys.argv[2])
with wandb.init(project="kill", id=run_id) as run:
    for step in range(count):
        run.log({"loss": float(step), "falling": -step})
        print("line", step)
        time.sleep(0.01)
