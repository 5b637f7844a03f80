"""What was changed since the commit is kept with the run, and nothing that should stay on the machine."""
import subprocess

import pytest
from jobs import play
from runstream import source_state
from runstream.masks import mask_source


def git(folder, *words):
    subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *words], cwd=folder, check=True, stdout=subprocess.DEVNULL)


@pytest.fixture
def checkout(tmp_path):
    folder = tmp_path / "checkout"
    folder.mkdir()
    git(folder, "init", "-q")
    (folder / "train.py").write_text("lr = 0.1\n")
    (folder / ".env").write_text("A=1\n")
    (folder / ".gitignore").write_text("ignored\n")
    git(folder, "add", "-f", ".")
    git(folder, "commit", "-q", "-m", "first")
    return folder


def applied(checkout, content, tmp_path):
    """A fresh checkout of the commit with the patch on it."""
    fresh = tmp_path / "fresh"
    git(tmp_path, "clone", "-q", str(checkout), str(fresh))
    subprocess.run(["git", "apply", "-"], cwd=fresh, input=content, check=True)
    return fresh


def test_changed_new_binary_and_removed_files_come_back_by_git_apply(checkout, tmp_path):
    (checkout / "train.py").write_text("lr = 0.2\n")
    (checkout / "sub").mkdir()
    (checkout / "sub" / "größe neu.py").write_bytes(b"x = 1\n")
    (checkout / "blob").write_bytes(bytes(range(256)) * 3)
    (checkout / ".gitignore").unlink()
    content, left_out = source_state.patch(str(checkout / "sub"))
    fresh = applied(checkout, content, tmp_path)
    assert left_out == "" and (fresh / "train.py").read_text() == "lr = 0.2\n"
    assert (fresh / "sub" / "größe neu.py").read_text() == "x = 1\n" and (fresh / "blob").read_bytes() == bytes(range(256)) * 3
    assert not (fresh / ".gitignore").exists()


def test_nothing_changed_is_no_patch_and_no_repository_is_none(checkout, tmp_path):
    assert source_state.patch(str(checkout)) == (None, "")
    assert source_state.patch(str(tmp_path)) == (None, "")


def test_files_of_keys_stay_here_changed_or_new_and_tokens_are_masked(checkout, tmp_path):
    (checkout / ".env").write_text("PASSWORD_OF_ALL=hunter2\n")
    for name in ("server.pem", "id_rsa", "my_credentials.json", "ignored"):
        (checkout / name).write_text("hunter2")
    (checkout / "train.py").write_text("hf_token = 'abcdefgh1234'\ntoken = 'hf_%s'\nlog(api_key=api_key, url='https://me:hunter2@host/')\n" % ("Q" * 34))
    content, _ = source_state.patch(str(checkout))
    assert b"hunter2" not in content and b"abcdefgh1234" not in content and b"QQQQ" not in content and b"api_key=api_key" in content
    applied(checkout, content, tmp_path)


def test_what_is_too_large_is_left_out_and_said(checkout):
    (checkout / "small.py").write_text("y = 2\n")
    (checkout / "large.bin").write_bytes(b"\1" * 200_000)
    content, left_out = source_state.patch(str(checkout))
    assert b"small.py" in content and b"large.bin" not in content and left_out.startswith("1 files")
    (checkout / "train.py").write_text("z = %r\n" % ("0123456789" * 500_000))
    content, left_out = source_state.patch(str(checkout))
    assert content is None and "more than" in left_out


def test_masking_source_touches_no_code():
    code = b"tokenizer = load('bert-base-uncased')\npad_token = '[PAD] of all'\nfor key in keys: print(key)\n\xff\xfe raw\n"
    assert mask_source(code) == code


def test_a_run_has_the_patch_as_its_artifact_and_names_it_in_its_environment(receiver, checkout):
    (checkout / "train.py").write_text("lr = 0.3\n")
    program = """
import runstream
run = runstream.init(project="p", %s)
run.log({"loss": 1.0})
run.finish()
"""
    out = play(program % "capture_console=False", receiver=receiver, folder=checkout)
    assert out.returncode == 0, out.stderr
    (content,) = receiver.artifacts.values()
    (digest,) = receiver.artifacts
    assert b"+lr = 0.3" in content
    (captured,) = receiver.named("EnvironmentCaptured")
    (logged,) = receiver.named("ArtifactLogged")
    assert digest.encode() in captured[3] and b"git/diff.patch" in logged[3] and digest.encode() in logged[3]
    before = len(receiver.named("ArtifactLogged"))
    assert play(program % "capture_diff=False", receiver=receiver, folder=checkout).returncode == 0
    assert len(receiver.named("ArtifactLogged")) == before


def test_a_patch_that_can_not_be_written_costs_nothing_but_itself(receiver, checkout):
    (checkout / "train.py").write_text("lr = 0.4\n")
    out = play("""
import os, runstream
run = runstream.init(project="p", capture_console=False)
os.mkdir(os.path.join(run._folder, "diff.patch"))
run.log({"loss": 1.0})
run.finish()
""", receiver=receiver, folder=checkout)
    assert out.returncode == 0, out.stderr
    (captured,) = receiver.named("EnvironmentCaptured")
    assert b"sha256:" not in captured[3] and not receiver.named("ArtifactLogged") and receiver.named("RunFinished")
