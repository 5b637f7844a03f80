"""One of several processes that write to one run in W&B's shared mode."""
import sys

import wandb

project, run_id, rank = sys.argv[1], sys.argv[2], int(sys.argv[3])
settings = wandb.Settings(mode="shared", x_label=f"rank_{rank}", x_primary=rank == 0, x_update_finish_state=rank == 0)
with wandb.init(project=project, id=run_id, settings=settings) as run:
    for step in range(10):
        run.log({"loss": 100 * rank + step})
