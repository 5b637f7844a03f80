"""What configs and calls really hold: nothing raises, values keep their form, all else arrives."""
import argparse
import collections
import copy
import dataclasses
import datetime
import enum
import json
import pathlib
import pickle
import random

import pytest

import runstream
from jobs import params, play
from receiver import fields


class Kind(enum.Enum):
    ADAM = "adam"
    BEST = 3


@dataclasses.dataclass
class Head:
    width: int = 64
    drop: float = 0.1


class Hostile:
    def __str__(self):
        raise RuntimeError("no text")

    __repr__ = __str__

    def __eq__(self, other):
        raise RuntimeError("no comparison")

    __hash__ = None

    def __bool__(self):
        raise RuntimeError("neither")


def start(receiver, tmp_path, **more):
    return runstream.init(**{"project": "p", "url": receiver.url, "dir": str(tmp_path), "capture_console": False, "capture_environment": False, **more})


def test_values_of_a_config_keep_their_form(receiver, tmp_path):
    loop = {"lr": 0.1}
    loop["self"] = loop
    listed = [1]
    listed.append(listed)
    config = {
        "set": {"v_proj", "q_proj"}, "mixed": {1, "a"}, "paths": [pathlib.PurePosixPath("/d/a")], "head": Head(), "kinds": [Kind.ADAM, Kind.BEST],
        "tuple": (0.9, 0.999), "odd": [1.0, float("inf"), Hostile()], "big": 2**63 - 1, "huge": 2**70, "one": 1.0, "loop": loop, "listed": listed,
        "day": datetime.date(2026, 1, 2), "space": argparse.Namespace(a=1), "point": collections.namedtuple("Point", "x y")(1, 2), 5: "five", "none": None,
        "bytes": b"abc", "deque": collections.deque([1]), "range": range(3), "letters": "漢字\ud800",
    }
    run = start(receiver, tmp_path, config=config)
    assert run.finish()
    got = params(receiver)
    assert got["set"] == ["q_proj", "v_proj"] and got["mixed"] == ["a", 1] and got["paths"] == ["/d/a"] and got["kinds"] == ["adam", "BEST"]
    assert got["tuple"] == [0.9, 0.999] and got["odd"][:2] == [1.0, "Infinity"] and "can't be printed" in got["odd"][2]
    assert got["head.width"] == 64 and got["space.a"] == 1 and got["point.x"] == 1 and got["5"] == "five" and got["none"] is None
    assert got["big"] == 2**63 - 1 and got["huge"] == 2**70 and type(got["one"]) is float
    assert got["loop.lr"] == 0.1 and got["loop.self"] == "<loop>" and got["listed"] == [1, "<loop>"] and got["day"] == "2026-01-02"
    assert got["bytes"] == "abc" and got["deque"] == [1] and got["range"] == [0, 1, 2] and got["letters"] == "漢字?"


def test_arrays_and_their_scalars_are_lists_and_numbers(receiver, tmp_path):
    numpy = pytest.importorskip("numpy")
    config = {"one": numpy.array([2.0]), "many": numpy.arange(3), "mixed": [numpy.float32(0.5), 1], "whole": numpy.int64(2**62), "flag": numpy.bool_(True), "nan": numpy.array([numpy.nan])}
    run = start(receiver, tmp_path, config=config)
    run.log({"a": numpy.float32(0.5), "b": numpy.array(3), "c": numpy.array([4.0])})
    run.summary["best"] = numpy.float64(0.25)
    assert run.finish()
    assert params(receiver) == {"one": [2.0], "many": [0, 1, 2], "mixed": [0.5, 1], "whole": 2**62, "flag": True, "nan": ["NaN"]}
    assert [v for _, _, _, v in receiver.points()] == [0.5, 3.0, 4.0]


@pytest.mark.parametrize("config", [argparse.Namespace(lr=0.1), Head(), None, 5, "text", [1, 2], Hostile(), {Hostile: 1, (1, 2): 3}], ids=lambda value: type(value).__name__)
def test_no_config_ends_a_training(receiver, tmp_path, config):
    run = start(receiver, tmp_path, config=config)
    run.log({"loss": 1.0})
    assert run.finish() and len(receiver.points()) == 1


def test_copies_and_pickles_of_a_run_are_the_run_and_of_a_config_plain_values(receiver, tmp_path):
    class Trainer:
        pass

    run = start(receiver, tmp_path, config={"lr": 0.1, "sizes": [1, 2]}, tags={"a": "b"})
    trainer = Trainer()
    trainer.run, trainer.config = run, run.config
    twin = copy.deepcopy(trainer)
    assert twin.run is run and type(twin.config) is dict and twin.config == {"lr": 0.1, "sizes": [1, 2]} and twin.config["sizes"] is not run.config["sizes"]
    assert pickle.loads(pickle.dumps(run)) is run and pickle.loads(pickle.dumps(run.config)) == dict(run.config) and copy.copy(run) is run
    assert pickle.loads(pickle.dumps(run.tags)).values == {"a": "b"} and copy.deepcopy(run.tags)["a"] == "b"
    twin.run.log({"x": 1.0})
    assert run.finish() and len(receiver.points()) == 1


def test_a_pickled_run_logs_from_another_process_to_the_same_run(receiver, tmp_path):
    source = """
import runstream, multiprocessing as mp
def work(run): run.log({"there": 2.0})
if __name__ == "__main__":
    run = runstream.init(project="p", capture_console=False, capture_environment=False); run.log({"here": 1.0})
    w = mp.get_context("spawn").Process(target=work, args=(run,)); w.start(); w.join(); run.finish()
"""
    out = play(source, receiver=receiver, folder=tmp_path)
    assert sorted(key for key, _, _, _ in receiver.points()) == ["here", "there"], out.stderr
    assert len({said[5] for said in receiver.named("RunStarted")}) == 1


