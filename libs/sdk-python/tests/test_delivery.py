"""What log() took is delivered, exactly once, whatever dies."""
import json
import math
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jobs import until
from receiver import Receiver, fields
import runstream
from runstream.cli import spools, sync

PACKAGE = str(Path(__file__).resolve().parents[1])


def start(receiver, tmp_path, **more):
    settings = {"project": "p", "url": receiver.url, "dir": str(tmp_path), "capture_console": False, "capture_environment": False, **more}
    return runstream.init(**settings)


def without_gaps(receiver):
    for who, seqs in receiver.seqs().items():
        assert seqs == list(range(1, len(seqs) + 1)), who


def test_everything_of_a_run_arrives(receiver, tmp_path):
    model = tmp_path / "model.bin"
    model.write_bytes(os.urandom(9 * 1024 * 1024))
    run = start(receiver, tmp_path, name="n", config={"lr": 0.1, "opt": {"name": "adam"}}, tags=["baseline"], capture_environment=True, capture_console=True)
    run.log({"loss": 0.5, "acc": float("nan")}, step=10)
    run.log({"loss": 0.25, "acc": -math.inf})
    print("hello")
    run.summary["best"] = 0.93
    run.tags.add("ok")
    run.tags["team"] = "vision"
    run.note("fine")
    run.log_artifact(model, type="model")
    small = tmp_path / "small.txt"
    small.write_text("x")
    run.log_artifact(small)
    small.write_text("changed afterwards")
    assert run.finish()
    points = receiver.points()
    assert [(k, s) for k, s, _, _ in points] == [("loss", 10), ("loss", 11), ("acc", 10), ("acc", 11)]
    assert points[0][3] == 0.5 and math.isnan(points[2][3]) and points[3][3] == -math.inf
    assert all(abs(t - time.time() * 1000) < 60_000 for _, _, t, _ in points)
    names = [said[0] for _, said in receiver.order]
    assert names[0] == "RunStarted" and names[-1] == "RunFinished"
    assert {"SummarySet", "TagsSet", "NoteSet", "ArtifactLogged", "EnvironmentCaptured", "LinesLogged"} <= set(names)
    assert model.read_bytes() in receiver.artifacts.values() and b"x" in receiver.artifacts.values()
    without_gaps(receiver)
    last = dict(fields(receiver.named("RunFinished")[0][3]))
    seqs = receiver.seqs()
    assert [last[3], last[4]] == [seqs[(run._settings["writer"], topic)][-1] for topic in ("telemetry", "runs")]
    assert spools(str(tmp_path)) == []
    assert receiver.named("RunStarted")[0][1] == 0 and receiver.named("RunFinished")[0][1] == 1


def test_a_bad_value_is_said_once_counted_and_left_out(receiver, tmp_path, capfd):
    run = start(receiver, tmp_path)
    for _ in range(3):
        run.log({"good": 1.0, "bad": {1, 2}, "worse": object()})
    run.log({"good": 1}, step=2**60)
    run.log({"": 1, "nested": {"a": 2}})
    run.log(None)
    assert run.finish()
    assert [(k, v) for k, _, _, v in receiver.points()] == [("good", 1.0)] * 3 + [("nested.a", 2.0)]
    assert run.skipped == 9
    said = capfd.readouterr().err
    assert said.count("'bad'") == 1 and said.count("'worse'") == 1


def test_of_two_values_of_a_key_at_a_step_the_last_said_comes_last(receiver, tmp_path):
    run = start(receiver, tmp_path)
    for i in range(200):
        run.log({"a": 3.0 * i}, step=7)
        run.log({"a": 3.0 * i + 1, "b": 1.0}, step=7)
        run.log({"c": 1.0}, step=i)
    assert run.finish()
    values = [v for k, _, _, v in receiver.points() if k == "a"]
    assert values == sorted(values) and len(values) == 400


def test_the_server_comes_late_and_goes_away_and_answers_are_lost(tmp_path):
    probe = Receiver()
    port = probe.server.server_address[1]
    probe.close()
    run = runstream.init(project="p", url="http://127.0.0.1:%d" % port, dir=str(tmp_path), capture_console=False, capture_environment=False)
    for i in range(500):
        run.log({"x": float(i)})
    time.sleep(0.3)
    late = Receiver(port)
    chance = random.Random(1)
    faults = ["lose", "cut", 503, 429, 500, None, None]
    late.fault = lambda number: "lose" if number == 1 else chance.choice(faults)
    for i in range(500, 1_000):
        run.log({"x": float(i)})
        time.sleep(0.001)
    late.fault = lambda number: "lose" if number == 1 or number % 3 == 0 else None
    assert run.finish(timeout=60)
    assert [v for _, _, _, v in late.points()] == [float(i) for i in range(1_000)]
    assert late.resent > 0
    without_gaps(late)
    late.close()


CHILD = """
import sys, os
import runstream
run = runstream.init(project="p", capture_console=False, capture_environment=False)
out = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
i = 0
print("ready", flush=True)
while True:
    run.log({"x": float(i), "y": -float(i)}, step=i)
    if i % 7 == 0:
        run.log({"z": float(i)}, step=i)
    i += 1
    os.write(out, b".")
"""


