"""`runstream run -- COMMAND` tracks any program, and is not in its way."""
import signal
import subprocess

import pytest
from jobs import endings, lines, params, play, until
from runstream.program import pairs

JOB = """
import sys
from runstream.cli import main
main(sys.argv[1:])
"""


def track(receiver, folder, *words, **more):
    return play(JOB, "run", "--project", "p", "--param", "lr=0.1", "--param", "note=a=b", "--", *words, receiver=receiver, folder=folder, **more)


def test_what_a_program_prints_and_how_it_ends_is_in_the_run_and_outside(receiver, tmp_path):
    out = track(receiver, tmp_path, "sh", "-c", "echo hello; echo problem >&2; exit 3")
    assert (out.returncode, out.stdout) == (3, "hello\n") and out.stderr.endswith("problem\n")
    assert endings(receiver) == [("failed", "exit code 3", 3)]
    assert {"hello", "problem"} <= set(lines(receiver))
    assert params(receiver) == {"lr": "0.1", "note": "a=b"}
    (started,) = receiver.named("RunStarted")
    assert b"sh -c" in started[3] and b"runstream.cli" not in started[3]


def test_a_program_that_ends_well_is_a_finished_run(receiver, tmp_path):
    out = track(receiver, tmp_path, "true")
    assert out.returncode == 0 and endings(receiver) == [("finished", "", 0)]


def test_a_killed_program_is_a_killed_run_and_one_that_is_not_there_a_failed_one(receiver, tmp_path):
    assert track(receiver, tmp_path, "sh", "-c", "kill -9 $$").returncode == 137
    assert endings(receiver) == [("killed", "signal SIGKILL", 137)]
    out = track(receiver, tmp_path, "/no/such/program")
    assert out.returncode == 127 and "/no/such/program: No such file" in out.stderr
    assert endings(receiver)[1][::2] == ("failed", 127)


def test_a_signal_reaches_the_program_which_decides_when_it_ends(receiver, tmp_path):
    program = "trap 'echo saved; exit 5' TERM; echo ready; while :; do sleep 0.05; done"
    job = track(receiver, tmp_path, "sh", "-c", program, wait=False)
    until(lambda: "ready" in lines(receiver))
    job.send_signal(signal.SIGTERM)
    try:
        out, _ = job.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        job.kill()
        raise
    assert (job.returncode, out) == (5, "ready\nsaved\n") and endings(receiver) == [("failed", "exit code 5", 5)]


def test_words_that_are_wrong_are_named(receiver, tmp_path):
    for words, said in ((("run",), "say which program"), (("run", "--param", "lr", "--", "true"), "--param: 'lr' is not of the form key=value"),
                        (("run", "--project", " p", "--", "true"), "project: must not begin"), (("compare", "one"), "two runs at least")):
        out = play(JOB, *words, receiver=receiver, folder=tmp_path)
        assert out.returncode == 1 and said in out.stderr and "Traceback" not in out.stderr
    assert receiver.named("RunStarted") == []
    with pytest.raises(ValueError):
        pairs(["=1"], "--tag")
