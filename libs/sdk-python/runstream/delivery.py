"""HTTP to the server: one connection, kept open. Says what a request came to, never retries by itself."""
from __future__ import annotations

import gzip
import http.client
import json
import os
import socket
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Union
from urllib.parse import urlsplit

LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Answer(NamedTuple):
    status: int
    headers: Dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Connection:
    def __init__(self, url: str, api_key: Optional[str], timeout: float = 60.0) -> None:
        parts = urlsplit(url if "://" in url else "http://" + url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("url: %r is not an http or https address" % url)
        self._secure = parts.scheme == "https"
        self._host, self._port = parts.hostname, parts.port
        self._prefix = parts.path.rstrip("/")
        self._headers = {"authorization": "Bearer %s" % api_key} if api_key else {}
        self._timeout = timeout
        self._compress = parts.hostname not in LOOPBACK
        self._open: Optional[http.client.HTTPConnection] = None

    def request(self, method: str, path: str, body: Any = None, headers: Optional[Dict[str, str]] = None) -> Answer:
        """Throws OSError when there is no answer: nobody knows then whether the server has done it."""
        again = self._open is not None
        try:
            return self._once(method, path, body, headers or {})
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            # an idle connection that the server has closed meanwhile; events are numbered, so asking twice is harmless
            if not again or (body is not None and not isinstance(body, bytes)):
                raise
            return self._once(method, path, body, headers or {})

    def _once(self, method: str, path: str, body: Any, headers: Dict[str, str]) -> Answer:
        if self._open is None:
            kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
            self._open = kind(self._host, self._port, timeout=self._timeout)
        try:
            self._open.request(method, self._prefix + path, body=body, headers={**self._headers, **headers})
            response = self._open.getresponse()
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        except http.client.HTTPException as error:
            self.close()
            if isinstance(error, OSError):
                raise
            raise ConnectionError("not an HTTP answer: %r" % error) from error
        except OSError:
            self.close()
            raise

    def send_events(self, body: bytes) -> Answer:
        headers = {"content-type": "application/x-protobuf", "accept": "application/json"}
        if self._compress and len(body) > 2_048:
            body = gzip.compress(body, 1)
            headers["content-encoding"] = "gzip"
        return self.request("POST", "/v1/events", body, headers)

    def close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None


def retry_after(answer: Answer) -> float:
    try:
        return min(60.0, max(0.0, float(answer.headers.get("retry-after", "0"))))
    except ValueError:
        return 1.0
