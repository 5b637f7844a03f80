"""Secrets on a command line, in addresses and in configs are masked before they are written anywhere."""
from __future__ import annotations

import re
import shlex
from typing import Any, Dict, List, Sequence

MASK = "***"
_SECRET_WORDS = {"token", "secret", "password", "passwd", "passwort", "pwd", "pw", "passphrase", "credential", "credentials", "apikey", "authtoken",
                 "accesskey", "secretkey", "privatekey", "authorization", "bearer", "pat", "jwt", "cookie", "dsn"}
_KEY_OF = {"api", "access", "private", "secret", "auth", "account", "encryption", "signing", "license", "storage", "ssh", "service", "client", "app"}
# tokens of a vocabulary, not of a person
_VOCABULARY = {"pad", "eos", "bos", "unk", "mask", "sep", "cls", "special", "image", "audio", "video", "start", "end", "begin", "next", "stop", "trigger",
               "new", "per", "num", "max", "min", "n", "added", "additional", "boi", "eoi", "prompt", "extra", "class", "separator", "decoder", "forced", "think"}
_SHAPES = re.compile(
    r"hf_[A-Za-z0-9]{16,}|sk-[A-Za-z0-9_-]{16,}|(?:ghp|gho|ghu|ghs|ghr)_[A-Za-z0-9]{16,}|github_pat_\w{16,}|glpat-[\w-]{16,}|(?:AKIA|ASIA)[A-Z0-9]{16}"
    r"|xox[abeprs]-[\w-]{10,}|AIza[\w-]{30,}|ya29\.[\w-]{20,}|npm_[A-Za-z0-9]{30,}|pypi-[\w-]{30,}|dop_v1_[a-f0-9]{30,}|SG\.[\w-]{16,}\.[\w-]{16,}"
    r"|eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}|(?:rs|wandb|gsk|r8|nvapi|tskey|shpat|lin_api|sq0atp|AGE-SECRET-KEY)[_-][A-Za-z0-9_-]{20,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)")
_USERINFO = re.compile(r"(\b[A-Za-z][A-Za-z0-9+.-]*://)((?:[^\s/?#:@'\"]*:(?!\d+/)[^\s'\"]*|[^\s/?#:@'\"]+))@(?=[^\s@]*(?:[\s'\"]|$))")
_PAIR = re.compile(r"([?&;,\s]|^)([A-Za-z][\w.-]*)(=|:\s+)([^&;,\s'\"]+)")
_BEARER = re.compile(r"\b(Bearer|Basic|Token)\s+[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE)
_QUOTED = re.compile(r"""([A-Za-z][\w.-]*)(["']?\s*(?:=|:|=>)\s*)(["'])([^"'\n]{6,})\3""")
_PLAIN = re.compile(r"^(?:[+-]?\d{1,7}(?:\.\d*)?|true|false|none|null|yes|no|)$", re.IGNORECASE)


def is_secret_name(name: str) -> bool:
    spaced = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name)
    words = [word.lower() for word in re.split(r"[^A-Za-z0-9]+", spaced) if word]
    while len(words) > 1 and words[-1].isdigit():
        words.pop()
    if not words or any(word in _VOCABULARY for word in words[:-1]):
        return False
    return words[-1] in _SECRET_WORDS or (words[-1] in ("key", "id") and len(words) > 1 and words[-2] in _KEY_OF and words[-1] == "key") or (
        words[-1] == "auth" and len(words) <= 2) or any(words[-1].endswith(ending) for ending in ("apikey", "password", "passwd"))


def mask_text(text: str) -> str:
    """Passwords in addresses, tokens that are known by their shape, values of telling names in addresses and pairs."""
    if "://" in text:
        text = _USERINFO.sub(_mask_userinfo, text)
    text = _SHAPES.sub(MASK, text)
    if "earer" in text or "asic " in text or "oken " in text or "BEARER" in text:
        text = _BEARER.sub(lambda found: found.group(1) + " " + MASK, text)
    if "=" in text or ":" in text:
        text = _PAIR.sub(_mask_pair, text)
    return text


