"""The same rig as in tests/, with the frameworks that are gigabytes."""
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
os.environ["KERAS_BACKEND"] = "torch"

from rig import receiver  # noqa: E402, F401
