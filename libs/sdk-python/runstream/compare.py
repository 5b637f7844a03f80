"""`runstream compare A B …`: what runs differ in, as a table."""
from __future__ import annotations

from typing import Any, Dict, List, Sequence, Tuple

from .api import Api, ApiError

QUESTION = """query($ids: [ID!]!) { runsById(ids: $ids) { id name project status durationMs worldSize params { key value } summary { key last }
summarySet { key value } tags { key value } environment { gitCommit command host runtime packages { key value } } } }"""
CELL_CHARS_MAX = 40


def differences(api: Api, ids: Sequence[str]) -> List[Tuple[str, List[str]]]:
    """(what, a text for each run) where not all are alike. Throws `ApiError` where one of the runs is not there."""
    runs = api.query(QUESTION, ids=list(ids))["runsById"]
    for id, run in zip(ids, runs):
        if run is None:
            raise ApiError("there is no run %s" % id)
    facts = [_facts(run) for run in runs]
    keys = list(dict.fromkeys(key for each in facts for key in each))
    rows = [(key, [each.get(key, "") for each in facts]) for key in keys]
    return [(key, values) for key, values in rows if len(set(values)) > 1]


def _facts(run: Dict[str, Any]) -> Dict[str, str]:
    found = {key: _words(run[key]) for key in ("name", "project", "status", "worldSize")}
    found["duration"] = "%.1f s" % (run["durationMs"] / 1000)
    for group, items, value in (("params", run["params"], "value"), ("metrics", run["summary"], "last"), ("metrics", run["summarySet"], "value"),
                                ("tags", run["tags"], "value")):
        for item in sorted(items, key=lambda each: each["key"]):
            found["%s.%s" % (group, item["key"])] = _words(item[value])
    environment = run["environment"] or {}
    for key in ("gitCommit", "command", "host", "runtime"):
        if environment.get(key):
            found["environment.%s" % key] = _words(environment[key])
    for item in environment.get("packages", []):
        found["packages.%s" % item["key"]] = _words(item["value"])
    return found


def _words(value: Any) -> str:
    if isinstance(value, float):
        return "%.6g" % value
    return "" if value is None else str(value)


def table(ids: Sequence[str], rows: Sequence[Tuple[str, Sequence[str]]]) -> str:
    cells = [["", *ids], *([key, *values] for key, values in rows)]
    cut = [[" ".join(cell.split()) for cell in row] for row in cells]
    cut = [[cell if len(cell) <= CELL_CHARS_MAX else cell[: CELL_CHARS_MAX - 1] + "…" for cell in row] for row in cut]
    widths = [max(len(row[column]) for row in cut) for column in range(len(cut[0]))]
    return "".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() + "\n" for row in cut)
