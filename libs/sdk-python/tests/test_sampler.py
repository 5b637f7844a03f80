"""System metrics of real programs: sampled beside them, by one sender of a host, neither lost nor doubled."""
import ctypes.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import runstream
from jobs import PACKAGE, play, until
from receiver import fields, read_points
from runstream.gpus import Energy, Gpu, NvidiaGpus
from runstream.host_seat import HostSeat
from runstream.samples import NoRoom, SampleWriter
from runstream.spool import ROW, SpoolReader, row_parts

ON = {"RUNSTREAM_CAPTURE_SYSTEM": "on", "RUNSTREAM_SYSTEM_INTERVAL_S": "1"}
JOB = """
import runstream, sys, time
run = runstream.init(project="p", id="sampled", rank=int(sys.argv[1]), world_size=2, capture_console=False, capture_environment=False)
print(run._sender.pid, flush=True)
while not sys.stdin.read(1): pass
run.log({"x": 1.0})
run.finish(timeout=float(sys.argv[2]))
"""
HOST, TREE = "system/memory_used_bytes", "system/process/memory_rss_bytes"


def job(receiver, folder, rank=0, timeout=20, **env):
    started = play(JOB, rank, timeout, receiver=receiver, folder=folder, env={**ON, **env}, wait=False, stdin=subprocess.PIPE)
    started.sender = int(started.stdout.readline())
    return started


def finish(*jobs):
    for each in jobs:
        assert each.communicate("x", timeout=120) and each.returncode == 0


def samples(receiver, key):
    """[(rank, step, time, value)] in the order they came"""
    return [(said[2], *point[1:]) for said in receiver.named("PointsLogged") for point in read_points(said[3]) if point[0] == key]


def no_gaps(receiver):
    for seqs in receiver.seqs().values():
        assert seqs == list(range(1, len(seqs) + 1))


def test_a_run_is_sampled_by_its_sender_from_start_to_end_and_over_its_kill_9(receiver, tmp_path):
    running = job(receiver, tmp_path)
    until(lambda: len(samples(receiver, HOST)) >= 1)
    receiver.fault = lambda number: "lose"  # what was sent last is to be sent again
    resent = receiver.resent
    until(lambda: receiver.resent > resent)
    os.kill(running.sender, signal.SIGKILL)
    receiver.fault = lambda number: None
    taken = len(samples(receiver, HOST))
    until(lambda: len(samples(receiver, HOST)) >= taken + 2)
    finish(running)
    assert [name for _, (name, *_) in receiver.order][-1] == "RunFinished"
    no_gaps(receiver)
    steps = [step for _, step, _, _ in samples(receiver, TREE)]
    assert steps == sorted(set(steps)) and abs(steps[0] - time.time()) < 3_600
    assert all(value > 1e6 for _, _, _, value in samples(receiver, TREE))
    assert 0 <= samples(receiver, "system/cpu_percent")[0][3] <= 100
    ended = receiver.named("RunFinished")[-1]
    assert dict(fields(ended[3]))[3] == max(seq for writer, topic, seq in receiver.events if topic == "telemetry")
    until(lambda: not (tmp_path / "spool" / "spool" / "sampled").exists())


@pytest.mark.parametrize("env, given, sampled", [("0", None, False), ("1", False, False), ("off", True, True), ("", None, True)])
def test_it_can_be_switched_off(monkeypatch, tmp_path, env, given, sampled):
    monkeypatch.setenv("RUNSTREAM_CAPTURE_SYSTEM", env)
    run = runstream.init(project="p", mode="offline", dir=str(tmp_path), capture_console=False, capture_environment=False, capture_system=given)
    run.finish()
    assert run._settings["system"] == ({"interval_s": 5.0, "cwd": os.getcwd()} if sampled else None)


