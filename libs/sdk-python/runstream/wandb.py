"""The common calls of Weights & Biases' client on Runstream: `import runstream.wandb as wandb`, and the rest of the program stays as it is.

Whoever wants that client itself points it at the server instead (docs/wandb.md). What is not here raises AttributeError and says so."""
from __future__ import annotations

import os
import sys
from types import SimpleNamespace
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

import runstream

from . import rich
from .start import init as _start
from .values import text

Html = rich.Html
run: "Optional[Run]" = None
"""The run of the last init()."""


class Run:
    """A run under the names of W&B's client; `of` is Runstream's own."""

    def __init__(self, of: Any, entity: str) -> None:
        self.of = of
        self.entity = entity
        self._watches: List[Any] = []

    id = property(lambda self: self.of.id)
    project = property(lambda self: self.of.project)
    config = property(lambda self: self.of.config)
    summary = property(lambda self: self.of.summary)
    step = property(lambda self: self.of.step)
    url = property(lambda self: self.of.url)
    dir = property(lambda self: self.of._folder)
    disabled = property(lambda self: self.of.mode == "disabled")
    group = property(lambda self: self.of._settings["group"])
    job_type = property(lambda self: self.of._settings["job_type"])

    @property
    def name(self) -> str:
        """What people call the run; setting it renames the run."""
        return self.of.name

    @name.setter
    def name(self, words: Any) -> None:
        self.of.rename(words)

    @property
    def tags(self) -> Tuple[str, ...]:
        """Labels; setting them replaces them."""
        return tuple(self.of.tags.labels)

    @tags.setter
    def tags(self, labels: Sequence[str]) -> None:
        wanted = [text(label, 500) for label in labels]
        self.of.tags.remove(*[label for label in self.tags if label not in wanted])
        self.of.tags.add(*[label for label in wanted if label not in self.tags])

    @property
    def notes(self) -> str:
        """The note; it can be set."""
        return getattr(self, "_notes", "")

    @notes.setter
    def notes(self, words: Any) -> None:
        self._notes = text(words, 200_000)
        self.of.note(self._notes)

    def log(self, data: Mapping[str, Any], step: Optional[int] = None, commit: Optional[bool] = None, **_: Any) -> None:
        """Logs `data` at `step`, or at the next one; without `commit` the next call adds to the same step."""
        values = {key: _taken(value) for key, value in data.items()} if isinstance(data, Mapping) else data
        if step is not None:
            self.of.log(values, step=step)
        elif commit is False:
            self.of._log_beside(values)
        else:
            self.of.log(values)

    def define_metric(self, name: Any, **more: Any) -> None:
        """Taken and without effect: every chart can have any x axis, and minimum, maximum and last are kept of every metric (`name`, `more`)."""

    def watch(self, models: Any, criterion: Any = None, log: str = "gradients", log_freq: int = 1_000, **_: Any) -> None:
        """Histograms of `models` (one or a list) each `log_freq` passes: `log` is "gradients", "parameters" or "all". `criterion` is not looked at."""
        for model in models if isinstance(models, (list, tuple)) else [models]:
            self._watches.append(self.of.watch(model, log=log, every=log_freq))

    def unwatch(self, models: Any = None) -> None:
        """Ends every watch, of whatever `models`."""
        for watch in self._watches:
            if watch is not None:
                watch.stop()
        self._watches.clear()

    def alert(self, title: str, text: str = "", level: Any = "INFO", wait_duration: Any = 0) -> None:
        """Keeps an alert as a text under `alerts`: its `level`, `title` and `text`. Nobody is called, so `wait_duration` says nothing."""
        self.of._log_beside({"alerts": "%s: %s\n%s" % (getattr(level, "value", level), title, text)})

    def save(self, glob_str: Any = None, base_path: Any = None, policy: str = "live") -> List[str]:
        """Keeps the files that `glob_str` names, below `base_path` where given; as they are now, whatever the `policy`. Returns their paths."""
        import glob

        found = sorted(glob.glob(os.fspath(glob_str), recursive=True))
        for path in found:
            self.of.log_artifact(path, name=os.path.relpath(path, base_path) if base_path else os.path.basename(path))
        return found

    def log_artifact(self, artifact_or_path: Any, name: Optional[str] = None, type: Optional[str] = None, aliases: Any = None, **_: Any) -> Any:
        """Keeps an `Artifact`, or the file or folder at a path, under `name` as `type`. `aliases` are kept as metadata. Returns the artifact."""
        artifact = artifact_or_path
        if not isinstance(artifact, Artifact):
            path = os.fspath(artifact)
            artifact = Artifact(name or os.path.basename(os.path.abspath(path)), type or "file")
            (artifact.add_dir if os.path.isdir(path) else artifact.add_file)(path)
        more = {**artifact.metadata, **({"aliases": list(aliases)} if aliases else {})}
        for path, inside in artifact.files:
            self.of.log_artifact(path, name="%s/%s" % (artifact.name, inside), type=artifact.type, metadata=more)
        return artifact

    def finish(self, exit_code: Optional[int] = None, quiet: Any = None) -> None:
        """Ends the run: failed where `exit_code` is not 0. `quiet` says nothing."""
        global run
        self.of.finish(exit_code=exit_code or 0)
        if run is self:
            run = None

    def mark_preempting(self) -> None:
        """Says in the run's tags that it is about to be pre-empted."""
        self.of.tags["preempting"] = "true"

    def __enter__(self) -> "Run":
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        global run
        self.of.__exit__(kind, error, trace)
        if run is self:
            run = None


