"""Values that are no numbers, for `run.log`: `run.log({"samples": runstream.Image(x), "weights": runstream.Histogram(w)}, step=3)`."""
from __future__ import annotations

import io
import json
import os
import struct
import sys
from collections.abc import Mapping
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple, Union

from . import curves, histograms, images
from .values import plain, text

ROWS_MAX = 200_000
POINTS_MAX = 300_000


class Encoded(NamedTuple):
    kind: str
    mime: str
    content: Union[str, bytes]
    """JSON and other texts, or the bytes of a file."""
    caption: str
    facts: Dict[str, str]


class Rich:
    """A value that run.log() takes beside numbers. What it was made of is taken down when it is made; what can't be taken throws ValueError there."""

    def __init__(self, kind: str, mime: str, content: Union[str, bytes], caption: Any = None, facts: Optional[Mapping[str, Any]] = None) -> None:
        said = {text(key, 500): text(value, 8_000) for key, value in (facts or {}).items()}
        self.encoded = Encoded(kind, mime, content, text(caption, 8_000), said)

    def __repr__(self) -> str:
        return "<runstream %s of %d bytes>" % (self.encoded.kind, len(self.encoded.content))


def _file(data: Any) -> Optional[bytes]:
    """The bytes of a path, or of what holds bytes; None for anything else."""
    if isinstance(data, (bytes, bytearray, memoryview)):
        return bytes(data)
    if isinstance(data, (str, os.PathLike)):
        with open(os.fspath(data), "rb") as file:
            return file.read()
    if callable(getattr(data, "getvalue", None)):
        said = data.getvalue()
        return said if isinstance(said, bytes) else said.encode()
    return None


def _json(value: Any) -> str:
    return json.dumps(plain(value), ensure_ascii=False, separators=(",", ":"))


class Image(Rich):
    """An image.

    data: an array (height x width, 1 to 4 channels behind or before; whole numbers 0 to 255, fractions 0 to 1), a PIL image, a matplotlib figure,
        the path of a file, or its bytes (PNG, JPEG, GIF, WebP, SVG).
    caption: words below it.
    """

    def __init__(self, data: Any, caption: Any = None) -> None:
        content, facts = _file(data), {}
        mime = images.media_type(content) if content is not None else "image/png"
        if content is None:
            content = _drawn(data)
        if content is None:
            pixels = images.pixels_of(data)
            content, facts = images.png(pixels), dict(pixels.facts)
        if not mime.startswith("image/"):
            raise ValueError("these bytes are no image that is known (PNG, JPEG, GIF, BMP, WebP, SVG)")
        super().__init__("image", mime, content, caption, {**images.size_of(content, mime), **facts})


