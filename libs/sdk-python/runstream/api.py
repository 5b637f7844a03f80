"""Reading back, over GraphQL: `runstream.Api(url).runs("vision", filter="metrics.loss < 0.3")`."""
from __future__ import annotations

import base64
import json
import os
from typing import Any, Dict, Iterator, List, Optional

from .columns import COLUMNS_TYPE, read_columns
from .delivery import Connection

FIELDS = """id name project group jobType user notes status statusReason startedAt endedAt durationMs worldSize
tags { key value } labels params { key value } summary { key last lastStep min max count } summarySet { key value }"""
PAGE = 100
POINTS_PAGE = 50_000
KEYS_PAGE = 50_000
ARTIFACTS_PAGE = 20_000
COLUMNS_ACCEPT = COLUMNS_TYPE + ", application/json"


class ApiError(Exception):
    """The server refused the question, or could not be asked."""


class Api:
    """Reads runs back. Asks the server now; throws `ApiError` when it refuses or can't be asked.

    url: of the server; RUNSTREAM_URL when not given, else http://127.0.0.1:7171.
    api_key: RUNSTREAM_API_KEY when not given.
    """

    def __init__(self, url: Optional[str] = None, api_key: Optional[str] = None) -> None:
        self._connection = Connection(url or os.environ.get("RUNSTREAM_URL") or "http://127.0.0.1:7171", api_key or os.environ.get("RUNSTREAM_API_KEY"))

    def query(self, text: str, **variables: Any) -> Dict[str, Any]:
        """Asks the GraphQL query `text` with `variables`, and gives its data. Throws `ApiError` with what the server says."""
        return self._ask(text, variables, "application/json")

    def _ask(self, text: str, variables: Dict[str, Any], accept: str) -> Dict[str, Any]:
        body = json.dumps({"query": text, "variables": variables}).encode()
        try:
            answer = self._connection.request("POST", "/graphql", body, {"content-type": "application/json", "accept": accept})
            said = read_columns(answer.body) if answer.headers.get("content-type", "").startswith(COLUMNS_TYPE) else answer.json()
        except (OSError, ValueError) as error:
            raise ApiError("no answer from the server: %s" % error) from error
        if said.get("errors"):
            raise ApiError("; ".join(error.get("message", "") for error in said["errors"]))
        return said["data"]

    def runs(self, project: Optional[str] = None, filter: Optional[str] = None, order_by: Optional[str] = None) -> Iterator["ReadRun"]:
        """All matching runs, fetched page by page as they are used.

        project: its name; all projects when not given.
        filter: the filter language of the page, e.g. "metrics.loss < 0.3 and params.lr = '0.1'".
        order_by: e.g. "metrics.loss asc"; the newest first when not given.
        """
        after = None
        while True:
            page = self.query(
                "query($p: String, $f: String, $o: String, $n: Int, $a: String) { runs(project: $p, filter: $f, orderBy: $o, first: $n, after: $a) "
                "{ nodes { %s } pageInfo { hasNextPage endCursor } } }" % FIELDS, p=project, f=filter, o=order_by, n=PAGE, a=after)["runs"]
            for node in page["nodes"]:
                yield ReadRun(self, node)
            if not page["pageInfo"]["hasNextPage"]:
                return
            after = page["pageInfo"]["endCursor"]

    def run(self, id: str) -> "ReadRun":
        """The run of that `id`. Throws `ApiError` when there is none."""
        node = self.query("query($id: ID!) { run(id: $id) { %s } }" % FIELDS, id=id)["run"]
        if node is None:
            raise ApiError("there is no run %r" % id)
        return ReadRun(self, node)