@pytest.mark.parametrize("settings, name", [
    ({"mode": "sometimes"}, "mode"), ({"id": "a b"}, "id"), ({"project": " p"}, "project"), ({"rank": "first"}, "rank"), ({"rank": -1}, "rank"),
    ({"world_size": 1.5}, "world_size"), ({"attempt": 70_000}, "attempt"), ({"from_step": "x"}, "from_step"), ({"url": "ftp://x"}, "url"),
    ({"url": "http://x:port"}, "url"), ({"cost_per_hour": "much"}, "cost_per_hour"), ({"spool_mb_max": 0}, "spool_mb_max"),
])
def test_a_setting_that_cannot_be_right_is_refused_by_its_name(tmp_path, settings, name):
    with pytest.raises(ValueError, match="^%s:" % name):
        runstream.init(**{"dir": str(tmp_path), "mode": "offline", **settings})


ODD = [
    None, True, 0, -1, 2**70, 1.5, float("nan"), float("inf"), "", "text", "nu\0l", "\ud800", "x" * 100_000, b"\xff", [], [1, [2]], (), {}, {"a": {"b": object()}}, {1: 2},
    {""}, object(), Hostile(), Hostile, print, Exception("e"), Kind.ADAM, Head(), argparse.Namespace(x=1), datetime.datetime(2026, 1, 1), pathlib.Path("/nowhere"), iter([1]), range(2),
]


def calls(run, value, other):
    """Every public call of a run, with odd values in every place."""
    yield lambda: run.log(value)
    yield lambda: run.log({"odd": value}, step=other)
    yield lambda: run.log({"odd": 1.0}, step=value)
    yield lambda: run.log({text_or(value): 1.0})
    yield lambda: run.config.update({"c": value, "d": {"e": other}})
    yield lambda: run.config.update(value)
    yield lambda: run.config.__setitem__(text_or(value), other)
    yield lambda: run.summary.__setitem__("s", value)
    yield lambda: run.summary.update(best=other)
    yield lambda: run.tags.add(value, other)
    yield lambda: run.tags.__setitem__(text_or(value), other)
    yield lambda: run.tags.update({"t": value})
    yield lambda: run.tags.remove(value)
    yield lambda: run.note(value)
    yield lambda: run.rename(value)
    yield lambda: run.use_artifact(value, name=other, from_run=value)
    yield lambda: run.use_artifact("sha256:" + "0" * 64, name=value, from_run=other)
    yield lambda: run.log_artifact(value)
    yield lambda: run.log_artifact(__file__, name=value, type=other, metadata={"m": value, text_or(other): 1}, step=value)
    yield lambda: run.log_artifact(__file__, metadata=value, step=other, copy=value)


def text_or(value):
    try:
        hash(value)
        return value
    except Exception:
        return "k"


@pytest.mark.parametrize("seed", range(3))
def test_no_call_throws_whatever_it_is_given_and_all_else_arrives(receiver, tmp_path, seed):
    chance = random.Random(seed)
    run = start(receiver, tmp_path, name=chance.choice(ODD[:20]), tags=chance.choice(ODD), labels=chance.choice(ODD), notes=chance.choice(ODD), config=chance.choice(ODD), group=5, job_type=[1], user={})
    good = 0
    for round in range(40):
        for call in calls(run, chance.choice(ODD), chance.choice(ODD)):
            call()
        run.log({"good": float(round)}, step=round)
        run.tags["round%d" % round] = round
        good += 1
    assert run.finish(state=chance.choice(ODD), reason=chance.choice(ODD), exit_code="1", timeout=60)
    assert [v for key, _, _, v in receiver.points() if key == "good"] == [float(i) for i in range(good)]
    tags = {dict(fields(entry))[1].decode() for said in receiver.named("TagsSet") for number, entry in fields(said[3]) if number == 1}
    assert {"round%d" % i for i in range(good)} <= tags
    assert len(receiver.named("RunFinished")) == 1
    for who, seqs in receiver.seqs().items():
        assert seqs == list(range(1, len(seqs) + 1)), who


def test_a_record_that_cannot_be_encoded_is_set_aside_and_counted_and_its_neighbours_arrive(receiver, tmp_path):
    run = start(receiver, tmp_path, mode="offline")
    run.log({"x": 1.0})
    run._append(2, 0, 0, json.dumps(["NoSuchEvent", {}]).encode())  # as a spool of another version may hold
    run._append(2, 0, 0, b"not json")
    run._event("ArtifactLogged", {"name": "n", "sizeBytes": -1})
    run.log({"x": 2.0})
    run.finish()
    from runstream.cli import spools, sync

    assert sync(str(tmp_path), receiver.url, 5.0) == 0 and spools(str(tmp_path)) == []
    assert [v for _, _, _, v in receiver.points()] == [1.0, 2.0] and len(receiver.named("RunFinished")) == 1
    said = [dict(fields(dict(fields(said[3]))[1])) for said in receiver.named("SummarySet")]
    assert said[-1] == {1: b"runstream.set_aside_records", 2: b"3"}
    (kept,) = (tmp_path / "set-aside").iterdir()
    assert [json.loads(line)["why"][:8] for line in kept.read_text().splitlines()] == ["KeyError", "JSONDeco", "ValueErr"]
