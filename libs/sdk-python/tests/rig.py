"""What every test has: the package of this checkout, no samples of the machine, and a server that remembers what it was sent."""
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

# the other tests say what exactly arrives
os.environ["RUNSTREAM_CAPTURE_SYSTEM"] = "off"


@pytest.fixture
def receiver():
    from receiver import Receiver

    server = Receiver()
    yield server
    server.close()
