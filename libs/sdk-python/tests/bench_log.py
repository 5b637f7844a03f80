"""Prints how long log() of 100 metrics takes, and one writer's way to all delivered. `python tests/bench_log.py [url]`"""
import json
import random
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))
import runstream
from receiver import Receiver

STEPS, KEYS = 2_000, 100


def main():
    url = sys.argv[1] if len(sys.argv) > 1 else Receiver().url
    rows = [{"m%d" % k: random.random() for k in range(KEYS)} for _ in range(STEPS)]
    with tempfile.TemporaryDirectory() as folder:
        run = runstream.init(project="bench", url=url, dir=folder, capture_console=False)
        time.sleep(1.0)
        took = []
        clock = time.perf_counter_ns
        begin = clock()
        for row in rows:
            start = clock()
            run.log(row)
            took.append(clock() - start)
        logged = clock()
        run.finish()
        done = clock()
    took.sort()
    for figure, value, unit in (
        ("log.p50_us", took[STEPS // 2] / 1e3, "us"), ("log.p99_us", took[STEPS * 99 // 100] / 1e3, "us"), ("log.max_us", took[-1] / 1e3, "us"),
        ("log.all_ms", (logged - begin) / 1e6, "ms"), ("sdk.points_per_s", STEPS * KEYS / (done - begin) * 1e9, "points/s"),
    ):
        print(json.dumps({"figure": figure, "value": round(value, 2), "unit": unit, "note": "Python, %d metrics x %d steps" % (KEYS, STEPS)}))


main()
