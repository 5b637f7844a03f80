"""Which run a callback logs to, and numbers out of what frameworks hand over."""
from __future__ import annotations

from typing import Any, Dict, Mapping, Optional, Tuple

import runstream

from ..values import metric


def run_of(run: Optional[Any], **settings: Any) -> Tuple[Any, bool]:
    """The run given, else that of the last init() while it is open, else a new one; and whether it was made here, so that it is ended here."""
    if run is not None:
        return run, False
    current = runstream.run
    if current is not None and not current._finished:
        return current, False
    return runstream.init(**settings), True


def numbers(values: Mapping[Any, Any], prefix: str = "") -> Dict[str, float]:
    """What of `values` is a number, by key."""
    found = {}
    for key, value in values.items():
        number = metric(value)
        if number is not None:
            found[prefix + str(key)] = number
    return found


def simple(values: Mapping[Any, Any], prefix: str = "") -> Dict[str, Any]:
    """What of `values` says something as a param: numbers, texts, lists of them; other objects by the name of their class."""
    found: Dict[str, Any] = {}
    for key, value in values.items():
        if value is None or isinstance(value, (bool, int, float, str)):
            found[prefix + str(key)] = value
        elif isinstance(value, (list, tuple)) and len(value) <= 100 and all(one is None or isinstance(one, (bool, int, float, str)) for one in value):
            found[prefix + str(key)] = list(value)
        elif callable(value) and hasattr(value, "__name__"):
            found[prefix + str(key)] = value.__name__
        else:
            number = metric(value)
            found[prefix + str(key)] = number if number is not None else type(value).__name__
    return found