@pytest.mark.parametrize("given, named", [
    ({"system_interval_s": 0.5}, "system_interval_s"), ({"system_interval_s": "often"}, "system_interval_s"), ({"system_interval_s": float("nan")}, "system_interval_s"),
    ({"RUNSTREAM_SYSTEM_INTERVAL_S": "0"}, "system_interval_s"), ({"RUNSTREAM_CAPTURE_SYSTEM": "maybe"}, "RUNSTREAM_CAPTURE_SYSTEM"),
])
def test_a_pace_that_can_not_be_is_refused_by_its_name(monkeypatch, tmp_path, given, named):
    for name in [name for name in given if name.isupper()]:
        monkeypatch.setenv(name, given.pop(name))
    with pytest.raises(ValueError, match=named):
        runstream.init(project="p", mode="offline", dir=str(tmp_path), capture_console=False, **given)


def test_a_killed_job_leaves_samples_that_sync_delivers(receiver, tmp_path):
    running = job(receiver, tmp_path)
    until(lambda: receiver.named("RunStarted"))
    receiver.fault = lambda number: 503
    folder = next((tmp_path / "spool" / "spool" / "sampled").iterdir())
    kept = lambda: [row_parts(record.body)[0] for record in SpoolReader(str(folder / "system")).scan(0) if record.kind == ROW]
    until(lambda: (folder / "system" / "00000000.seg").exists() and len(kept()) >= 2)
    os.kill(running.sender, signal.SIGKILL)
    running.kill()
    running.communicate()
    expected = kept()
    (folder / "system" / "energy").write_text(json.dumps({"key": "system/energy_kwh", "kwh": 1.5}))
    receiver.fault = lambda number: None
    synced = subprocess.run([sys.executable, "-m", "runstream", "sync", str(tmp_path / "spool"), "--url", receiver.url], env={**os.environ, "PYTHONPATH": PACKAGE}, capture_output=True, text=True)
    assert synced.returncode == 0, synced.stderr
    assert [step for _, step, _, _ in samples(receiver, TREE)] == expected
    assert [json.loads(dict(fields(value))[2]) for said in receiver.named("SummarySet") for _, value in fields(said[3])] == [1.5]
    assert [name for _, (name, *_) in receiver.order][-1] == "RunFinished"
    no_gaps(receiver)


def test_nothing_is_sampled_after_the_end_while_the_server_is_away(receiver, tmp_path):
    running = job(receiver, tmp_path, timeout=0.1)
    until(lambda: samples(receiver, HOST))
    receiver.fault = lambda number: 503
    asked = receiver.requests
    until(lambda: receiver.requests > asked)  # the sender is at it, and sees nothing else
    finish(running)
    time.sleep(1.5)
    receiver.fault = lambda number: None
    until(lambda: receiver.named("RunFinished"))
    assert max(taken for _, _, taken, _ in samples(receiver, HOST)) <= receiver.ended_at_ms


def test_of_two_ranks_one_measures_the_host_and_the_other_takes_over(receiver, tmp_path):
    ranks = [job(receiver, tmp_path, rank) for rank in (0, 1)]
    until(lambda: len(samples(receiver, HOST)) >= 2 and {rank for rank, *_ in samples(receiver, TREE)} == {0, 1})
    first = {rank for rank, *_ in samples(receiver, HOST)}
    assert len(first) == 1
    gone = ranks.pop(first.pop())
    gone.kill()
    os.kill(gone.sender, signal.SIGKILL)
    gone.communicate()
    until(lambda: len({rank for rank, *_ in samples(receiver, HOST)}) == 2)
    finish(*ranks)


def test_a_seat_is_had_by_one_until_it_leaves():
    name = "seat-%d" % os.getpid()
    first, second, other = HostSeat(name), HostSeat(name), HostSeat(name + "-other")
    assert [first.taken(), second.taken(), other.taken(), first.taken()] == [True, False, True, True]
    first.leave()
    assert second.taken() and not first.taken()
    second.leave()
    other.leave()


def read_back(folder):
    reader = SpoolReader(str(folder))
    return [(row_parts(record.body)[0], reader.keys(record.tag)) for record in reader.scan(0) if record.kind == ROW]


