"""What people say, in the form the wire has for it. Nothing here throws, whatever the value is."""
from __future__ import annotations

import enum
import json
import math
import os
from collections.abc import Mapping, Sequence, Set
from typing import Any, Callable, Dict, Optional

TEXT_CHARS_MAX = 60_000
DEPTH_MAX = 90  # the server takes 100 levels
ITEMS_MAX = 200_000
INTEGER_BITS_MAX = 4_096  # Python refuses to write longer ones in digits
_ODD = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}


def text(value: Any, chars_max: int = TEXT_CHARS_MAX) -> str:
    """Any value as text that UTF-8 can say; None is empty."""
    if value is None:
        return ""
    try:
        said = value if type(value) is str else value.decode("utf-8", "replace") if isinstance(value, (bytes, bytearray)) else str(value)
        return said[:chars_max].encode("utf-8", "replace").decode("utf-8")
    except Exception as error:  # a __str__ of somebody's own
        return "<%s that can't be printed: %s>" % (type(value).__name__, type(error).__name__)


def whole(value: Any) -> Optional[int]:
    """A whole number from whatever says one: 3, 3.0, "3", numpy's; None when it says none."""
    try:
        if isinstance(value, (str, bytes)):
            return int(value)
        number = float(value) if not isinstance(value, int) else value
        return int(number) if number == int(number) else None
    except Exception:
        return None


def metric(value: Any) -> Optional[float]:
    """A number, as float() sees it, arrays of one element too; None when it is none."""
    if isinstance(value, (str, bytes, bytearray)):
        return None
    try:
        return float(value)
    except Exception:
        item = getattr(value, "item", None)
        try:
            return float(item()) if callable(item) else None
        except Exception:
            return None


def good_key(key: Any) -> bool:
    return isinstance(key, str) and 0 < len(key) <= 500 and not any(c < " " or c == "\x7f" for c in key)


def json_text(value: Any, limit: int = 0) -> str:
    """JSON text of a param. Integers keep their digits and 1.0 its point."""
    return json.dumps(plain(value), allow_nan=False, ensure_ascii=False)


def fields_of(value: Any) -> Optional[Mapping]:
    """What a record of any kind holds by name (a mapping, a dataclass, argparse.Namespace, attrs, pydantic, a named tuple); None for other values."""
    try:
        if isinstance(value, Mapping):
            return {key: value[key] for key in value}
        if isinstance(value, type) or value is None or isinstance(value, (str, bytes, int, float, enum.Enum)):
            return None
        names = getattr(type(value), "__dataclass_fields__", None)
        if names is None:
            attributes = getattr(type(value), "__attrs_attrs__", None)
            names = [attribute.name for attribute in attributes] if attributes is not None else getattr(type(value), "_fields", None)
        if names is None:
            names = getattr(type(value), "model_fields", None) or getattr(type(value), "__pydantic_fields__", None)
        if names is not None and not isinstance(names, property):
            return {name: getattr(value, name) for name in names if isinstance(name, str) and hasattr(value, name)}
        if type(value).__name__ in ("Namespace", "SimpleNamespace", "HParams", "AttrDict", "Config", "EasyDict", "ConfigDict") and hasattr(value, "__dict__"):
            return {key: item for key, item in vars(value).items() if not str(key).startswith("_")}
    except Exception:
        pass  # a property of somebody's own that throws: its text will do
    return None


def plain(value: Any, depth: int = 0, path: tuple = ()) -> Any:
    """The value in what JSON has: a list stays a list, one odd element becomes text by itself."""
    try:
        return _plain(value, depth, path)
    except Exception:
        return text(value)


def _plain(value: Any, depth: int, path: tuple) -> Any:
    if value is None or value is True or value is False:
        return value
    if isinstance(value, enum.Enum) and not isinstance(value, (int, str)):
        return text(value.value) if isinstance(value.value, str) else value.name
    if isinstance(value, str):
        return text(str.__str__(value), 10 * ITEMS_MAX)
    if isinstance(value, int):
        return int(value) if value.bit_length() <= INTEGER_BITS_MAX else hex(value)
    if isinstance(value, float):
        number = float(value)
        return number if math.isfinite(number) else _ODD[repr(number)]
    if isinstance(value, os.PathLike):
        return text(os.fspath(value))
    if isinstance(value, (bytes, bytearray)):
        return text(value)
    if depth >= DEPTH_MAX:
        return text("<%s, too deep>" % type(value).__name__)
    if any(value is above for above in path):
        return "<loop>"
    inside = path + (value,)
    record = fields_of(value)
    if record is not None and not (isinstance(value, tuple) and not record):
        return {text(key, 500): plain(item, depth + 1, inside) for key, item in record.items()}
    if isinstance(value, Set):
        return _in_order([plain(item, depth + 1, inside) for item in value])
    if isinstance(value, range):
        return list(value) if len(value) <= 1_000 else text(value)
    if isinstance(value, (Sequence, memoryview)) or type(value).__name__ == "deque":
        return [plain(item, depth + 1, inside) for _, item in zip(range(ITEMS_MAX), value)]
    return _scientific(value, depth, inside)


def _scientific(value: Any, depth: int, inside: tuple) -> Any:
    """Scalars and arrays of numpy, torch, pandas and the like; dates; anything else as its text."""
    size = getattr(value, "size", None)
    size = _call(getattr(value, "numel", None)) if callable(size) or size is None else size
    if isinstance(size, int) and size > ITEMS_MAX:
        return text("<%s of %d values>" % (type(value).__name__, size))
    shape = getattr(value, "shape", None)
    if shape is not None and len(tuple(shape)) == 0 or (shape is None and callable(getattr(value, "item", None))):
        item = _call(getattr(value, "item", None))
        if item is not None and type(item) is not type(value):
            return plain(item, depth + 1, inside)
    for name in ("tolist", "to_list"):
        listed = _call(getattr(value, name, None))
        if isinstance(listed, list):
            return plain(listed, depth + 1, inside)
    if callable(getattr(value, "isoformat", None)):
        return text(value.isoformat())
    if type(value).__name__ == "Decimal":
        return text(value)
    if callable(value) and getattr(value, "__qualname__", ""):
        module = getattr(value, "__module__", "") or ""
        return text("%s.%s" % (module, value.__qualname__) if module not in ("", "builtins", "__main__") else value.__qualname__)
    return text(value)


def _call(function: Optional[Callable[[], Any]]) -> Any:
    try:
        return function() if callable(function) else None
    except Exception:
        return None


def _in_order(items: list) -> list:
    try:
        return sorted(items)
    except TypeError:
        return sorted(items, key=lambda item: json.dumps(item, sort_keys=True))


def flatten(values: Any, prefix: str = "", above: tuple = ()) -> Dict[str, Any]:
    """Nested records become keys with dots. What is no record at all is kept as `value`; a record that contains itself ends there."""
    record = fields_of(values)
    if record is None:
        return {} if values is None else {prefix[:-1] or "value": values}
    flat: Dict[str, Any] = {}
    inside = above + (values,)
    for key, value in record.items():
        name = prefix + text(key, 1_000)
        if any(value is one for one in inside):
            flat[name] = "<loop>"
        elif len(inside) < DEPTH_MAX and fields_of(value):
            flat.update(flatten(value, name + ".", inside))
        else:
            flat[name] = value
    return flat