class Artifact:
    """Files under one name, to be kept by `log_artifact`.

    name, type: as people call it and what it is. description, metadata: words and a dict for who looks at it.
    """

    def __init__(self, name: str, type: str, description: Optional[str] = None, metadata: Optional[Mapping[str, Any]] = None, **_: Any) -> None:
        self.name, self.type = name, type
        self.metadata: Dict[str, Any] = {**(metadata or {}), **({"description": description} if description else {})}
        self.files: List[Tuple[str, str]] = []

    def add_file(self, local_path: Any, name: Optional[str] = None, **_: Any) -> None:
        """Adds the file at `local_path`, inside as `name`. Throws ValueError where there is none."""
        path = os.fspath(local_path)
        if not os.path.isfile(path):
            raise ValueError("local_path: there is no file %r" % path)
        self.files.append((os.path.abspath(path), name or os.path.basename(path)))

    def add_dir(self, local_path: Any, name: Optional[str] = None, **_: Any) -> None:
        """Adds all files below `local_path`, inside below `name`. Throws ValueError where there is no such folder."""
        path = os.fspath(local_path)
        if not os.path.isdir(path):
            raise ValueError("local_path: there is no folder %r" % path)
        for folder, _, names in os.walk(path):
            for each in sorted(names):
                whole = os.path.join(folder, each)
                inside = os.path.relpath(whole, path).replace(os.sep, "/")
                self.files.append((os.path.abspath(whole), "%s/%s" % (name, inside) if name else inside))

    def add_reference(self, uri: Any, name: Optional[str] = None, **_: Any) -> None:
        """Keeps the address `uri` as metadata, under `name`."""
        self.metadata["reference.%s" % (name or os.path.basename(str(uri)))] = str(uri)


class Image(rich.Image):
    """An image: `data_or_path` as of `runstream.Image`, with a `caption`. `mode`, `boxes` and `masks` are left out."""

    def __init__(self, data_or_path: Any, mode: Any = None, caption: Any = None, **_: Any) -> None:
        super().__init__(data_or_path, caption=caption)


class Audio(rich.Audio):
    """Sound: `data_or_path` as of `runstream.Audio`, samples at `sample_rate`."""

    def __init__(self, data_or_path: Any, sample_rate: Optional[int] = None, caption: Any = None) -> None:
        super().__init__(data_or_path, rate=sample_rate, caption=caption)


