"""How a run ended, with the cause, whatever ended its process."""
import os
import signal

import pytest

from jobs import endings, play, until
from runstream.cli import spools

BEGIN = """
import runstream, sys, os, signal, time
import multiprocessing as mp
def begin(): return runstream.init(project="p", capture_console=False, capture_environment=False)
"""


@pytest.mark.parametrize("how, state, words", [
    ("sys.exit(0)", "finished", ""),
    ("pass", "finished", ""),
    ("sys.exit(2)", "failed", "2"),
    ("sys.exit('no data')", "failed", "no data"),
    ("raise SystemExit(3)", "failed", "3"),
    ("exit(4)", "failed", "4"),
    ("raise ValueError('boom')", "failed", "ValueError: boom"),
    ("raise KeyboardInterrupt", "killed", "KeyboardInterrupt"),
    ("sys.exit(143)", "killed", "SIGTERM"),
    ("os._exit(3)", "killed failed", ""),
    ("os.kill(os.getpid(), signal.SIGKILL)", "killed", ""),
    ("os.kill(os.getpid(), signal.SIGTERM); time.sleep(30)", "killed", ""),
    ("try: sys.exit(5)\nexcept SystemExit: run.log({'y': 1.0})", "finished", ""),
    ("run.finish(); sys.exit(7)", "finished", ""),
])
def test_an_end_is_recorded_with_its_cause(receiver, tmp_path, how, state, words):
    play(BEGIN + "run = begin(); run.log({'x': 1.0})\n" + how, receiver=receiver, folder=tmp_path)
    until(lambda: spools(str(tmp_path)) == [])
    (end,) = endings(receiver)
    assert end[0] in state.split() and words in end[1]
    assert (end[2] == 0) == (state == "finished")


@pytest.mark.parametrize("method", ["spawn", "fork"])
@pytest.mark.parametrize("how, state, words", [("raise ValueError('boom')", "failed", "ValueError: boom"), ("sys.exit(6)", "failed", "6"), ("pass", "finished", "")])
def test_a_worker_of_multiprocessing_that_begins_a_run_says_how_it_ends(receiver, tmp_path, method, how, state, words):
    source = BEGIN + "def work():\n run = begin(); run.log({'x': 1.0})\n %s\nif __name__ == '__main__':\n w = mp.get_context(%r).Process(target=work); w.start(); w.join()" % (how, method)
    play(source, receiver=receiver, folder=tmp_path)
    until(lambda: spools(str(tmp_path)) == [])
    (end,) = endings(receiver)
    assert end[0] == state and words in end[1]


def test_a_worker_that_inherited_the_run_and_fails_is_said_and_one_that_is_ended_by_its_pool_is_not(receiver, tmp_path):
    source = BEGIN + """
def fail(): runstream.log({"a": 1.0}); raise ValueError("in the worker")
def wait(i): runstream.log({"b": 1.0}); return i
if __name__ == "__main__":
    run = begin()
    w = mp.get_context("fork").Process(target=fail); w.start(); w.join()
    pool = mp.get_context("fork").Pool(1); pool.map(wait, [1]); pool.terminate()
    run.finish()
"""
    play(source, receiver=receiver, folder=tmp_path)
    until(lambda: spools(str(tmp_path)) == [])
    assert sorted((state, reason) for state, reason, _ in endings(receiver)) == [("failed", "ValueError: in the worker"), ("finished", ""), ("finished", "")]
    assert sorted(key for key, _, _, _ in receiver.points()) == ["a", "b"]


def test_a_job_that_is_stopped_with_all_its_processes_says_which_signal_it_was(receiver, tmp_path):
    job = play(BEGIN + "run = begin(); run.log({'x': 1.0}); print('ready', flush=True); time.sleep(60)", receiver=receiver, folder=tmp_path, wait=False)
    assert job.stdout.readline() == "ready\n"
    until(lambda: receiver.points())
    for pid in [job.pid, *senders(tmp_path)]:
        os.kill(pid, signal.SIGTERM)
    job.communicate()
    until(lambda: spools(str(tmp_path)) == [])
    assert [(state, "SIGTERM" in reason) for state, reason, _ in endings(receiver)] == [("killed", True)]


def senders(folder):
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                words = open("/proc/%s/cmdline" % entry, "rb").read().split(b"\0")
            except OSError:
                continue
            if any(word.startswith(str(folder).encode()) for word in words) and any(b"runstream.sender" in word for word in words):
                found.append(int(entry))
    return found


def test_a_spool_whose_end_nobody_said_is_ended_by_sync_when_its_process_is_gone(receiver, tmp_path):
    source = BEGIN + "run = runstream.init(project='p', mode='offline', capture_console=False, capture_environment=False); run.log({'x': 1.0}); os._exit(1)"
    play(source, receiver=receiver, folder=tmp_path)
    from runstream.cli import sync

    assert sync(str(tmp_path), receiver.url, 5.0) == 0
    assert [state for state, _, _ in endings(receiver)] == ["killed"] and spools(str(tmp_path)) == []
