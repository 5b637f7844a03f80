"""Counting values into bins where they are: a tensor of a GPU sends its counts, not itself."""
from __future__ import annotations

import math
import sys
from typing import Any, Dict, List, Optional, Sequence, Tuple

BINS_MAX = 512
Found = Tuple[Dict[str, List[float]], Dict[str, Any]]


def given(counts: Optional[Sequence[float]], edges: Optional[Sequence[float]]) -> Found:
    """A histogram that somebody else has counted. Throws ValueError where it is none."""
    if counts is None or edges is None:
        raise ValueError("a histogram is made of values, or of counts and edges")
    heights, bounds = [float(count) for count in counts], [float(edge) for edge in edges]
    if len(bounds) != len(heights) + 1 or not 0 < len(heights) <= BINS_MAX:
        raise ValueError("%d counts and %d edges; there is one edge more than counts, of which at most %d" % (len(heights), len(bounds), BINS_MAX))
    if not all(map(math.isfinite, heights + bounds)) or any(b < a for a, b in zip(bounds, bounds[1:])):
        raise ValueError("counts and edges are finite, and edges grow")
    return {"edges": bounds, "counts": heights}, {"count": sum(heights)}


def counted(values: Any, bins: int) -> Found:
    """Counts of the finite values between their least and their greatest."""
    if not 0 < int(bins) <= BINS_MAX:
        raise ValueError("bins: 1 to %d, not %s" % (BINS_MAX, bins))
    if type(values).__module__.split(".")[0] == "torch":
        return _of_torch(sys.modules["torch"], values.detach(), int(bins))
    numpy = sys.modules.get("numpy")
    return _of_numpy(numpy, values, int(bins)) if numpy is not None else _of_list(values, int(bins))


def _bounds(low: float, high: float, bins: int) -> Tuple[float, float]:
    if low == high:
        low, high = low - 0.5 * (abs(low) or 1.0), high + 0.5 * (abs(high) or 1.0)
    return low, high


def _said(counts: List[float], low: float, high: float, bins: int, facts: Dict[str, Any]) -> Found:
    width = (high - low) / bins
    return {"edges": [low + width * at for at in range(bins)] + [high], "counts": counts}, facts


def _facts(count: int, nan: int, infinite: int, low: float, high: float, mean: float, deviation: float) -> Dict[str, Any]:
    odd = {"nan": nan, "infinite": infinite}
    return {"count": count, **{name: number for name, number in odd.items() if number},
            **({"min": "%.9g" % low, "max": "%.9g" % high, "mean": "%.9g" % mean, "std": "%.9g" % deviation} if count else {})}


def _of_torch(torch: Any, values: Any, bins: int) -> Found:
    flat = values.reshape(-1)
    flat = flat.float() if not flat.is_floating_point() or flat.dtype in (torch.float16, torch.bfloat16) else flat
    good = flat[torch.isfinite(flat)]
    nan = int(torch.isnan(flat).sum())
    count = good.numel()
    if not count:
        return _said([0.0] * bins, 0.0, 1.0, bins, _facts(0, nan, flat.numel() - nan, 0, 0, 0, 0))
    least, greatest = float(good.min()), float(good.max())
    low, high = _bounds(least, greatest, bins)
    counts = torch.histc(good, bins, low, high).cpu().tolist()
    return _said(counts, low, high, bins, _facts(count, nan, flat.numel() - count - nan, least, greatest, float(good.mean()), float(good.std(unbiased=False))))


def _of_numpy(numpy: Any, values: Any, bins: int) -> Found:
    try:
        flat = numpy.asarray(values, dtype=numpy.float64).reshape(-1)
    except ValueError:  # lists of different lengths
        return _of_list(values, bins)
    good = flat[numpy.isfinite(flat)]
    nan = int(numpy.isnan(flat).sum())
    if not good.size:
        return _said([0.0] * bins, 0.0, 1.0, bins, _facts(0, nan, flat.size - nan, 0, 0, 0, 0))
    least, greatest = float(good.min()), float(good.max())
    low, high = _bounds(least, greatest, bins)
    counts = numpy.histogram(good, bins, (low, high))[0].astype(float).tolist()
    return _said(counts, low, high, bins, _facts(int(good.size), nan, int(flat.size - good.size - nan), least, greatest, float(good.mean()), float(good.std())))


def _of_list(values: Any, bins: int) -> Found:
    flat = _flat(values.tolist() if callable(getattr(values, "tolist", None)) else values)
    good = [value for value in flat if math.isfinite(value)]
    nan = sum(1 for value in flat if value != value)
    if not good:
        return _said([0.0] * bins, 0.0, 1.0, bins, _facts(0, nan, len(flat) - nan, 0, 0, 0, 0))
    low, high = _bounds(min(good), max(good), bins)
    counts = [0.0] * bins
    for value in good:
        counts[min(bins - 1, int((value - low) / (high - low) * bins))] += 1
    mean = math.fsum(good) / len(good)
    deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in good) / len(good))
    return _said(counts, low, high, bins, _facts(len(good), nan, len(flat) - len(good) - nan, min(good), max(good), mean, deviation))


def _flat(values: Any) -> List[float]:
    out: List[float] = []
    for value in values:
        if isinstance(value, (list, tuple)):
            out.extend(_flat(value))
        else:
            out.append(float(value))
    return out
