"""HTTP to the server: one connection, kept open, through a proxy where one is set. Says what a request came to, never retries by itself."""
from __future__ import annotations

import base64
import gzip
import http.client
import json
import os
import ssl
from typing import Any, Dict, NamedTuple, Optional
from urllib.parse import SplitResult, unquote, urlsplit

LOOPBACK = ("127.0.0.1", "localhost", "::1")
CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS")
PROXY_TROUBLE = (403, 407, 502, 503, 504)


class Answer(NamedTuple):
    status: int
    headers: Dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def check_url(url: str) -> SplitResult:
    try:
        parts = urlsplit(url if "://" in url else "http://" + url)
        parts.port  # throws when it is no number
    except ValueError as error:
        raise ValueError("url: %r is not an address: %s" % (url, error)) from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("url: %r is not an http or https address" % url)
    return parts


class Connection:
    def __init__(self, url: str, api_key: Optional[str], timeout: float = 60.0) -> None:
        parts = check_url(url)
        self._secure = parts.scheme == "https"
        self._host: str = parts.hostname or ""
        self._port = parts.port
        self._prefix = parts.path.rstrip("/")
        self._headers = _authorization(parts, api_key)
        self._timeout = timeout
        self._compress = parts.hostname not in LOOPBACK
        self._proxy = _proxy_for(parts)
        self._open: Optional[http.client.HTTPConnection] = None

    def request(self, method: str, path: str, body: Any = None, headers: Optional[Dict[str, str]] = None) -> Answer:
        """Throws OSError when there is no answer: nobody knows then whether the server has done it."""
        if self._proxy is not None and self._host in LOOPBACK:
            # many clusters set a proxy for everything; it can't reach what listens on this machine alone
            try:
                answer = self._again(method, path, body, headers or {})
                if answer.status not in PROXY_TROUBLE:
                    return answer
            except OSError:
                pass
            self.close()
            self._proxy = None
        return self._again(method, path, body, headers or {})

    def _again(self, method: str, path: str, body: Any, headers: Dict[str, str]) -> Answer:
        again = self._open is not None
        try:
            return self._once(method, path, body, headers)
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            # an idle connection that the server has closed meanwhile; events are numbered, so asking twice is harmless
            if not again or (body is not None and not isinstance(body, bytes)):
                raise
            return self._once(method, path, body, headers)

    def _connect(self) -> http.client.HTTPConnection:
        if self._proxy is None:
            return self._kind(self._host, self._port)
        proxy = self._proxy
        port = proxy.port or (443 if proxy.scheme == "https" else 80)
        if not self._secure:
            return self._kind(proxy.hostname or "", port, secure=proxy.scheme == "https")
        connection = self._kind(proxy.hostname or "", port)
        connection.set_tunnel(self._host, self._port or 443, headers=_proxy_authorization(proxy))
        return connection

    def _kind(self, host: str, port: Optional[int], secure: Optional[bool] = None) -> http.client.HTTPConnection:
        if self._secure if secure is None else secure:
            return http.client.HTTPSConnection(host, port, timeout=self._timeout, context=_context())
        return http.client.HTTPConnection(host, port, timeout=self._timeout)

    def _target(self, path: str) -> str:
        if self._proxy is None or self._secure:
            return self._prefix + path
        host = "[%s]" % self._host if ":" in self._host else self._host
        return "http://%s%s%s" % (host, "" if self._port is None else ":%d" % self._port, self._prefix + path)

    def _once(self, method: str, path: str, body: Any, headers: Dict[str, str]) -> Answer:
        if self._open is None:
            self._open = self._connect()
        if self._proxy is not None and not self._secure:
            headers = {**headers, **_proxy_authorization(self._proxy)}
        try:
            self._open.request(method, self._target(path), body=body, headers={**self._headers, **headers})
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


def _authorization(parts: SplitResult, api_key: Optional[str]) -> Dict[str, str]:
    if api_key:
        return {"authorization": "Bearer %s" % api_key.strip()}
    return {"authorization": _basic(parts)} if parts.username else {}


def _proxy_authorization(proxy: SplitResult) -> Dict[str, str]:
    return {"proxy-authorization": _basic(proxy)} if proxy.username else {}


def _basic(parts: SplitResult) -> str:
    said = "%s:%s" % (unquote(parts.username or ""), unquote(parts.password or ""))
    return "Basic " + base64.b64encode(said.encode()).decode()


def _proxy_for(parts: SplitResult) -> Optional[SplitResult]:
    """http_proxy, https_proxy, all_proxy and no_proxy, in small letters or capitals."""
    from urllib.request import getproxies, proxy_bypass

    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    where = parts.hostname if parts.port is None else "%s:%d" % (parts.hostname, parts.port)
    if not proxy or proxy_bypass(where or "") or proxy_bypass(parts.hostname or "") or _in_no_proxy(parts.hostname or ""):
        return None
    read = urlsplit(proxy if "://" in proxy else "http://" + proxy)
    return read if read.hostname and read.scheme in ("http", "https") else None


def _in_no_proxy(host: str) -> bool:
    """Networks (10.0.0.0/8), which the standard library does not know."""
    import ipaddress

    said = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    for word in said.split(","):
        try:
            if "/" in word and address in ipaddress.ip_network(word.strip(), strict=False):
                return True
        except ValueError:
            continue
    return False


def _context() -> ssl.SSLContext:
    """The authorities of the system, and those of a company that the usual variables name."""
    context = ssl.create_default_context()
    for name in CA_VARIABLES:
        path = os.environ.get(name)
        if path and os.path.exists(path):
            try:
                context.load_verify_locations(**({"capath": path} if os.path.isdir(path) else {"cafile": path}))
            except (ssl.SSLError, OSError):
                continue  # not certificates; the others may do
    return context


def retry_after(answer: Answer) -> float:
    try:
        return min(60.0, max(0.0, float(answer.headers.get("retry-after", "0"))))
    except ValueError:
        return 1.0