class Video(rich.Video):
    """A film: the path or the bytes of a file; arrays of pictures are not taken."""

    def __init__(self, data_or_path: Any, caption: Any = None, fps: Any = None, format: Any = None) -> None:
        super().__init__(data_or_path, caption=caption)


class Histogram(rich.Histogram):
    """How the values of `sequence` are spread over `num_bins`; or `np_histogram`, what numpy.histogram made."""

    def __init__(self, sequence: Any = None, np_histogram: Any = None, num_bins: int = 64) -> None:
        if np_histogram is not None:
            super().__init__(counts=list(np_histogram[0]), edges=list(np_histogram[1]))
        else:
            super().__init__(sequence, bins=num_bins)


class Object3D(rich.Points3D):
    """Points in space, rows of x, y, z; files of meshes are not taken."""

    def __init__(self, data_or_path: Any, caption: Any = None, **_: Any) -> None:
        super().__init__(data_or_path, caption=caption)


class Table:
    """Rows that may still grow: `columns`, `data` as rows or a `dataframe`. What is in it when it is logged is kept."""

    def __init__(self, columns: Optional[Sequence[Any]] = None, data: Any = None, rows: Any = None, dataframe: Any = None, **_: Any) -> None:
        if dataframe is not None:
            columns, data = list(dataframe.columns), dataframe.values.tolist()
        self.columns = list(columns) if columns is not None else ["Input", "Output", "Expected"]
        self.data: List[List[Any]] = [list(row) for row in (data if data is not None else rows or [])]

    def add_data(self, *cells: Any) -> None:
        """Adds a row. Throws ValueError for another number of `cells` than there are columns."""
        if len(cells) != len(self.columns):
            raise ValueError("a row of %d cells for %d columns" % (len(cells), len(self.columns)))
        self.data.append(list(cells))

    def add_column(self, name: str, data: Sequence[Any]) -> None:
        """Adds a column `name` with a cell of `data` for each row."""
        if self.data and len(data) != len(self.data):
            raise ValueError("a column of %d cells for %d rows" % (len(data), len(self.data)))
        self.data = [row + [cell] for row, cell in zip(self.data or [[] for _ in data], data)]
        self.columns.append(name)

    def get_column(self, name: str, convert_to: Any = None) -> List[Any]:
        """The cells of the column `name`, as a list whatever `convert_to` is."""
        place = self.columns.index(name)
        return [row[place] for row in self.data]


