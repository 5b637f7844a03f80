"""Bytes of an artifact to the server: whole when small, in resumable pieces when large."""
from __future__ import annotations

import hashlib
import json
import mimetypes
import os
import sys
from typing import Any, Dict, Optional, Tuple

from . import kept_files
from .delivery import Answer, Connection

WHOLE_BYTES_MAX = 8 * 1024 * 1024
PIECE_BYTES = 8 * 1024 * 1024


class Refused(Exception):
    """The server does not want it; asking again is useless."""


class Changed(Exception):
    """Other bytes than a moment ago."""


def digest_of(path: str, size: Optional[int] = None) -> Tuple[str, int]:
    """Of the first `size` bytes: a file that grows is uploaded as it was."""
    digest, done = hashlib.sha256(), 0
    with open(path, "rb") as file:
        while size is None or done < size:
            piece = file.read(1024 * 1024 if size is None else min(1024 * 1024, size - done))
            if not piece:
                break
            done += len(piece)
            digest.update(piece)
    return "sha256:" + digest.hexdigest(), done


def path_of(folder: str, item: Dict[str, Any]) -> str:
    """Copies lie in the spool, wherever that has been carried to."""
    path = os.path.join(folder, item["path"])
    beside = os.path.join(folder, os.path.basename(item["path"]))
    return beside if item["copied"] and not os.path.exists(path) else path


def deliver(connection: Connection, folder: str, item: Dict[str, Any], writer: str) -> Dict[str, Any]:
    """What is to be said about the file: that it is logged, or why it can't be. Throws OSError when the server is away."""
    upload_id = "%s-%s" % (writer, os.path.basename(item["path"])[-40:])
    try:
        path = path_of(folder, item)
        kept_files.look_at(path)
        for left in (3, 2, 1, 0):
            try:
                digest, size = upload(connection, path, item.get("size"), "".join(c if c.isalnum() or c in "-_." else "-" for c in upload_id))
                if "value" in item:
                    return {"name": "ValuesLogged", "data": {"values": [{**item["value"], "digest": digest, "sizeBytes": size}]}}
                return {"name": "ArtifactLogged", "data": fact(item, digest, size)}
            except Changed:
                if not left:
                    raise
                upload_id += "-again"
        raise AssertionError
    except (Refused, Changed, FileNotFoundError, PermissionError, IsADirectoryError, kept_files.NotAFile) as error:
        text = "artifact %s: %s" % (item["name"], str(error) or repr(error))
        print(text, file=sys.stderr, flush=True)
        value = {"key": "runstream.artifact_failed", "json": json.dumps(text[:1_000])}
        # bytes that lie in the spool are the only copy there is
        return {"name": "SummarySet", "data": {"values": [value]}, "failed": bool(item["copied"]) and os.path.exists(path_of(folder, item))}


def upload(connection: Connection, path: str, asked: Optional[int], upload_id: str) -> Tuple[str, int]:
    """Digest and size. Throws OSError when the server is away, Refused when it says no, Changed when the file was written to meanwhile."""
    digest, size = digest_of(path, asked)
    if connection.request("HEAD", "/v1/artifacts/" + digest).status == 200:
        return digest, size
    if size <= WHOLE_BYTES_MAX:
        with open(path, "rb") as file:
            content = file.read(size)
        if "sha256:" + hashlib.sha256(content).hexdigest() != digest:
            raise Changed("it changes while it is read")
        _check(connection.request("PUT", "/v1/artifacts/" + digest, content, {"content-type": "application/octet-stream"}), (200, 201))
        return digest, size
    place = "/v1/artifacts/uploads/" + upload_id
    offset = int(_check(connection.request("HEAD", place), (200, 204)).headers.get("upload-offset", "0"))
    with open(path, "rb") as file:
        file.seek(offset)
        while offset < size:
            piece = file.read(min(PIECE_BYTES, size - offset))
            if not piece:
                raise Changed("it became shorter while it was read")
            answer = connection.request("PATCH", place, piece, {"upload-offset": str(offset), "content-type": "application/offset+octet-stream"})
            offset = int(_check(answer, (200, 204)).headers["upload-offset"])
            file.seek(offset)
    try:
        _check(connection.request("POST", place + "/complete", json.dumps({"digest": digest}).encode(), {"content-type": "application/json"}), (200, 201))
    except Refused:
        if digest_of(path, asked)[0] != digest:
            raise Changed("it changes while it is read") from None
        raise
    return digest, size


def _check(answer: Answer, good: Tuple[int, ...]) -> Answer:
    if answer.status in good:
        return answer
    text = "%d %s" % (answer.status, answer.body[:300].decode("utf-8", "replace"))
    if answer.status in (400, 404, 413, 422):
        raise Refused(text)
    raise ConnectionError(text)


def fact(item: Dict[str, Any], digest: str, size: int) -> Dict[str, Any]:
    step = item.get("step")
    return {
        "name": item["name"], "type": item["type"], "digest": digest, "sizeBytes": size, "mime": mimetypes.guess_type(item["name"])[0] or "",
        "metadata": item["metadata"], "step": step or 0, "hasStep": step is not None,
    }


def forget(folder: str, item: Dict[str, Any]) -> None:
    if item["copied"] and os.path.exists(path_of(folder, item)):
        os.unlink(path_of(folder, item))