def test_what_a_kill_cut_short_is_written_over(tmp_path):
    writer = SampleWriter(str(tmp_path))
    writer.append(5, 5_000, {"a": 1.0})
    writer.append(6, 6_000, {"a": 1.0, "b": 2.0})
    writer.close()
    with open(tmp_path / "keys", "ab") as keys:
        keys.write(b"[3, [\"to")
    with open(tmp_path / "00000000.seg", "r+b") as segment:
        segment.seek(SampleWriter(str(tmp_path))._offset)
        segment.write(b"\x30\0\0\0\1\2\3\4torn")
    again = SampleWriter(str(tmp_path))
    assert again.last_step == 6
    again.append(7, 7_000, {"c": 1.0})
    again.append(8, 8_000, {"a": 1.0})
    assert read_back(tmp_path) == [(5, ["a"]), (6, ["a", "b"]), (7, ["c"]), (8, ["a"])]


def test_samples_go_on_in_another_file_up_to_a_limit(tmp_path, monkeypatch):
    writer = SampleWriter(str(tmp_path))
    values = {"k%d" % number: float(number) for number in range(4_000)}
    for step in range(300):
        writer.append(step, step, values)
    assert (tmp_path / "00000001.seg").exists()
    assert [step for step, _ in read_back(tmp_path)] == list(range(300))
    again = SampleWriter(str(tmp_path))
    assert again.last_step == 299
    monkeypatch.setattr("runstream.samples.SEGMENTS_MAX", 2)
    with pytest.raises(NoRoom):
        for step in range(300, 1_000):
            again.append(step, step, values)
    assert len(read_back(tmp_path)) == again.last_step + 1


def test_energy_is_told_by_counters_or_else_by_power():
    def gpu(joules, **values):
        made = Gpu(values)
        made.joules = joules
        return made

    energy = Energy()
    assert energy.metrics([], 0.0) == {}
    energy.metrics([gpu(1_000.0, power_watts=1.0), gpu(None, power_watts=100.0), gpu(None)], 0.0)
    said = energy.metrics([gpu(3_601_000.0, power_watts=1.0), gpu(None, power_watts=300.0), gpu(None)], 3_600.0)
    assert said["system/energy_kwh"] == pytest.approx(1.0 + 0.2)
    assert "system/gpu/2/power_watts" not in said


def test_where_nvml_is_not_or_is_something_else_there_are_no_gpus():
    assert NvidiaGpus("libnvidia-no-such.so.1").read() == []
    assert NvidiaGpus(ctypes.util.find_library("c") or "libc.so.6").read() == []


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler for a library that fails")
def test_a_gpu_that_is_lost_or_says_little_does_not_hide_the_others(tmp_path):
    source = tmp_path / "nvml.c"
    source.write_text("""
int nvmlInit_v2(void) { return 0; }
int nvmlDeviceGetCount_v2(unsigned *n) { *n = 3; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned i, void **h) { *h = (void *)(long)(i + 1); return i == 1 ? 15 : 0; }
int nvmlDeviceGetPowerUsage(void *h, unsigned *mw) { *mw = 250000; return (long)h == 3 ? 3 : 0; }
int nvmlDeviceGetTotalEnergyConsumption(void *h, unsigned long long *mj) { *mj = 9000000000ULL; return (long)h == 3 ? 3 : 0; }
int nvmlDeviceGetMemoryInfo(void *h, unsigned long long *m) { m[0] = 8589934592ULL; m[1] = 1; m[2] = 5368709120ULL; return 0; }
int nvmlDeviceGetUtilizationRates(void *h, unsigned *u) { u[0] = 42; u[1] = 7; return 0; }
int nvmlDeviceGetTemperature(void *h, unsigned kind, unsigned *c) { *c = 50 + kind; return 999; }
""")
    library = tmp_path / "libnvidia-ml.so.1"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", str(library), str(source)], check=True)
    gpus = NvidiaGpus(str(library)).read()
    known = {"utilization_percent": 42.0, "memory_used_bytes": 5368709120.0, "memory_total_bytes": 8589934592.0}
    assert gpus == [{**known, "power_watts": 250.0}, {}, known]
    assert [gpu.joules for gpu in gpus] == [9e6, None, None]