def _taken(value: Any) -> Any:
    if isinstance(value, Table):
        return rich.Table([[_cell(cell) for cell in row] for row in value.data], columns=value.columns)
    if isinstance(value, Mapping):
        return {key: _taken(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_taken(inner) for inner in value]
    return value


def _cell(value: Any) -> Any:
    """Pictures in cells are told by what they are."""
    return repr(value) if isinstance(value, (rich.Rich, Table)) else value


def _confusion_matrix(probs: Any = None, y_true: Any = None, preds: Any = None, class_names: Any = None, title: Any = None, **_: Any) -> Any:
    if preds is None:
        preds = [max(range(len(row)), key=lambda place: row[place]) for row in probs]
    names = class_names
    say = (lambda values: [names[value] if isinstance(value, int) or hasattr(value, "__index__") else value for value in values]) if names else list
    return rich.ConfusionMatrix(say(y_true), say(preds), labels=names, caption=title)


def _curves(kind: Any) -> Any:
    def curve(y_true: Any = None, y_probas: Any = None, labels: Any = None, title: Any = None, **_: Any) -> Any:
        rows = [list(row) if hasattr(row, "__len__") else [1 - row, row] for row in y_probas]
        classes = range(len(rows[0]))
        names = labels or list(classes)
        if len(rows[0]) == 2:
            return kind([int(value == 1) for value in y_true], [row[1] for row in rows], caption=title)
        return {str(names[which]): kind([int(value == which) for value in y_true], [row[which] for row in rows], caption=title) for which in classes}

    return curve


def _line(table: Table, x: str, y: str, stroke: Any = None, title: Any = None, **_: Any) -> Any:
    return rich.Curve([float(value) for value in table.get_column(x)], [float(value) for value in table.get_column(y)], x_label=x, y_label=y, caption=title)


plot = SimpleNamespace(confusion_matrix=_confusion_matrix, roc_curve=_curves(rich.Curve.roc), pr_curve=_curves(rich.Curve.pr), line=_line)
"""Charts that Runstream has values for."""

AlertLevel = SimpleNamespace(INFO="INFO", WARN="WARN", ERROR="ERROR")


def init(project: Optional[str] = None, entity: Optional[str] = None, config: Any = None, name: Optional[str] = None, id: Optional[str] = None, tags: Any = None,
         notes: Optional[str] = None, group: Optional[str] = None, job_type: Optional[str] = None, mode: Optional[str] = None, dir: Any = None,
         resume: Any = None, reinit: Any = None, **more: Any) -> Run:
    """Starts a run, or joins the one of this `id`; WANDB_PROJECT, WANDB_NAME, WANDB_RUN_GROUP, WANDB_JOB_TYPE, WANDB_TAGS, WANDB_NOTES, WANDB_RUN_ID and WANDB_MODE
    are asked where nothing is given.

    project, name, config, tags, notes, group, job_type, id, dir: as of `runstream.init`.
    entity: kept as the tag `entity`.
    mode: "online", "offline" or "disabled"; "shared" is online: every run can be written by many.
    resume: any word: a run whose `id` is there goes on. reinit: a run that is open is ended first unless it is "create_new".
    more: of W&B's client and without a meaning here; said once.
    """
    global run
    if run is not None and not run.of._finished and reinit not in ("create_new",):
        if reinit in (None, "default", "return_previous"):
            return run
        run.finish()
    if more:
        print("runstream.wandb: left out of init(): %s" % ", ".join(sorted(more)), file=sys.stderr)
    said = os.environ.get
    mode = mode or said("WANDB_MODE")
    labels = tags if tags is not None else [label for label in (said("WANDB_TAGS") or "").split(",") if label]
    of = _start(
        project or said("WANDB_PROJECT"), name=name or said("WANDB_NAME") or "", id=id or said("WANDB_RUN_ID"), config=config,
        tags=[labels] if isinstance(labels, str) else list(labels), notes=notes or said("WANDB_NOTES") or "", group=group or said("WANDB_RUN_GROUP") or "",
        job_type=job_type or said("WANDB_JOB_TYPE") or "", mode={"shared": "online", "dryrun": "offline", "run": "online"}.get(mode or "", mode),
        dir=None if dir is None else os.fspath(dir))
    if entity:
        of.tags["entity"] = entity
    runstream.run = of
    run = Run(of, entity or "")
    return run


def _current(what: str) -> Run:
    if run is None:
        raise RuntimeError("wandb.%s before wandb.init()" % what)
    return run


def log(data: Mapping[str, Any], step: Optional[int] = None, commit: Optional[bool] = None, **more: Any) -> None:
    """`Run.log` of the last init()."""
    _current("log()").log(data, step=step, commit=commit, **more)


def finish(exit_code: Optional[int] = None, quiet: Any = None) -> None:
    """`Run.finish` of the last init(); without one nothing is done."""
    if run is not None:
        run.finish(exit_code, quiet)


def login(*_: Any, **__: Any) -> bool:
    """The key is RUNSTREAM_API_KEY: nothing is asked."""
    return True


def __getattr__(name: str) -> Any:
    if name in ("config", "summary"):
        return getattr(_current(name), name)
    if name in ("define_metric", "watch", "unwatch", "alert", "save", "log_artifact", "mark_preempting"):
        return getattr(_current(name + "()"), name)
    if name == "Settings":
        return SimpleNamespace
    raise AttributeError("runstream.wandb has no %r; W&B's own client can be pointed at Runstream instead (docs/wandb.md)" % name)
