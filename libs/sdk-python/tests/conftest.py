import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from rig import receiver  # noqa: E402, F401
