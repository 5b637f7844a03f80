"""One training process that logs as fast as it can. Arguments: url steps keys. Says when it began and when finish() came back."""
import json
import random
import sys
import tempfile
import time

import runstream

url, steps, keys = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
rows = [{"m%d" % k: random.random() for k in range(keys)} for _ in range(steps)]
with tempfile.TemporaryDirectory() as folder:
    run = runstream.init(project="bench", url=url, dir=folder, capture_console=False)
    time.sleep(1.5)
    began = time.time() * 1e3
    for row in rows:
        run.log(row)
    logged = time.time() * 1e3
    run.finish()
    print(json.dumps({"run": run.id, "beganAt": began, "loggedAt": logged, "finishedAt": time.time() * 1e3}), flush=True)
