"""Bytes of an artifact to the server: whole when small, in resumable pieces when large."""
from __future__ import annotations

import hashlib
import json
import mimetypes
import os
from typing import Any, Dict, Tuple

from .delivery import Answer, Connection

WHOLE_BYTES_MAX = 8 * 1024 * 1024
PIECE_BYTES = 8 * 1024 * 1024


class Refused(Exception):
    """The server does not want it; asking again is useless."""


def digest_of(path: str) -> Tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    with open(path, "rb") as file:
        while True:
            piece = file.read(1024 * 1024)
            if not piece:
                return "sha256:" + digest.hexdigest(), size
            digest.update(piece)
            size += len(piece)


def upload(connection: Connection, path: str, upload_id: str) -> Tuple[str, int]:
    """Digest and size. Throws OSError when the server is away, Refused when it says no."""
    digest, size = digest_of(path)
    if connection.request("HEAD", "/v1/artifacts/" + digest).status == 200:
        return digest, size
    if size <= WHOLE_BYTES_MAX:
        with open(path, "rb") as file:
            _check(connection.request("PUT", "/v1/artifacts/" + digest, file.read(), {"content-type": "application/octet-stream"}), (200, 201))
        return digest, size
    place = "/v1/artifacts/uploads/" + upload_id
    offset = int(_check(connection.request("HEAD", place), (200, 204)).headers.get("upload-offset", "0"))
    with open(path, "rb") as file:
        file.seek(offset)
        while offset < size:
            piece = file.read(PIECE_BYTES)
            answer = connection.request("PATCH", place, piece, {"upload-offset": str(offset), "content-type": "application/offset+octet-stream"})
            offset = int(_check(answer, (200, 204)).headers["upload-offset"])
            file.seek(offset)
    _check(connection.request("POST", place + "/complete", json.dumps({"digest": digest}).encode(), {"content-type": "application/json"}), (200, 201))
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


def forget(item: Dict[str, Any]) -> None:
    if item["copied"] and os.path.exists(item["path"]):
        os.unlink(item["path"])