@pytest.mark.parametrize("number", range(24))
def test_killed_at_any_moment_all_that_log_took_arrives_once(receiver, tmp_path, number):
    chance = random.Random(number)
    receiver.fault = lambda count: chance.choice(["lose", None, None, None]) if count > 1 else None
    env = {**os.environ, "PYTHONPATH": PACKAGE, "RUNSTREAM_URL": receiver.url, "RUNSTREAM_DIR": str(tmp_path)}
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(tmp_path / "count")], env=env, stdout=subprocess.PIPE)
    assert child.stdout.readline() == b"ready\n"
    time.sleep(chance.random() * 0.25)
    if number % 4 == 0:
        kill_sender(tmp_path)  # it too: what it had numbered is sent again by the next one
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    if number % 4 == 0:
        time.sleep(0.05)
        kill_sender(tmp_path)
        receiver.fault = lambda count: None
        assert sync(str(tmp_path), receiver.url, 10.0) == 0
    until(lambda: spools(str(tmp_path)) == [])
    returned = os.path.getsize(tmp_path / "count")
    points = receiver.points()
    xs = [(s, v) for k, s, _, v in points if k == "x"]
    assert len(xs) in (returned, returned + 1)
    assert xs == [(i, float(i)) for i in range(len(xs))]
    zs = [v for k, _, _, v in points if k == "z"]
    assert zs == [float(i) for i in range(0, len(xs), 7)][: len(zs)] and len(zs) * 7 >= returned - 7
    ended = [dict(fields(said[3])) for said in receiver.named("RunFinished")]
    assert [end[1] for end in ended] == [b"killed"]
    without_gaps(receiver)


def kill_sender(tmp_path):
    for folder in spools(str(tmp_path)):
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    words = Path("/proc", entry, "cmdline").read_bytes().split(b"\0")
                except OSError:
                    continue
                if folder.encode() in words:
                    os.kill(int(entry), signal.SIGKILL)


def test_a_forked_child_logs_to_the_run_with_a_spool_of_its_own(receiver, tmp_path):
    run = start(receiver, tmp_path)
    run.log({"x": 1.0})
    pid = os.fork()
    if pid == 0:
        for i in range(100):
            run.log({"child": float(i)})
        run.finish()
        os._exit(0)
    os.waitpid(pid, 0)
    run.log({"x": 2.0})
    assert run.finish()
    assert [v for k, _, _, v in receiver.points() if k == "x"] == [1.0, 2.0]
    assert [v for k, _, _, v in receiver.points() if k == "child"] == [float(i) for i in range(100)]
    assert len({said[5] for said in receiver.named("RunStarted")}) == 1 and len(receiver.named("RunFinished")) == 2
    without_gaps(receiver)


def test_threads_log_side_by_side(receiver, tmp_path):
    import threading

    run = start(receiver, tmp_path)
    work = lambda t: [run.log({"t%d" % t: float(i)}, step=i) for i in range(2_000)]
    threads = [threading.Thread(target=work, args=(t,)) for t in range(4)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert run.finish()
    for t in range(4):
        assert sorted(v for k, _, _, v in receiver.points() if k == "t%d" % t) == [float(i) for i in range(2_000)]


def test_an_offline_run_is_delivered_by_sync(receiver, tmp_path):
    run = start(receiver, tmp_path, mode="offline")
    for i in range(30_000):
        run.log({"x%d" % k: float(i + k) for k in range(50)}, step=i)  # several segments
    run.finish()
    assert receiver.order == []
    assert sync(str(tmp_path), receiver.url, 10.0) == 0
    assert len(receiver.points()) == 1_500_000 and spools(str(tmp_path)) == []
    without_gaps(receiver)


def test_a_full_spool_drops_counts_and_says_so(receiver, tmp_path):
    run = start(receiver, tmp_path, mode="offline", spool_mb_max=24)
    metrics = {"x%d" % k: float(k) for k in range(1_000)}
    for _ in range(4_000):
        run.log(metrics)
    assert 0 < run.dropped < 4_000
    run.finish()
    assert sync(str(tmp_path), receiver.url, 10.0) == 0
    assert len(receiver.points()) == (4_000 - run.dropped) * 1_000
    said = [dict(fields(dict(fields(said[3]))[1])) for said in receiver.named("SummarySet")]
    assert said[-1] == {1: b"runstream.dropped_records", 2: str(run.dropped).encode()}
    assert len(receiver.named("RunFinished")) == 1


def test_a_full_disk_is_not_asked_at_each_record(receiver, tmp_path, monkeypatch):
    import threading

    from runstream import spool
    from runstream.spool import SpoolWriter

    run = start(receiver, tmp_path, mode="offline")
    asked = []
    monkeypatch.setattr(spool, "RETRY_S", 1e9)

    def full(self, index):
        if threading.current_thread() is threading.main_thread():
            asked.append(index)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(SpoolWriter, "_allocate", full)
    metrics = {"x%d" % k: float(k) for k in range(1_000)}
    for _ in range(3_000):
        run.log(metrics)
    assert run.dropped > 1_500 and len(asked) == 1
    run.finish()


def test_an_exception_marks_the_run_failed(receiver, tmp_path):
    with pytest.raises(ZeroDivisionError):
        with start(receiver, tmp_path):
            1 / 0
    last = dict(fields(receiver.named("RunFinished")[0][3]))
    assert last[1] == b"failed" and b"ZeroDivisionError" in last[2]


def test_a_sender_that_dies_unanswered_is_followed_by_one_that_sends_the_same_again(receiver, tmp_path):
    run = start(receiver, tmp_path)
    until(lambda: receiver.named("RunStarted"))
    receiver.fault = lambda count: "lose"
    for i in range(100):
        run.log({"x": float(i)})
    until(lambda: receiver.points())
    kill_sender(tmp_path)
    for i in range(100, 200):
        run.log({"x": float(i)})  # must not slip in under the number that is out already
    receiver.fault = lambda count: None
    time.sleep(1.5)  # the run notices, and starts another sender
    assert run.finish(timeout=60)
    assert [v for _, _, _, v in receiver.points()] == [float(i) for i in range(200)]
    assert receiver.resent > 0
    without_gaps(receiver)