def _drawn(data: Any) -> Optional[bytes]:
    """A PNG of a PIL image or a matplotlib figure; None for anything else."""
    out = io.BytesIO()
    if callable(getattr(data, "savefig", None)):
        data.savefig(out, format="png")
    elif callable(getattr(data, "save", None)) and hasattr(data, "mode"):
        (data if data.mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16") else data.convert("RGB")).save(out, format="PNG")
    else:
        return None
    return out.getvalue()


class Histogram(Rich):
    """How values are spread: counted here, so that only the counts are sent.

    values: an array or a list; NaN and infinities are counted apart.
    bins: how many, 1 to 512.
    counts, edges: instead of `values`, a histogram that is there already: n numbers and n + 1 edges that grow.
    """

    def __init__(self, values: Any = None, bins: int = 64, counts: Optional[Sequence[float]] = None, edges: Optional[Sequence[float]] = None) -> None:
        found, facts = histograms.given(counts, edges) if values is None else histograms.counted(values, bins)
        super().__init__("histogram", "application/json", json.dumps(found, separators=(",", ":")), None, facts)


class Table(Rich):
    """Rows and columns.

    data: a DataFrame of pandas or polars, a list of rows, a list of dicts, or a dict of columns. At most 200,000 rows.
    columns: their names, where `data` is a list of rows.
    """

    def __init__(self, data: Any = None, columns: Optional[Sequence[Any]] = None) -> None:
        names, rows = _rows(data, columns)
        if len(rows) > ROWS_MAX:
            raise ValueError("%d rows; a table has at most %d" % (len(rows), ROWS_MAX))
        wrong = next((row for row in rows if len(row) != len(names)), None)
        if wrong is not None:
            raise ValueError("a row of %d cells for %d columns" % (len(wrong), len(names)))
        content = json.dumps({"columns": names, "rows": [[plain(cell) for cell in row] for row in rows]}, ensure_ascii=False, separators=(",", ":"))
        super().__init__("table", "application/json", content, None, {"rows": len(rows), "columns": len(names)})


def _rows(data: Any, columns: Optional[Sequence[Any]]) -> Tuple[List[str], List[Sequence[Any]]]:
    if hasattr(data, "columns") and callable(getattr(data, "itertuples", None)):
        return [text(name, 500) for name in data.columns], [tuple(row) for row in data.itertuples(index=False, name=None)]
    if hasattr(data, "columns") and callable(getattr(data, "rows", None)):
        return [text(name, 500) for name in data.columns], list(data.rows())
    if isinstance(data, Mapping):
        kept = {text(name, 500): list(column) for name, column in data.items()}
        if len({len(column) for column in kept.values()}) > 1:
            raise ValueError("columns of different lengths")
        return list(kept), list(zip(*kept.values()))
    rows = [row if isinstance(row, Mapping) else list(row) for row in ([] if data is None else data)]
    if rows and all(isinstance(row, Mapping) for row in rows):
        names = list(dict.fromkeys(name for row in rows for name in row)) if columns is None else list(columns)
        return [text(name, 500) for name in names], [[row.get(name) for name in names] for row in rows]
    width = len(rows[0]) if rows else 0
    return [text(name, 500) for name in (columns if columns is not None else range(width))], rows


class Text(Rich):
    """Words: what a model has said, a note of a step. run.log() takes a plain string for one."""

    def __init__(self, words: Any, caption: Any = None) -> None:
        super().__init__("text", "text/plain", text(words, 20_000_000), caption)


class Html(Rich):
    """A page: text of HTML, or the path of a file. It is shown without its scripts, in a frame of its own."""

    def __init__(self, page: Any, caption: Any = None) -> None:
        is_path = isinstance(page, os.PathLike) or isinstance(page, str) and len(page) < 1_000 and "<" not in page and os.path.isfile(page)
        content = _file(page) if is_path or not isinstance(page, str) else page.encode("utf-8", "replace")
        if content is None:
            raise ValueError("HTML is a text or the path of a file, not %s" % type(page).__name__)
        super().__init__("html", "text/html", content.decode("utf-8", "replace"), caption)


class Audio(Rich):
    """Sound.

    data: the path or the bytes of a file (WAV, MP3, FLAC, Ogg), or samples: a list or an array, one column a channel, fractions from -1 to 1.
    rate: samples per second of such an array.
    """

    def __init__(self, data: Any, rate: Optional[int] = None, caption: Any = None) -> None:
        content, facts = _file(data), {}
        if content is None:
            if not rate:
                raise ValueError("samples need their rate: Audio(samples, rate=16_000)")
            content, facts = _wav(data, int(rate))
        mime = images.media_type(content)
        super().__init__("audio", mime if mime.startswith(("audio/", "video/")) else "application/octet-stream", content, caption, facts)


def _wav(samples: Any, rate: int) -> Tuple[bytes, Dict[str, Any]]:
    for name in ("detach", "cpu", "tolist"):
        if callable(getattr(samples, name, None)):
            samples = getattr(samples, name)()
    frames = [frame if isinstance(frame, (list, tuple)) else (frame,) for frame in samples]
    channels = len(frames[0]) if frames else 1
    flat = [max(-1.0, min(1.0, float(value))) for frame in frames for value in frame]
    data = struct.pack("<%dh" % len(flat), *[round(value * 32_767) for value in flat])
    head = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + len(data), b"WAVE", b"fmt ", 16, 1, channels, rate, rate * channels * 2, channels * 2, 16, b"data", len(data))
    return head + data, {"duration_s": round(len(frames) / rate, 3), "rate": rate, "channels": channels}


class Video(Rich):
    """A film: the path or the bytes of a file (MP4, WebM, GIF)."""

    def __init__(self, data: Any, caption: Any = None) -> None:
        content = _file(data)
        if content is None:
            raise ValueError("a video is the path or the bytes of a file, not %s" % type(data).__name__)
        mime = images.media_type(content)
        super().__init__("video", mime if mime.startswith("video/") or mime == "image/gif" else "application/octet-stream", content, caption, images.size_of(content, mime))