def mask_source(content: bytes) -> bytes:
    """Of program text: passwords in addresses, tokens that are known by their shape, texts in quotes given to telling names. Names and code stay."""
    text = content.decode("utf-8", "surrogateescape")
    if "://" in text:
        text = _USERINFO.sub(_mask_userinfo, text)
    text = _BEARER.sub(lambda found: found.group(1) + " " + MASK, _SHAPES.sub(MASK, text))
    return _QUOTED.sub(_mask_quoted, text).encode("utf-8", "surrogateescape")


def _mask_quoted(found: "re.Match[str]") -> str:
    name, between, quote, value = found.groups()
    return "%s%s%s%s%s" % (name, between, quote, MASK, quote) if is_secret_name(name) and not _PLAIN.match(value) else found.group(0)


def _mask_userinfo(found: "re.Match[str]") -> str:
    user, colon, _ = found.group(2).partition(":")
    if colon:
        return "%s%s:%s@" % (found.group(1), user, MASK)
    # a name alone is no secret (git@, ssh://me@); a long one alone is a token
    return found.group(0) if len(user) < 16 else "%s%s@" % (found.group(1), MASK)


def _mask_pair(found: "re.Match[str]") -> str:
    before, name, between, value = found.groups()
    telling = is_secret_name(name) or (before in "?&" and before and name.lower() in ("sig", "signature", "key", "auth", "code", "x-amz-signature", "x-amz-credential", "x-amz-security-token"))
    if not telling or value.startswith(MASK) or (_PLAIN.match(value) and "pass" not in name.lower() and "pwd" not in name.lower()):
        return found.group(0)
    return "%s%s%s%s" % (before, name, between, MASK)


def mask_value(name: str, value: str) -> str:
    """The value of a setting or param of this name."""
    if value and is_secret_name(name.rsplit(".", 1)[-1]) and not _PLAIN.match(value):
        return MASK
    return mask_text(value)


def mask_arguments(arguments: Sequence[str]) -> List[str]:
    """`--hf_token X`, `--api-key=X`, `NAME_TOKEN=X`, `-H "Authorization: Bearer X"`, addresses with a password."""
    masked: List[str] = []
    hidden_next = False
    for argument in arguments:
        flag, equals, value = argument.partition("=")
        name = flag.lstrip("-")
        dashed = argument.startswith("-") and name != ""
        if hidden_next and not (dashed and equals == "" and re.match(r"^--?[A-Za-z][\w-]*$", argument) and len(argument) < 24):
            masked.append(MASK)
            hidden_next = False
            continue
        hidden_next = False
        if equals and re.match(r"^[\w.+-]+$", name) and is_secret_name(name.rsplit(".", 1)[-1]):
            masked.append("%s=%s" % (flag, value if _PLAIN.match(value) and not _is_password(name) else MASK))
            continue
        if dashed and not equals:
            hidden_next = is_secret_name(name.rsplit(".", 1)[-1])
        masked.append(mask_text(argument))
    return masked


def _is_password(name: str) -> bool:
    return "pass" in name.lower() or "pwd" in name.lower()


def mask_command(arguments: Sequence[str]) -> str:
    masked = mask_arguments(arguments)
    return " ".join(argument if argument.endswith(MASK) and " " not in argument else shlex.quote(argument) for argument in masked)


def mask_all(value: Any, name: str = "") -> Any:
    """Every text in what was captured."""
    if isinstance(value, str):
        return mask_text(value)
    if isinstance(value, dict):
        out: Dict[str, Any] = {}
        for key, item in value.items():
            out[key] = mask_value(key, item) if isinstance(item, str) and name == "seeds" else mask_all(item, key)
        return out
    if isinstance(value, list):
        return [mask_all(item) for item in value]
    return value
