"""`runstream watch RUN`: the curves of a run in a terminal, as it goes on."""
from __future__ import annotations

import shutil
import sys
import time
from typing import Any, Dict, List, Optional, Sequence, Tuple

from .api import COLUMNS_ACCEPT, Api, ApiError

QUESTION = """query($id: ID!, $keys: [String!]!, $b: Int) { run(id: $id) { id name project status statusReason durationMs metricKeys(first: 5000)
summary { key last lastStep } series(keys: $keys, buckets: $b) { key rank last } } }"""
BARS = "▁▂▃▄▅▆▇█"
KEYS_MAX = 200
GOES_ON = ("RUNNING", "LOST")


def spark(values: Sequence[float], width: int) -> str:
    """One character for each of at most `width` values in a row, low to high; of more values the last of each part."""
    kept = list(values) if len(values) <= width else [values[(index + 1) * len(values) // width - 1] for index in range(width)]
    finite = [value for value in kept if value == value and abs(value) != float("inf")]
    if not finite:
        return ""
    low, high = min(finite), max(finite)
    scale = (len(BARS) - 1) / (high - low) if high > low else 0.0
    return "".join(BARS[round((value - low) * scale)] if low <= value <= high else "?" for value in kept)


def picture(run: Dict[str, Any], width: int, height: int) -> List[str]:
    """Lines of at most `width` characters: whose run it is and how it stands, then a metric each, of its lowest rank."""
    head = "%s · %s · %s · %.0f s" % (run["name"] or run["id"], run["project"], run["status"].lower(), run["durationMs"] / 1000)
    if run["statusReason"]:
        head += " · " + run["statusReason"]
    first: Dict[str, Any] = {}
    newest = {item["key"]: item for item in run["summary"]}
    for series in run["series"]:
        if len(series["last"]) and (series["key"] not in first or series["rank"] < first[series["key"]]["rank"]):
            first[series["key"]] = series
    shown = list(first.values())[: max(1, height - 3)]
    names = max([len(series["key"]) for series in shown] or [0])
    names = min(names, max(8, width // 3))
    lines = [head, ""]
    for series in shown:
        said = newest.get(series["key"], {"last": series["last"][-1], "lastStep": None})
        step = "" if said["lastStep"] is None else "step %d" % said["lastStep"]
        numbers = "%10s  %-13s" % ("-" if said["last"] is None else "%.5g" % float(said["last"]), step)
        room = width - names - len(numbers) - 4
        lines.append("%-*s  %s  %s" % (names, _cut(series["key"], names), numbers, spark(series["last"], room) if room > 4 else ""))
    left = len(first) - len(shown)
    if left > 0:
        lines.append("and %d more; name some with --key" % left)
    if not first:
        lines.append("no metric has been logged yet")
    return [_cut(line, width) for line in lines]


def _cut(words: str, width: int) -> str:
    words = " ".join(words.splitlines()) if "\n" in words else words
    return words if len(words) <= width else words[: width - 1] + "…"


def ask(api: Api, id: str, keys: Optional[Sequence[str]], known: Sequence[str]) -> Tuple[Dict[str, Any], List[str]]:
    """The run with its curves, and the names of its metrics. Throws `ApiError`."""
    wanted = list(keys or known)[:KEYS_MAX]
    run = api._ask(QUESTION, {"id": id, "keys": wanted, "b": 200}, COLUMNS_ACCEPT)["run"]
    if run is None:
        raise ApiError("there is no run %s" % id)
    return run, [key for key in run["metricKeys"] if not key.startswith("system/")]


def watch(api: Api, id: str, keys: Optional[Sequence[str]], every_s: float, once: bool) -> None:
    """Until the run has ended, or for one look. Draws anew where it writes to a terminal. Throws `ApiError` where the first look fails."""
    known: List[str] = []
    drawn, trouble = 0, None
    in_place = sys.stdout.isatty()
    while True:
        try:
            run, names = ask(api, id, keys, known)
            if names != known and not keys:
                known = names
                run, _ = ask(api, id, keys, known)
            trouble = None
        except ApiError as error:
            if drawn == 0:
                raise
            trouble = str(error)
        size = shutil.get_terminal_size((100, 40))
        lines = picture(run, size.columns, size.lines if in_place else 10_000)
        if trouble is not None:
            lines.append(_cut("not answered: %s" % trouble, size.columns))
        if in_place and drawn:
            sys.stdout.write("\x1b[%dF\x1b[J" % drawn)
        sys.stdout.write("".join(line + "\n" for line in lines))
        sys.stdout.flush()
        drawn = len(lines)
        if once or (trouble is None and run["status"] not in GOES_ON):
            return
        time.sleep(every_s)