class Figure(Rich):
    """A figure of matplotlib (kept as an image) or of plotly (kept as its JSON)."""

    def __init__(self, figure: Any, caption: Any = None) -> None:
        if callable(getattr(figure, "to_json", None)):
            return super().__init__("figure", "application/vnd.plotly.v1+json", figure.to_json(), caption)
        figure = figure.gcf() if callable(getattr(figure, "gcf", None)) else getattr(figure, "figure", figure)
        content = _drawn(figure)
        if content is None:
            raise ValueError("%s is no figure of matplotlib or plotly" % type(figure).__name__)
        super().__init__("figure", "image/png", content, caption, images.size_of(content, "image/png"))


class Points3D(Rich):
    """Points in space: rows of x, y, z, or of x, y, z and a colour of red, green, blue from 0 to 255. At most 300,000."""

    def __init__(self, points: Any, caption: Any = None) -> None:
        listed = plain_rows(points)
        if any(len(row) not in (3, 6) for row in listed):
            raise ValueError("a point has 3 numbers, or 6 with its colour")
        if len(listed) > POINTS_MAX:
            raise ValueError("%d points; at most %d are kept" % (len(listed), POINTS_MAX))
        super().__init__("points3d", "application/json", _json({"points": listed}), caption, {"points": len(listed)})


def plain_rows(rows: Any) -> List[List[float]]:
    """Rows of numbers of whatever holds them."""
    for name in ("detach", "cpu", "tolist"):
        if callable(getattr(rows, name, None)):
            rows = getattr(rows, name)()
    return [[float(value) for value in row] for row in rows]


class ConfusionMatrix(Rich):
    """What was taken for what.

    truth, predicted: the classes of each example, as numbers or names; or
    matrix: the counts, a row for each true class.
    labels: names of the classes, in order.
    """

    def __init__(self, truth: Any = None, predicted: Any = None, labels: Optional[Sequence[Any]] = None, matrix: Any = None, caption: Any = None) -> None:
        names, counts = curves.confusion(truth, predicted, labels, matrix)
        super().__init__("confusion_matrix", "application/json", _json({"labels": names, "matrix": counts}), caption, {"classes": len(names)})


class Curve(Rich):
    """A line over something else than steps: x and y of one length. `Curve.roc` and `Curve.pr` make it of what a classifier said."""

    def __init__(self, x: Sequence[float], y: Sequence[float], x_label: str = "x", y_label: str = "y", caption: Any = None, facts: Optional[Mapping[str, Any]] = None) -> None:
        points = [curves.numbers(x), curves.numbers(y)]
        if len(points[0]) != len(points[1]):
            raise ValueError("%d x for %d y" % (len(points[0]), len(points[1])))
        super().__init__("curve", "application/json", _json({"x": points[0], "y": points[1], "xLabel": text(x_label, 200), "yLabel": text(y_label, 200)}), caption, facts)

    @classmethod
    def roc(cls, truth: Any, scores: Any, caption: Any = None) -> "Curve":
        """Receiver operating characteristic of `truth` (0 or 1) and `scores`; the area below it is a fact of it."""
        x, y, area = curves.roc(truth, scores)
        return cls(x, y, "false positive rate", "true positive rate", caption, {"auc": "%.6g" % area})

    @classmethod
    def pr(cls, truth: Any, scores: Any, caption: Any = None) -> "Curve":
        """Precision over recall of `truth` (0 or 1) and `scores`; the average precision is a fact of it."""
        x, y, average = curves.precision_recall(truth, scores)
        return cls(x, y, "recall", "precision", caption, {"average_precision": "%.6g" % average})


def rich_of(value: Any) -> Optional[List[Rich]]:
    """What run.log() keeps of a value that is no number: itself, a list of such, a text, or what PIL, matplotlib, plotly, pandas and polars make. None: nothing."""
    if isinstance(value, Rich):
        return [value]
    if isinstance(value, str):
        return [Text(value)]
    if isinstance(value, (list, tuple)) and value:
        each = [rich_of(one) for one in value[:10_000] if not isinstance(one, (list, tuple, str))]
        return [one[0] for one in each if one] if len(each) == len(value) and all(each) else None
    module = type(value).__module__.split(".")[0]
    if module not in ("PIL", "matplotlib", "plotly", "pandas", "polars") or module not in sys.modules:
        return None
    if module == "PIL":
        return [Image(value)]
    if module in ("pandas", "polars"):
        return [Table(value)] if hasattr(value, "columns") else None
    return [Figure(value)]
