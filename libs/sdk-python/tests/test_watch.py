"""Curves in a terminal, and what waits on this machine."""
from jobs import play, until
from runstream.watch import picture, spark

NAN, INF = float("nan"), float("inf")


def run(*series, **more):
    return {"id": "r1", "name": "resnet", "project": "vision", "status": "RUNNING", "statusReason": None, "durationMs": 61_000, "series": list(series),
            "summary": [{"key": each["key"], "last": each["last"][-1], "lastStep": len(each["last"]) - 1} for each in series if each["last"]], **more}


def line(key, values, rank=0):
    return {"key": key, "rank": rank, "last": values}


def test_a_row_of_values_is_a_row_of_bars():
    assert spark([0, 1, 2, 3, 4, 5, 6, 7], 8) == "▁▂▃▄▅▆▇█"
    assert spark([5.0, 5.0], 8) == "▁▁" and spark([], 8) == "" and spark([NAN], 8) == ""
    assert spark([0, NAN, INF, 7], 8) == "▁??█"
    assert spark(list(range(800)), 8) == "▁▂▃▄▅▆▇█"


def test_each_metric_is_a_line_of_its_lowest_rank_within_the_terminal():
    lines = picture(run(line("loss", [2.0, 1.0], rank=3), line("loss", [4.0, 0.5], rank=1), line("a" * 200, [1.0] * 300)), 80, 24)
    assert lines[0] == "resnet · vision · running · 61 s"
    assert lines[2].startswith("loss ") and "0.5  step 1" in lines[2] and lines[2].endswith("█▁")
    assert picture(run(name=""), 80, 24)[0].startswith("r1 · vision")
    assert len(lines) == 4 and all(len(each) <= 80 for each in lines)


def test_what_has_no_room_is_counted_and_what_is_missing_said():
    many = picture(run(*(line("m%d" % i, [1.0]) for i in range(50))), 80, 10)
    assert len(many) == 10 and many[-1] == "and 43 more; name some with --key"
    assert picture(run(line("empty", [])), 80, 24)[2] == "no metric has been logged yet"
    assert picture(run(status="FAILED", statusReason="ValueError: no\ndata"), 80, 24)[0] == "resnet · vision · failed · 61 s · ValueError: no data"


def test_what_waits_on_this_machine_is_listed(tmp_path):
    job = """
import runstream, sys
run = runstream.init(project="p", id="kept", mode="offline", capture_environment=False, capture_console=False)
run.log({"x": 1.0}); print("logged", flush=True); sys.stdin.readline(); run.finish()
"""
    command = "from runstream.cli import main; main(['status'])"
    assert play(command, folder=tmp_path).stdout == "nothing waits here\n"
    import subprocess

    held = play(job, folder=tmp_path, wait=False, stdin=subprocess.PIPE)
    assert held.stdout.readline() == "logged\n"
    said = play(command, folder=tmp_path).stdout
    assert "run kept of p, rank 0" in said and "its program runs, no sender is at it" in said
    held.communicate("\n", timeout=60)
    until(lambda: "its program is gone" in play(command, folder=tmp_path).stdout)
