"""Secrets do not leave the process, nor do they lie in its spool."""
import subprocess

from jobs import params, play
from receiver import fields
from runstream.masks import mask_command, mask_text, mask_value

SECRETS = ["hf_" + "Q" * 34, "0123456789abcdef" * 2, "hunter2secret", "sk-" + "z" * 40, "ghp_" + "a" * 36, "Zm9vYmFyYmF6cXV4", "p@ss/word"]
WORDS = ["--lr", "0.1", "--hf_token", SECRETS[0], "--api-key=" + SECRETS[1], "--db", "postgres://me:%s@host/db" % SECRETS[2], "OPENAI_API_KEY=" + SECRETS[3],
         "--repo", "https://%s@github.com/a/b" % SECRETS[4], "-H", "Authorization: Bearer " + SECRETS[5], "--dsn2=mysql://u:%s@h/d" % SECRETS[6]]
PLAIN = ["--max_tokens", "512", "--pad_token", "[PAD]", "--tokenizer", "gpt2", "--monkey", "banana", "--keys", "a,b", "git@github.com:a/b.git", "ssh://git@host/x", "--seed", "7",
         "https://host:8080/a?page=2", "model.patience=3", "--eos-token-id", "2"]


def test_secrets_of_a_command_line_are_masked_and_nothing_else():
    command = mask_command(WORDS + PLAIN)
    assert not [secret for secret in SECRETS if secret in command]
    assert "--lr 0.1" in command and "--hf_token ***" in command and "--api-key=***" in command and "postgres://me:***@host/db" in command
    assert mask_command(PLAIN).replace("'", "") == " ".join(PLAIN)


def test_secrets_of_addresses_and_settings_are_masked():
    assert mask_text("https://x/y?token=abcdef123456&page=1") == "https://x/y?token=***&page=1"
    assert mask_text("https://b.s3.amazonaws.com/k?X-Amz-Signature=abc&a=1") == "https://b.s3.amazonaws.com/k?X-Amz-Signature=***&a=1"
    assert mask_value("optimizer.api_key", "qwertz123") == "***" and mask_value("password", "12345x") == "***"
    assert mask_value("pad_token", "<pad>") == "<pad>" and mask_value("max_tokens", "5") == "5" and mask_value("monkey", "x") == "x"


def test_no_secret_reaches_the_wire_or_the_spool(receiver, tmp_path):
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "x"], cwd=tmp_path, check=True)
    subprocess.run(["git", "remote", "add", "origin", "https://me:%s@host/a.git" % SECRETS[2]], cwd=tmp_path, check=True)
    out = play("""
import runstream, sys, glob, os
run = runstream.init(project="p", config={"hf_token": sys.argv[4], "nested": {"db": "postgres://me:hunter2secret@h/d", "list": ["sk-" + "z" * 40]}, "lr": 0.1})
print(any(b"hunter2secret" in open(p, "rb").read() for p in glob.glob(run._folder + "/*") if os.path.isfile(p)))
run.finish()
""", *WORDS, receiver=receiver, folder=tmp_path)
    assert out.stdout.strip() == "False", out.stderr
    everything = b"".join(said[3] for _, said in receiver.order)
    assert not [secret for secret in SECRETS if secret.encode() in everything]
    assert params(receiver)["hf_token"] == "***" and params(receiver)["nested.db"] == "postgres://me:***@h/d" and params(receiver)["lr"] == 0.1
    assert receiver.named("EnvironmentCaptured") and b"https://host/a.git" in everything
