"""run.config, run.summary and run.tags: what is changed in them is logged. Copies and pickles of them are plain data."""
from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Dict, Iterable, List, Tuple

from .values import flatten, text

if TYPE_CHECKING:
    from .run import Run

PARAMS_PER_EVENT_MAX = 5_000
EVENT_BYTES_MAX = 400_000
TAGS_PER_EVENT_MAX = 1_000


def portions(items: Iterable[Any], count_max: int, size_of: Any) -> List[List[Any]]:
    """Parts of at most so many items and about EVENT_BYTES_MAX bytes."""
    parts: List[List[Any]] = []
    size = EVENT_BYTES_MAX + 1
    for item in items:
        bytes_more = size_of(item)
        if size + bytes_more > EVENT_BYTES_MAX or len(parts[-1]) >= count_max:
            parts.append([])
            size = 0
        parts[-1].append(item)
        size += bytes_more
    return parts


def param_bytes(param: Dict[str, str]) -> int:
    return len(param["key"].encode()) + len(param["json"].encode()) + 32


class Values(dict):
    """A dict whose changes are logged."""

    def __init__(self, run: "Run", event: str, field: str) -> None:
        super().__init__()
        self._log: Tuple[Any, str, str] = (run, event, field)

    def __setitem__(self, key: Any, value: Any) -> None:
        self.update({key: value})

    def update(self, *others: Any, **more: Any) -> None:
        run, event, field = self._log
        try:
            values: Dict[str, Any] = {}
            for other in others:
                values.update(flatten(other if not isinstance(other, (list, tuple)) else dict(other)))
            values.update(flatten(more))
            super().update(values)
            for part in portions(run._params(values), PARAMS_PER_EVENT_MAX, param_bytes):
                run._event(event, {field: part})
        except Exception as error:  # law 7: training is never hurt
            run._skip("%s could not be kept: %r" % (field, error))

    def __ior__(self, other: Any) -> "Values":
        self.update(other)
        return self

    def setdefault(self, key: Any, default: Any = None) -> Any:
        if key not in self:
            self[key] = default
        return self.get(key, default)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self:
            raise AttributeError(name)
        return self[name]

    def __copy__(self) -> Dict[str, Any]:
        return dict(self)

    copy = __copy__

    def __deepcopy__(self, memo: Dict[int, Any]) -> Dict[str, Any]:
        copied: Dict[str, Any] = {}
        memo[id(self)] = copied
        for key, value in self.items():
            try:
                copied[key] = copy.deepcopy(value, memo)
            except Exception:  # a value that can't be copied is shared
                copied[key] = value
        return copied

    def __reduce__(self) -> Any:
        return dict, (dict(self),)


class Tags:
    """Tags with a value (`tags["team"] = "vision"`) and without one, labels (`tags.add("ok")`)."""

    def __init__(self, run: Any) -> None:
        self._run = run
        self.values: Dict[str, str] = {}
        self.labels: Dict[str, None] = {}

    def _say(self, data: Dict[str, Any]) -> None:
        if self._run is not None:
            self._run._event("TagsSet", data)

    def add(self, *labels: Any) -> None:
        said = [label for label in (text(label, 500) for label in labels) if label]
        self.labels.update(dict.fromkeys(said))
        for part in portions(said, TAGS_PER_EVENT_MAX, len):
            self._say({"labels": part})

    def __setitem__(self, key: Any, value: Any) -> None:
        self.update({key: value})

    def update(self, values: Any = (), **more: Any) -> None:
        said: Dict[str, str] = {}
        for key, value in {**flatten(values), **more}.items():
            if self._run is not None and self._run._good_key(key, "tag"):
                said[text(key, 500)] = self._run._cut(value, 8_000, "the value of tag %r" % key)
        self.values.update(said)
        for part in portions(said.items(), TAGS_PER_EVENT_MAX, lambda item: 4 * len(item[0]) + 4 * len(item[1])):
            self._say({"tags": dict(part)})

    def __getitem__(self, key: str) -> str:
        return self.values[key]

    def get(self, key: str, default: Any = None) -> Any:
        return self.values.get(key, default)

    def __delitem__(self, key: str) -> None:
        self.remove(key)

    def __contains__(self, key: object) -> bool:
        return key in self.values or key in self.labels

    def __iter__(self) -> Any:
        return iter([*self.values, *self.labels])

    def __len__(self) -> int:
        return len(self.values) + len(self.labels)

    def remove(self, *keys: Any) -> None:
        said = [text(key, 500) for key in keys]
        labels = [key for key in said if key in self.labels]
        for key in said:
            self.labels.pop(key, None)
            self.values.pop(key, None)
        self._say({"removed": [key for key in said if key not in labels], "labelsRemoved": labels})

    discard = remove

    def __reduce__(self) -> Any:
        return _copied_tags, (dict(self.values), list(self.labels))

    def __deepcopy__(self, memo: Dict[int, Any]) -> "Tags":
        return _copied_tags(dict(self.values), list(self.labels))

    __copy__ = lambda self: _copied_tags(dict(self.values), list(self.labels))


def _copied_tags(values: Dict[str, str], labels: List[str]) -> Tags:
    tags = Tags(None)
    tags.values.update(values)
    tags.labels.update(dict.fromkeys(labels))
    return tags


def split_tags(tags: Any, labels: Any) -> Tuple[Dict[str, Any], List[str]]:
    """Tags with and without values, of whatever was given for them."""
    named = dict(tags) if isinstance(tags, Mapping) else {}
    rest: List[Any] = []
    for given in (labels, None if isinstance(tags, Mapping) else tags):
        if given is None:
            continue
        if isinstance(given, Mapping) or isinstance(given, (str, bytes)) or not hasattr(given, "__iter__"):
            rest.extend(given if isinstance(given, Mapping) else [given])
        else:
            rest.extend(given)
    return named, [label for label in (text(label, 500) for label in rest) if label]
