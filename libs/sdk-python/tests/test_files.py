"""Files and spools: nothing that was not acknowledged is deleted, one odd file loses only itself."""
import hashlib
import os
import shutil
import socket
import threading
import time

import runstream
from jobs import params, play, until
from receiver import Receiver, fields
from runstream.cli import spools, sync
from runstream.places import make_spool_folder


def start(receiver, tmp_path, **more):
    return runstream.init(**{"project": "p", "url": receiver.url, "dir": str(tmp_path / "spool"), "capture_console": False, "capture_environment": False, **more})


def logged(receiver):
    return {dict(fields(said[3]))[1].decode(): dict(fields(said[3])) for said in receiver.named("ArtifactLogged")}


def test_of_a_folder_a_link_to_nowhere_a_pipe_a_socket_and_a_circle_lose_only_themselves(receiver, tmp_path, capfd):
    folder, outside = tmp_path / "ckpt", tmp_path / "outside"
    (folder / "sub").mkdir(parents=True)
    outside.mkdir()
    for name in ("a.txt", "m.txt", "z.txt", "sub/deep.txt"):
        (folder / name).write_text(name)
    (outside / "far.txt").write_text("far")
    os.symlink("/nowhere/at/all", folder / "latest")
    os.symlink(outside, folder / "linked")
    os.symlink(folder, folder / "sub" / "circle")
    os.mkfifo(folder / "pipe")
    (folder / "empty").write_text("")
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(folder / "socket"))
    run = start(receiver, tmp_path)
    run.log_artifact(folder)
    run.log_artifact(tmp_path / "missing")
    assert run.finish()
    assert set(logged(receiver)) == {"ckpt/" + name for name in ("a.txt", "m.txt", "z.txt", "sub/deep.txt", "linked/far.txt", "empty")}
    said = capfd.readouterr().err
    assert "a link to /nowhere/at/all, where nothing is" in said and "a pipe" in said and "a socket" in said and "missing" in said
    assert run.skipped == 5


def test_a_growing_file_is_uploaded_as_it_was(receiver, tmp_path):
    path = tmp_path / "train.log"
    path.write_bytes(b"a" * 100_000)
    stop = threading.Event()

    def grow():
        with open(path, "ab") as file:
            while not stop.is_set():
                file.write(b"b" * 10_000)
                file.flush()
                time.sleep(0.001)

    run = start(receiver, tmp_path)
    thread = threading.Thread(target=grow)
    thread.start()
    run.log_artifact(path, name="copied")
    run.log_artifact(path, name="in place", copy=False)
    done = run.finish()
    stop.set()
    thread.join()
    assert done and set(logged(receiver)) == {"copied", "in place"}
    whole = path.read_bytes()
    for fact in logged(receiver).values():
        assert fact[3].decode() == "sha256:" + hashlib.sha256(whole[: fact[4]]).hexdigest()


def test_a_spool_that_was_carried_to_another_machine_brings_its_files(receiver, tmp_path):
    (tmp_path / "model.pt").write_text("the only copy")
    run = start(receiver, tmp_path, mode="offline")
    run.log_artifact(tmp_path / "model.pt")
    run.finish()
    shutil.move(tmp_path / "spool", tmp_path / "laptop")
    os.unlink(tmp_path / "model.pt")
    assert sync(str(tmp_path / "laptop"), receiver.url, 5.0) == 0
    assert b"the only copy" in receiver.artifacts.values() and list(logged(receiver)) == ["model.pt"]


def test_a_file_that_is_refused_stays_and_is_tried_again(receiver, tmp_path):
    (tmp_path / "model.pt").write_text("the only copy")
    run = start(receiver, tmp_path, mode="offline")
    run.log_artifact(tmp_path / "model.pt")
    run.finish()
    receiver.refuse_files = True
    assert sync(str(tmp_path / "spool"), receiver.url, 5.0) == 1
    (folder,) = spools(str(tmp_path / "spool"))
    assert open(os.path.join(folder, "file-1")).read() == "the only copy"
    receiver.refuse_files = False
    assert sync(str(tmp_path / "spool"), receiver.url, 5.0) == 0
    assert list(logged(receiver)) == ["model.pt"] and spools(str(tmp_path / "spool")) == []


def test_a_start_that_is_refused_is_said_again_when_its_cause_is_gone(receiver, tmp_path):
    run = start(receiver, tmp_path, mode="offline", config={"lr": 1})
    run.log({"x": 1.0})
    run.finish()
    receiver.refuse = lambda name, writer: "RUN_DELETED" if name == "RunStarted" else None
    assert sync(str(tmp_path / "spool"), receiver.url, 5.0) == 1 and len(spools(str(tmp_path))) == 1
    receiver.refuse = lambda name, writer: None
    assert sync(str(tmp_path / "spool"), receiver.url, 5.0) == 0
    assert len(receiver.points()) == 1 and params(receiver) == {"lr": 1} and spools(str(tmp_path)) == []


def test_a_training_whose_start_is_refused_goes_on_and_is_delivered_once_it_is_taken(receiver, tmp_path):
    receiver.refuse = lambda name, writer: "RUN_DELETED" if name == "RunStarted" and "." not in writer else None
    run = start(receiver, tmp_path)
    for i in range(100):
        run.log({"x": float(i)})
    until(lambda: len(receiver.points()) == 100)
    assert run.finish() and len(receiver.named("RunStarted")) == 1


def test_what_is_too_large_for_one_record_is_split(receiver, tmp_path):
    config = {"lr": 0.1, "splits": {"fold%d" % i: "sample " * 8_000 for i in range(40)}, "many": {"k%d" % i: i for i in range(12_000)}, "classes": ["class %d" % i for i in range(100_000)]}
    run = start(receiver, tmp_path, config=config, tags={"t%d" % i: "v" * 8_000 for i in range(1_500)}, labels=["l%d" % i for i in range(2_500)], notes="ü" * 150_000)
    run.log({"x": 1.0})
    assert run.finish(timeout=60)
    got = params(receiver)
    assert len(got) == 12_042 and got["splits.fold39"] == "sample " * 8_000 and len(receiver.points()) == 1
    assert "whole in the file params/classes.json" in got["classes"] and any(len(body) > 1_000_000 for body in receiver.artifacts.values())
    tags = {dict(fields(entry))[1] for name, field in (("RunStarted", 7), ("TagsSet", 1)) for said in receiver.named(name) for number, entry in fields(said[3]) if number == field}
    labels = [entry for name, field in (("RunStarted", 16), ("TagsSet", 3)) for said in receiver.named(name) for number, entry in fields(said[3]) if number == field]
    assert len(tags) == 1_500 and len(labels) == 2_500
    assert len(dict(fields(receiver.named("NoteSet")[0][3]))[1].decode()) == 150_000
    assert max(len(said[3]) for _, said in receiver.order) < 1_000_000


def test_a_folder_of_somebody_else_in_the_temporary_directory_is_not_used(tmp_path, monkeypatch):
    import tempfile

    import runstream.places as places

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    theirs = tmp_path / places._own_name()
    theirs.mkdir()
    monkeypatch.setattr(os, "lstat", lambda path, real=os.lstat: os.stat_result([0o40777, 0, 0, 0, os.getuid() + 1, 0, 0, 0, 0, 0]) if str(path) == str(theirs) else real(path))
    folder = make_spool_folder("/proc/nowhere", "run", "writer", lambda *_: None)
    assert folder.startswith(str(theirs) + "-") and os.stat(folder).st_mode & 0o77 == 0