class ReadRun:
    """A run as it was when it was asked for; `raw` is all of it."""

    def __init__(self, api: Api, raw: Dict[str, Any]) -> None:
        self._api = api
        self.raw = raw
        self.id: str = raw["id"]
        self.name: str = raw["name"]
        self.project: str = raw["project"]
        self.status: str = raw["status"]
        self.params = {item["key"]: item["value"] for item in raw["params"]}
        self.tags = {item["key"]: item["value"] for item in raw["tags"]}
        self.labels: List[str] = raw["labels"]
        self.summary = {item["key"]: _float(item["last"]) for item in raw["summary"]}
        self.summary.update({item["key"]: item["value"] for item in raw["summarySet"]})

    def __repr__(self) -> str:
        return "<run %s %r %s>" % (self.id, self.name, self.status)

    def keys(self) -> List[str]:
        """The names of all its metrics, fetched page by page."""
        found: List[str] = []
        while True:
            page = self._api.query("query($id: ID!, $n: Int, $a: String) { run(id: $id) { metricKeys(first: $n, after: $a) } }",
                                   id=self.id, n=KEYS_PAGE, a=found[-1] if found else None)["run"]["metricKeys"]
            found += page
            if len(page) < KEYS_PAGE:
                return found

    def history(self, keys: Optional[List[str]] = None, rank: Optional[int] = 0, as_dataframe: bool = False) -> Any:
        """Every point, as rows {"step", "rank", "time", key: value, ...} in order of step and rank. Times are Unix ms.

        keys: the metrics; all of them when not given.
        rank: of which process; None: of all.
        as_dataframe: a pandas DataFrame instead (pandas must be installed).
        """
        rows: Dict[Any, Dict[str, Any]] = {}
        for key in keys if keys is not None else self.keys():
            for step, at, value, time_ms in self._points(key, rank):
                row = rows.setdefault((step, at), {"step": step, "rank": at, "time": time_ms})
                row[key] = value
        ordered = [rows[place] for place in sorted(rows)]
        if not as_dataframe:
            return ordered
        import pandas

        return pandas.DataFrame(ordered)

    def _points(self, key: str, rank: Optional[int]) -> Iterator[Any]:
        after = None
        while True:
            page = self._api._ask(
                "query($id: ID!, $k: String!, $r: Int, $n: Int, $a: String) { run(id: $id) { points(key: $k, rank: $r, first: $n, after: $a) "
                "{ step rank value time endCursor hasNextPage } } }", {"id": self.id, "k": key, "r": rank, "n": POINTS_PAGE, "a": after}, COLUMNS_ACCEPT)["run"]["points"]
            yield from zip(map(int, page["step"]), map(int, page["rank"]), map(float, page["value"]), map(_whole, map(float, page["time"])))
            if not page["hasNextPage"]:
                return
            after = page["endCursor"]

    def media(self, keys: Optional[List[str]] = None, kind: Optional[str] = None, rank: Optional[int] = None) -> Iterator["ReadMedia"]:
        """Images, histograms, tables and whatever else was logged that is no number, in order of key, step, rank and index, page by page.

        keys: of these alone; all of them when not given.
        kind: only "image", "histogram", "table", …
        rank: only of this process.
        """
        after = None
        while True:
            page = self._api.query(
                "query($id: ID!, $k: [String!], $r: [Int!], $n: Int, $a: String) { run(id: $id) { media(keys: $k, ranks: $r, first: $n, after: $a) "
                "{ endCursor hasNextPage values { key step rank index kind mime caption facts text url time } } } }",
                id=self.id, k=keys, r=None if rank is None else [rank], n=PAGE, a=after)["run"]["media"]
            for value in page["values"]:
                if kind is None or value["kind"] == kind:
                    yield ReadMedia(self._api, value)
            if not page["hasNextPage"]:
                return
            after = page["endCursor"]

    def artifacts(self, versions: bool = False, name: Optional[str] = None) -> List[Dict[str, Any]]:
        """The files of the run, each name once in its newest version: dicts with name, type, digest, sizeBytes, mime, step, version, loggedAt, url.

        versions: all versions, the oldest first.
        name: only files of this name.
        """
        found: List[Dict[str, Any]] = []
        while True:
            page = self._api.query(
                "query($id: ID!, $n: Int, $skip: Int, $name: String, $v: Boolean) { run(id: $id) { artifacts(first: $n, skip: $skip, name: $name, versions: $v) "
                "{ name type digest sizeBytes mime step version loggedAt url } } }",
                id=self.id, n=ARTIFACTS_PAGE, skip=len(found), name=name, v=versions)["run"]["artifacts"]
            found += page
            if len(page) < ARTIFACTS_PAGE:
                return found

    def download(self, name: str, path: str, version: Optional[int] = None) -> str:
        """Writes the artifact `name` to the file `path`, and gives the path. Throws `ApiError` when the run has none of that name.

        version: which one, from 1; the newest when not given.
        """
        for item in self.artifacts(versions=version is not None, name=name):
            if version is None or item["version"] == version:
                answer = self._api._connection.request("GET", "/v1/artifacts/" + item["digest"])
                if answer.status != 200:
                    raise ApiError("artifact %s: the server answered %d" % (name, answer.status))
                with open(path, "wb") as file:
                    file.write(answer.body)
                return path
        raise ApiError("run %s has no artifact %r%s" % (self.id, name, "" if version is None else " of version %d" % version))


class ReadMedia:
    """A value that is no number, as it was logged; `raw` is all of it."""

    def __init__(self, api: Api, raw: Dict[str, Any]) -> None:
        self._api = api
        self.raw = raw
        self.key: str = raw["key"]
        self.step: int = raw["step"]
        self.rank: int = raw["rank"]
        self.index: int = raw["index"]
        self.kind: str = raw["kind"]
        self.mime: str = raw["mime"]
        self.caption: str = raw["caption"]
        self.facts: Dict[str, str] = raw["facts"]

    def __repr__(self) -> str:
        return "<%s %r of step %d, rank %d>" % (self.kind, self.key, self.step, self.rank)

    def content(self) -> bytes:
        """Its bytes; texts in UTF-8. Throws `ApiError` when the server does not have them."""
        url = self.raw["url"]
        if url is None:
            return self.raw["text"].encode()
        if url.startswith("data:"):
            return base64.b64decode(url.split(",", 1)[1])
        answer = self._api._connection.request("GET", url)
        if answer.status != 200:
            raise ApiError("%s: the server answered %d" % (self.key, answer.status))
        return answer.body

    def json(self) -> Any:
        """What a histogram, a table, a curve, a confusion matrix holds (docs/protocol.md). Throws ValueError for what is no JSON."""
        return json.loads(self.content())


def _float(value: Any) -> Optional[float]:
    return None if value is None else float(value)


def _whole(value: float) -> Optional[int]:
    return int(value) if value == value else None
