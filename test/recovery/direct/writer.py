"""A training process of the direct transport: argv is url, kafka address, run id, steps. Telemetry goes to Kafka, the rest to the server."""
import os
import sys

url, kafka, run_id, steps, folder = sys.argv[1:6]
os.environ["RUNSTREAM_KAFKA"] = kafka

import runstream  # noqa: E402

run = runstream.init(project="direct", id=run_id, url=url, dir=folder, capture_console=False, capture_environment=False, capture_system=False)
for step in range(int(steps)):
    run.log({"loss": step + 0.5, "acc": step * 2.0}, step=step)
run.finish()
print("open" if os.listdir(folder) else "delivered")
