"""What is printed, by whomever, is in the run and goes where it went before."""
import os
import pty
import sys

from jobs import lines, play, until
from runstream.cli import spools
from runstream.console import Tee
from runstream.screen import Screen


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def shown(chunks, seconds=0.1):
    kept, clock = [], Clock()
    screen = Screen(kept.append, clock)
    for chunk in chunks:
        screen.feed(chunk)
        clock.now += seconds
        screen.tick()
    screen.finish()
    return kept


ALL = """
import logging, sys
logging.basicConfig(format="%(message)s")
import runstream, subprocess, os, ctypes, multiprocessing as mp
run = runstream.init(project="p", capture_environment=False)
print("python"); logging.warning("handler made before"); print("error", file=sys.stderr)
subprocess.run(["echo", "child process"]); os.system("echo shell")
sys.stdout.buffer.write(b"bytes\\n"); sys.stdout.flush(); os.write(1, b"descriptor\\n")
ctypes.CDLL(None).puts(b"C library")
if os.fork() == 0: print("forked", flush=True); os._exit(0)
os.wait(); print("last"); run.finish(); print("afterwards")
"""


def test_everything_that_reaches_descriptors_1_and_2_is_kept_and_passed_on_in_its_order(receiver, tmp_path):
    # from 3.12 on Python warns about each fork of a process with threads
    out = play(ALL, receiver=receiver, folder=tmp_path, env={"PYTHONWARNINGS": "ignore::DeprecationWarning"})
    order = ["python", "child process", "shell", "bytes", "descriptor", "forked", "last"]
    assert [line for line in out.stdout.split("\n") if line in order] == order and out.stdout.endswith("afterwards\n")
    assert "C library" in out.stdout and out.stderr == "handler made before\nerror\n"
    kept = lines(receiver)
    assert sorted(kept) == sorted([*order, "C library", "handler made before", "error"])
    assert [line for line in kept if line in order] == order


def test_what_a_killed_process_printed_last_comes_through_and_its_child_may_print_on(receiver, tmp_path):
    out = play("""
import runstream, os, signal, subprocess, sys
run = runstream.init(project="p", capture_environment=False)
subprocess.Popen(["sh", "-c", "sleep 0.5; echo later"])
os.write(1, b"x" * 300_000 + b"\\nthe last words"); os.kill(os.getpid(), signal.SIGKILL)
""", receiver=receiver, folder=tmp_path)
    assert out.stdout == "x" * 300_000 + "\nthe last wordslater\n"
    until(lambda: spools(str(tmp_path)) == [])
    assert "the last words" in "".join(lines(receiver))


KILLED_TEE = """
import runstream, os, signal, sys, time
run = runstream.init(project="p", capture_environment=False)
print("before", flush=True); time.sleep(0.5)
%s
os.kill(run._console._tee.pid, signal.SIGKILL)
for i in range(300): print("line", i, flush=True); time.sleep(0.01)
run.log({"x": 1.0}); run.finish(); print("after")
"""


def test_printing_goes_on_in_its_order_when_what_passes_it_on_is_killed(receiver, tmp_path):
    out = play(KILLED_TEE % "", receiver=receiver, folder=tmp_path)
    assert out.returncode == 0
    assert out.stdout.split("\n") == ["before", *("line %d" % i for i in range(300)), "after", ""]
    assert len(receiver.points()) == 1 and "passed on and not kept" in out.stderr


def test_what_is_printed_last_comes_through_when_what_passes_it_on_was_killed_just_before(receiver, tmp_path):
    out = play("""
import runstream, os, signal
run = runstream.init(project="p", capture_environment=False)
os.kill(run._console._tee.pid, signal.SIGKILL); run._console._tee.wait()
print("last words"); run.finish(); print("after")
""", receiver=receiver, folder=tmp_path)
    assert (out.returncode, out.stdout) == (0, "last words\nafter\n")


def test_printing_goes_on_directly_when_nothing_more_can_be_started(receiver, tmp_path):
    out = play(KILLED_TEE % "sys.executable = '/nowhere/python'", receiver=receiver, folder=tmp_path)
    assert out.returncode == 0
    # what is in the pipe and what goes out directly meet in no order
    assert sorted("".join(out.stdout.split())) == sorted("before" + "".join("line%d" % i for i in range(300)) + "after")
    assert len(receiver.points()) == 1 and "go out directly" in out.stderr


def test_a_terminal_stays_a_terminal(receiver, tmp_path):
    reading, writing = pty.openpty()
    import subprocess
    from jobs import PACKAGE

    source = "import sys, os, runstream\nrun = runstream.init(project='p', capture_environment=False)\nprint(sys.stdout.isatty(), os.isatty(2))\nprint('done'); run.finish()"
    job = subprocess.Popen([sys.executable, "-c", source], stdin=subprocess.DEVNULL, stdout=writing, stderr=writing, cwd=str(tmp_path),
                           env={**os.environ, "PYTHONPATH": PACKAGE, "RUNSTREAM_URL": receiver.url, "RUNSTREAM_DIR": str(tmp_path)})
    assert job.wait(60) == 0
    os.close(writing)
    seen = b""
    try:
        while True:
            seen += os.read(reading, 4096)
    except OSError:
        os.close(reading)
    assert seen == b"True True\r\ndone\r\n" and lines(receiver) == ["True True", "done"]


def test_a_bar_shows_its_state_now_and_then_and_its_end(tmp_path):
    kept = shown(["\rEpoch 1: %3d%%" % i for i in range(101)] + ["\n", "epoch done\n"], seconds=1.0)
    assert 3 <= len(kept) <= 8 and kept[0] != kept[1] and kept[-2:] == ["Epoch 1: 100%", "epoch done"]
    assert shown(["\r%d" % i for i in range(10)] + ["\n"]) == ["9"]
    assert shown(["one\r\n", "two\r\n"]) == ["one", "two"]


def test_nested_bars_are_as_many_lines_as_are_seen():
    chunks = []
    for outer in range(3):
        chunks.append("\router %d/3" % outer)
        for inner in range(100):
            chunks += ["\n", "\rinner %d/100" % inner, "\x1b[A"]
    chunks += ["\router 3/3", "\n", "\rinner 100/100", "\n", "done\n"]
    kept = shown(chunks, seconds=0.001)
    assert kept == ["outer 3/3", "inner 100/100", "done"]
    assert len(shown(chunks, seconds=0.05)) <= 12  # with a look at both now and then


def test_plain_lines_come_at_once_and_as_they_are():
    kept = []
    screen = Screen(kept.append)
    screen.feed("a\n\n  b  \n\x1b[31mred\x1b[0m\npart")
    assert kept == ["a", "", "  b  ", "\x1b[31mred\x1b[0m"]
    screen.feed("ial\n" + "y" * 70_000)
    assert kept[4] == "partial" and [len(line) for line in kept[5:]] == [30_000, 30_000]
    screen.finish()
    assert len(kept[-1]) == 10_000


def test_under_somebody_elses_stdout_the_bytes_of_its_buffer_are_seen_too(tmp_path):
    import io

    kept = []
    tee = Tee(io.TextIOWrapper(io.BytesIO()), kept.append)
    tee.write("text\n")
    tee.buffer.write(b"bytes\n")
    assert kept == ["text", "bytes"]
