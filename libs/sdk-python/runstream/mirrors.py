"""`runstream.mirror()`: what a program logs to W&B, MLflow, Trackio or a SummaryWriter of TensorBoard is logged to Runstream as well, and to them as before."""
from __future__ import annotations

import functools
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional

import runstream

from .frameworks import Patches
from .integrations._runs import run_of, simple


def _beside(owner: Any, name: str, say: Callable[..., None]) -> None:
    """`owner.name` does what it did; `say` is told of the same arguments. What goes wrong in it is said once and hurts nobody."""
    inner = getattr(owner, name)

    @functools.wraps(inner)
    def outer(*arguments: Any, **named: Any) -> Any:
        result = inner(*arguments, **named)
        tracker = owner.__module__.partition(".")[0] if hasattr(owner, "__module__") else owner.__name__.partition(".")[0]
        if _patches.wants(tracker):
            try:
                say(*arguments, **named)
            except Exception as error:  # law 7: training is never hurt
                run_of(None, **_patches.settings)[0]._say("mirror", "what is logged to %s can't be mirrored: %r" % (tracker, error))
        return result

    setattr(owner, name, outer)


def _run() -> Any:
    return run_of(None, **_patches.settings)[0]


def _wandb(module: Any) -> None:
    kind = module.sdk.wandb_run.Run

    def log(self: Any, data: Mapping[str, Any], step: Optional[int] = None, commit: Optional[bool] = None, **_: Any) -> None:
        numbers = _numbers(data)
        if step is not None:
            _run().log(numbers, step=step)
        elif commit is False:
            _run()._log_beside(numbers)
        else:
            _run().log(numbers)

    def started(*_: Any, **__: Any) -> None:
        _run().config.update(dict(module.run.config))

    _beside(module, "init", started)
    _beside(kind, "log", log)
    _beside(module.sdk.wandb_config.Config, "update", lambda self, values, *_, **__: _run().config.update(values if isinstance(values, Mapping) else vars(values)))


def _numbers(data: Mapping[str, Any], prefix: str = "") -> Dict[str, Any]:
    """Numbers, texts and dicts of them; values of the other tracker's own kinds stay there."""
    found: Dict[str, Any] = {}
    for key, value in data.items():
        if isinstance(value, Mapping):
            found.update(_numbers(value, "%s%s." % (prefix, key)))
        elif not type(value).__module__.startswith(("wandb", "trackio")):
            found[prefix + str(key)] = value
    return found


def _mlflow(module: Any) -> None:
    client = module.tracking.client.MlflowClient

    def log_metric(self: Any, run_id: Any, key: str, value: Any, timestamp: Any = None, step: Any = None, *_: Any, **__: Any) -> None:
        _run().log({key: value}, step=step or 0)

    def log_batch(self: Any, run_id: Any, metrics: Any = (), params: Any = (), tags: Any = (), *_: Any, **__: Any) -> None:
        run = _run()
        for metric in metrics or ():
            run.log({metric.key: metric.value}, step=metric.step or 0)
        if params:
            run.config.update({param.key: param.value for param in params})
        for tag in tags or ():
            if not tag.key.startswith("mlflow."):
                run.tags[tag.key] = tag.value

    _beside(client, "log_metric", log_metric)
    _beside(client, "log_batch", log_batch)
    _beside(client, "log_param", lambda self, run_id, key, value, *_, **__: _run().config.update({key: value}))
    _beside(client, "log_artifact", lambda self, run_id, local_path, *_, **__: _run().log_artifact(local_path))


def _trackio(module: Any) -> None:
    def log(metrics: Mapping[str, Any], step: Optional[int] = None, *_: Any, **__: Any) -> None:
        _run().log(_numbers(metrics), step=step)

    def started(project: str = "", *_: Any, **named: Any) -> None:
        _run().config.update(named.get("config") or {})

    _beside(module, "init", started)
    _beside(module, "log", log)


def _summary_writer(module: Any) -> None:
    kind = module.SummaryWriter

    def at(step: Any) -> Optional[int]:
        return None if step is None else int(step)

    _beside(kind, "add_scalar", lambda self, tag, value, global_step=None, *_, **__: _run().log({tag: value}, step=at(global_step)))

    def scalars(self: Any, main_tag: str, values: Mapping[str, Any], global_step: Any = None, *_: Any, **__: Any) -> None:
        _run().log({"%s/%s" % (main_tag, key): value for key, value in values.items()}, step=at(global_step))

    _beside(kind, "add_scalars", scalars)
    _beside(kind, "add_text", lambda self, tag, words, global_step=None, *_, **__: _run().log({tag: str(words)}, step=at(global_step)))

    def histogram(self: Any, tag: str, values: Any, global_step: Any = None, *_: Any, **__: Any) -> None:
        _run().log({tag: runstream.Histogram(values)}, step=at(global_step))

    _beside(kind, "add_histogram", histogram)

    def image(self: Any, tag: str, picture: Any, global_step: Any = None, *_: Any, **__: Any) -> None:
        _run().log({tag: runstream.Image(picture)}, step=at(global_step))

    _beside(kind, "add_image", image)
    _beside(kind, "add_hparams", lambda self, values, *_, **__: _run().config.update(simple(values)))


_patches = Patches({"wandb": _wandb, "mlflow": _mlflow, "trackio": _trackio, "tensorboardX": _summary_writer, "torch.utils.tensorboard": _summary_writer}, "is not mirrored")
TRACKERS = ("wandb", "mlflow", "trackio", "tensorboard")


def mirror(trackers: Optional[Iterable[str]] = None, disable: bool = False, **settings: Any) -> List[str]:
    """Logs to Runstream as well what the program logs to other trackers, imported already or later. They get it as before.

    trackers: "wandb", "mlflow", "trackio", "tensorboard" (of PyTorch and tensorboardX); all of them when not given.
    disable: mirrors no more.
    settings: of `runstream.init`, where no run is open when the first value comes.
    Returns the trackers that are mirrored now. Throws ValueError for one that is not known, nothing else.
    """
    given = list(TRACKERS if trackers is None else [trackers] if isinstance(trackers, str) else trackers)
    unknown = [name for name in given if name not in TRACKERS]
    if unknown:
        raise ValueError("trackers: %s is none of %s" % (", ".join(map(repr, unknown)), ", ".join(TRACKERS)))
    modules = [name for name in _patches.known if (name if "ensorboard" not in name else "tensorboard") in given]
    _patches.change(modules, disable, settings)
    return [name for name in TRACKERS if any(("tensorboard" if "ensorboard" in each else each) == name for each in _patches.wanted)]
