"""One process of W&B's own client: logs, or asks, and prints how long each call took. Arguments: kind run count keys"""
import json
import sys
import time

import wandb

kind, run_id, count, keys = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
took = []
out = {"ms": took}


def timed(work):
    started = time.perf_counter()
    result = work()
    took.append((time.perf_counter() - started) * 1000)
    return result


quiet = wandb.Settings(x_disable_stats=True, x_disable_meta=True, console="off", silent=True)
if kind == "log":
    with wandb.init(project="bench", id=run_id, settings=quiet) as run:
        for step in range(count):
            row = {f"m{key}": step * 0.001 + key for key in range(keys)}
            timed(lambda: run.log(row))
elif kind == "live":
    with wandb.init(project="bench", id=run_id, settings=quiet) as run:
        run.log({"sent": 0})
        print(json.dumps({"run": f"bench.{run_id}"}), flush=True)
        for _ in range(count):
            run.log({"sent": time.time() * 1000})
            time.sleep(0.1)
elif kind == "history":
    run = wandb.Api(timeout=120).run(f"bench/{run_id}")
    out["points"] = timed(lambda: sum(len(row) - 1 for row in run.scan_history(page_size=10_000)))
elif kind == "runs":
    api = wandb.Api(timeout=120)
    for i in range(count):
        asked = {"$and": [{"config.lr": i % 10}, {"state": "running"}]}
        out["found"] = len(timed(lambda: list(api.runs("searched", filters=asked, per_page=50)[:50])))
        api.flush()
print(json.dumps(out))
