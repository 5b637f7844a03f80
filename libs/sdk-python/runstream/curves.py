"""What is told of a classifier: confusion, ROC, precision over recall. Small and exact, of lists and of arrays."""
from __future__ import annotations

from typing import Any, List, Optional, Sequence, Tuple

from .values import text

POINTS_MAX = 1_000
CLASSES_MAX = 500


def listed(values: Any) -> List[Any]:
    """The items of a list or of an array of any library."""
    for name in ("detach", "cpu", "tolist"):
        if callable(getattr(values, name, None)):
            values = getattr(values, name)()
    return list(values)


def numbers(values: Any) -> List[float]:
    return [float(value) for value in listed(values)]


def confusion(truth: Any, predicted: Any, labels: Optional[Sequence[Any]], matrix: Any) -> Tuple[List[str], List[List[float]]]:
    """Names of the classes, and how many of each true class (row) were taken for each class. Throws ValueError where that can't be told."""
    if matrix is not None:
        rows = [numbers(row) for row in listed(matrix)]
        names = [text(name, 500) for name in (labels if labels is not None else range(len(rows)))]
        if len(rows) != len(names) or any(len(row) != len(names) for row in rows):
            raise ValueError("a matrix of %d rows for %d classes; it has a row and a column for each" % (len(rows), len(names)))
        return names, rows
    if truth is None or predicted is None:
        raise ValueError("a confusion matrix is made of truth and predictions, or of a matrix")
    said, taken = listed(truth), listed(predicted)
    if len(said) != len(taken):
        raise ValueError("%d true classes for %d predictions" % (len(said), len(taken)))
    of_labels = {text(name, 500): at for at, name in enumerate(labels)} if labels is not None else None
    found = sorted(set(said) | set(taken), key=lambda one: (isinstance(one, str), one))
    by_number = of_labels is not None and all(not isinstance(one, str) and 0 <= int(one) < len(of_labels) for one in found)
    names = list(of_labels) if of_labels is not None else [text(one, 500) for one in found]
    if len(names) > CLASSES_MAX:
        raise ValueError("%d classes; a confusion matrix has at most %d" % (len(names), CLASSES_MAX))
    places = {one: int(one) if by_number else names.index(text(one, 500)) for one in found}
    counts = [[0.0] * len(names) for _ in names]
    for one, other in zip(said, taken):
        counts[places[one]][places[other]] += 1
    return names, counts


def _ranked(truth: Any, scores: Any) -> Tuple[List[Tuple[float, float]], int, int]:
    """(true positives, false positives) below each distinct score, from the highest; how many are positive, how many not."""
    pairs = sorted(zip(numbers(scores), [bool(one) for one in listed(truth)]), key=lambda pair: -pair[0])
    if len(listed(truth)) != len(listed(scores)) or not pairs:
        raise ValueError("truth and scores are of one length, and not empty")
    out: List[Tuple[float, float]] = []
    positive = negative = 0
    for at, (score, true) in enumerate(pairs):
        positive, negative = positive + true, negative + (not true)
        if at + 1 == len(pairs) or pairs[at + 1][0] != score:
            out.append((positive, negative))
    if not positive or not negative:
        raise ValueError("truth has only one class")
    return out, positive, negative


def roc(truth: Any, scores: Any) -> Tuple[List[float], List[float], float]:
    """False and true positive rates, and the area below."""
    found, positive, negative = _ranked(truth, scores)
    x, y = [0.0] + [other / negative for _, other in found], [0.0] + [one / positive for one, _ in found]
    area = sum((b - a) * (c + d) / 2 for a, b, c, d in zip(x, x[1:], y, y[1:]))
    return thinned(x), thinned(y), area


def precision_recall(truth: Any, scores: Any) -> Tuple[List[float], List[float], float]:
    """Recall and precision, and the average precision."""
    found, positive, _ = _ranked(truth, scores)
    x, y = [0.0] + [one / positive for one, _ in found], [1.0] + [one / (one + other) for one, other in found]
    average = sum((b - a) * d for a, b, d in zip(x, x[1:], y[1:]))
    return thinned(x), thinned(y), average


def thinned(values: List[float]) -> List[float]:
    """At most POINTS_MAX of them, evenly, with the first and the last."""
    if len(values) <= POINTS_MAX:
        return values
    return [values[round(at * (len(values) - 1) / (POINTS_MAX - 1))] for at in range(POINTS_MAX)]
