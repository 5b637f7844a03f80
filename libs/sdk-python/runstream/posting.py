"""Requests with events until they are answered. Waits longer each time, splits what is too large, and finds the one event that can't be read."""
from __future__ import annotations

import json
import random
import sys
import time
from typing import Any, Callable, Dict, List, Optional

from .delivery import Answer, Connection, retry_after

BACKOFF_S = (0.2, 30.0)


class Stopped(Exception):
    """Can't go on: the reason is for a person; the spool is kept."""


class Poster:
    """`trouble(level, text)` is told how it goes; `give_up()` says whether it has taken too long."""

    def __init__(self, connection: Connection, url: str, direct: Optional[Any], trouble: Callable[[int, str], None], give_up: Callable[[], bool]) -> None:
        self._connection = connection
        self._url = url
        self._direct = direct
        self._trouble = trouble
        self._give_up = give_up
        self.position = ""
        """Read-your-writes token of the last answer."""

    def send(self, events: List[bytes]) -> List[Dict[str, Any]]:
        if not events:
            return []
        if self._direct is None:
            return self._post(events)
        direct = [self._direct.is_telemetry(event) for event in events]
        rest = [event for event, straight in zip(events, direct) if not straight]
        # the door first: what starts a run is known before its telemetry comes
        answered = iter(self._post(rest) if rest else [])
        stored = iter(self._post([event for event, straight in zip(events, direct) if straight], self._direct) if any(direct) else [])
        return [next(stored if straight else answered) for straight in direct]

    def _post(self, events: List[bytes], direct: Optional[Any] = None) -> List[Dict[str, Any]]:
        failures = 0
        while True:
            pause = 0.0
            try:
                if direct is not None:
                    results: List[Dict[str, Any]] = direct.send_events(events)
                    self._trouble(0, "")
                    return results
                answer = self._connection.send_events(b"".join(events))
                # 400 with results: every event was read, and refused
                said = _results_of(answer)
                if said is not None:
                    results = said["results"]
                    if len(results) != len(events):
                        raise ValueError("%d results for %d events" % (len(results), len(events)))
                    self.position = said.get("position", "")
                    self._trouble(0, "")
                    return results
                text = "%s answered %d %s" % (self._url, answer.status, answer.body[:300].decode("utf-8", "replace"))
                if len(events) > 1 and (answer.status == 413 or (answer.status == 400 and _is_ours(answer))):
                    half = len(events) // 2
                    return self._post(events[:half]) + self._post(events[half:])
                if answer.status in (400, 413) and _is_ours(answer):
                    print("an event of %d bytes is refused: %s" % (len(events[0]), text), file=sys.stderr, flush=True)
                    return [{"id": "", "status": "refused", "code": "UNREADABLE", "message": text}]
                pause = retry_after(answer)
            except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
                text = "%s: %s" % (self._url, error if str(error) else repr(error))
            failures += 1
            if failures > 1:
                self._trouble(1, text)
            if self._give_up():
                raise Stopped(text)
            low, high = BACKOFF_S
            time.sleep(max(pause, random.uniform(0.5, 1.0) * min(high, low * 2 ** min(failures - 1, 10))))


def _results_of(answer: Answer) -> Optional[Dict[str, Any]]:
    if answer.status == 200:
        return dict(answer.json())
    try:
        said = json.loads(answer.body) if answer.status == 400 else None
        return said if isinstance(said, dict) and isinstance(said.get("results"), list) else None
    except ValueError:
        return None


def _is_ours(answer: Answer) -> bool:
    """The server says what it can't read and where; what else answers 400 (a proxy, another server) says nothing about the event."""
    try:
        said = json.loads(answer.body)
        return "code" in said["error"] and "message" in said["error"]
    except (ValueError, KeyError, TypeError):
        return False
