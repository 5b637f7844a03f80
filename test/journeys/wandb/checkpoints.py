"""Says of every checkpoint that steps.py logged its version and what it holds."""
import json
import os
import sys

import wandb

said = []
for version in wandb.Api().artifacts("model", "kill/checkpoint"):
    folder = version.download(os.path.join(sys.argv[1], version.version))
    with open(os.path.join(folder, "step.txt"), encoding="utf-8") as file:
        said.append([version.version, int(file.read()), sorted(version.aliases)])
print(json.dumps(said))
