"""Runstream: live, event-sourced experiment tracking. `run = runstream.init(project="vision"); run.log({"loss": 0.3}); run.finish()`"""
from __future__ import annotations

from typing import TYPE_CHECKING, Any, Iterable, List, Mapping, Optional

from ._version import __version__

if TYPE_CHECKING:
    from .api import Api
    from .rich import Audio, ConfusionMatrix, Curve, Figure, Histogram, Html, Image, Points3D, Table, Text, Video
    from .run import Run

_RICH = ("Audio", "ConfusionMatrix", "Curve", "Figure", "Histogram", "Html", "Image", "Points3D", "Table", "Text", "Video")
__all__ = ["init", "log", "finish", "log_artifact", "note", "autolog", "mirror", "Api", "Run", "__version__", "Audio", "ConfusionMatrix", "Curve", "Figure", "Histogram", "Html", "Image",
           "Points3D", "Table", "Text", "Video"]

run: "Optional[Run]" = None
"""The run of the last init()."""


def init(project: Optional[str] = None, **settings: Any) -> "Run":
    """Starts a run, or joins it, and makes it `runstream.run`.

    project: its name; RUNSTREAM_PROJECT when not given, else "default".
    settings: everything that `runstream.start.init` takes, by name.
    Returns the run. Throws ValueError for settings that can't be right, nothing else.
    """
    global run
    from .start import init as start

    run = start(project, **settings)
    return run


def _current() -> "Run":
    if run is None:
        raise RuntimeError("runstream.init() was not called")
    return run


def log(metrics: Mapping[str, Any], step: Optional[int] = None) -> None:
    """Logs metrics to the run of the last init(): see `Run.log` for `metrics` and `step`. Throws RuntimeError where there was no init()."""
    _current().log(metrics, step)


def log_artifact(path: Any, **more: Any) -> None:
    """Logs the file or folder at `path` to the run of the last init(): see `Run.log_artifact`, also for `more`."""
    _current().log_artifact(path, **more)


def note(text: str) -> None:
    """Sets the note of the run of the last init() to `text`: see `Run.note`."""
    _current().note(text)


def autolog(frameworks: "Optional[Iterable[str]]" = None, disable: bool = False, **settings: Any) -> "List[str]":
    """Makes the `frameworks` that a program uses log by themselves, or no more (`disable`): see `runstream.frameworks.autolog`, also for `settings`."""
    from .frameworks import autolog as begin

    return begin(frameworks, disable, **settings)


def mirror(trackers: "Optional[Iterable[str]]" = None, disable: bool = False, **settings: Any) -> "List[str]":
    """Logs to Runstream as well what the program logs to other `trackers`, or no more (`disable`): see `runstream.mirrors.mirror`, also for `settings`."""
    from .mirrors import mirror as begin

    return begin(trackers, disable, **settings)


def finish(**more: Any) -> bool:
    """Ends the run of the last init(): see `Run.finish`, also for `more`."""
    return _current().finish(**more)


def __getattr__(name: str) -> Any:
    if name == "Api":
        from .api import Api

        return Api
    if name == "Run":
        from .run import Run

        return Run
    if name in _RICH:
        from . import rich

        return getattr(rich, name)
    raise AttributeError("module 'runstream' has no attribute %r" % name)
