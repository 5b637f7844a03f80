"""Pixels of whatever holds an image, and a PNG of them. Imports nothing that the program has not imported."""
from __future__ import annotations

import struct
import sys
import zlib
from typing import Any, Dict, List, NamedTuple, Tuple

SIDE_MAX = 16_384
_COLOR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}  # of PNG: grey, grey and alpha, RGB, RGBA


class Pixels(NamedTuple):
    data: bytes
    """Rows from the top, 8 bits a channel."""
    width: int
    height: int
    channels: int
    facts: Dict[str, str]


def png(pixels: Pixels) -> bytes:
    """The image as a PNG file."""
    row = pixels.width * pixels.channels
    filtered = b"".join([b"\0" + pixels.data[at : at + row] for at in range(0, row * pixels.height, row)])
    head = struct.pack(">IIBBBBB", pixels.width, pixels.height, 8, _COLOR_TYPES[pixels.channels], 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", zlib.compress(filtered, 3)) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def pixels_of(array: Any) -> Pixels:
    """Of an array of numpy, torch, JAX or TensorFlow, or of nested lists: height x width, with 1 to 4 channels behind or before. Whole numbers are 0 to 255; fractions
    are 0 to 1, and are stretched to that where they are not. Throws ValueError for what is no image."""
    for name in ("detach", "cpu"):  # torch
        if callable(getattr(array, name, None)):
            array = getattr(array, name)()
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        if str(getattr(array, "dtype", "")) == "torch.bfloat16":
            array = array.float()
        return _of_numpy(numpy, numpy.asarray(array))
    return _of_lists(array.tolist() if callable(getattr(array, "tolist", None)) else array)


def _layout(shape: Tuple[int, ...]) -> Tuple[Tuple[int, ...], bool]:
    """(height, width, channels), and whether the channels come first."""
    while len(shape) > 3 and shape[0] == 1:
        shape = shape[1:]
    if len(shape) == 2:
        shape = shape + (1,)
    if len(shape) != 3 or not all(shape):
        raise ValueError("an image has height, width and 1 to 4 channels, not the shape %s" % (tuple(shape),))
    first = shape[2] not in _COLOR_TYPES and shape[0] in _COLOR_TYPES or shape[0] in (1, 3) and shape[2] not in (1, 3, 4)
    height, width, channels = (shape[1], shape[2], shape[0]) if first else shape
    if channels not in _COLOR_TYPES:
        raise ValueError("an image has 1 to 4 channels, first or last; the shape %s has none such" % (tuple(shape),))
    if max(height, width) > SIDE_MAX:
        raise ValueError("%d x %d pixels; a side has at most %d" % (width, height, SIDE_MAX))
    return (height, width, channels), first


def _of_numpy(numpy: Any, array: Any) -> Pixels:
    (height, width, channels), first = _layout(tuple(array.shape))
    array = array.reshape((channels, height, width)).transpose(1, 2, 0) if first else array.reshape((height, width, channels))
    facts: Dict[str, str] = {}
    if array.dtype == bool:
        array = array.astype(numpy.uint8) * 255
    elif array.dtype.kind == "f":
        numbers = numpy.nan_to_num(array.astype(numpy.float64), nan=0.0, posinf=1.0, neginf=0.0)
        low, high = float(numbers.min()), float(numbers.max())
        if low < 0 or high > 1:
            facts["normalized"] = "%g..%g" % (low, high)
            numbers = (numbers - low) / ((high - low) or 1.0)
        array = numpy.rint(numbers * 255)
    elif array.dtype.kind not in "ui":
        raise ValueError("%s are no pixels" % array.dtype)
    data = numpy.ascontiguousarray(numpy.clip(array, 0, 255).astype(numpy.uint8)).tobytes()
    return Pixels(data, width, height, channels, facts)


def _of_lists(rows: Any) -> Pixels:
    shape: List[int] = []
    inner = rows
    while isinstance(inner, (list, tuple)) and inner:
        shape.append(len(inner))
        inner = inner[0]
    (height, width, channels), first = _layout(tuple(shape))
    flat: List[Any] = [rows]
    for length in shape:
        if any(not isinstance(item, (list, tuple)) or len(item) != length for item in flat):
            raise ValueError("its rows are not of one length")
        flat = [item for items in flat for item in items]
    if first:
        size = height * width
        flat = [flat[channel * size + at] for at in range(size) for channel in range(channels)]
    facts: Dict[str, str] = {}
    if any(isinstance(value, float) for value in flat):
        good = [value if value == value and abs(value) != float("inf") else 0.0 for value in flat]
        low, high = min(good), max(good)
        if low < 0 or high > 1:
            facts["normalized"] = "%g..%g" % (low, high)
            good = [(value - low) / ((high - low) or 1.0) for value in good]
        flat = [round(value * 255) for value in good]
    elif any(isinstance(value, bool) for value in flat):
        flat = [255 if value else 0 for value in flat]
    return Pixels(bytes([min(255, max(0, int(value))) for value in flat]), width, height, channels, facts)


_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"GIF8", "image/gif"), (b"BM", "image/bmp"), (b"RIFF....WEBP", "image/webp"),
    (b"RIFF....WAVE", "audio/wav"), (b"ID3", "audio/mpeg"), (b"\xff\xfb", "audio/mpeg"), (b"fLaC", "audio/flac"), (b"OggS", "audio/ogg"),
    (b"....ftyp", "video/mp4"), (b"\x1aE\xdf\xa3", "video/webm"),
)


def media_type(content: bytes) -> str:
    """Of a file, by its first bytes; "" when they say nothing."""
    for magic, name in _MAGIC:
        if len(content) >= len(magic) and all(want == 46 or want == have for want, have in zip(magic, content)):
            return name
    start = content[:300].lstrip().lower()
    return "image/svg+xml" if start.startswith(b"<svg") or start.startswith(b"<?xml") and b"<svg" in content[:2_000] else ""


def size_of(content: bytes, mime: str) -> Dict[str, str]:
    """Width and height of a PNG or GIF, from its head."""
    if mime == "image/png" and len(content) >= 24:
        width, height = struct.unpack(">II", content[16:24])
    elif mime == "image/gif" and len(content) >= 10:
        width, height = struct.unpack("<HH", content[6:10])
    else:
        return {}
    return {"width": str(width), "height": str(height)}
