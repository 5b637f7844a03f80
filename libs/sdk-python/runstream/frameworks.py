"""`runstream.autolog()`: frameworks that a program uses log by themselves, each through its callback in `runstream.integrations`."""
from __future__ import annotations

import functools
import importlib
import importlib.abc
import importlib.util
import sys
import threading
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Set


def _callbacks_of(name: str, place: str, module: str) -> Callable[[Any], None]:
    """A patch of a function or method that takes `callbacks`: one of ours is added where there is none."""

    def patch(owner: Any) -> None:
        inner = getattr(owner, name)

        @functools.wraps(inner)
        def outer(*arguments: Any, **named: Any) -> Any:
            if _patches.wants(module):
                try:
                    kind = importlib.import_module("runstream.integrations." + place).RunstreamCallback
                    given = list(named.get("callbacks") or [])
                    if not any(isinstance(one, kind) for one in given):
                        named["callbacks"] = given + [kind(**_patches.settings)]
                except Exception as error:  # law 7: training is never hurt
                    _say(module, error)
            return inner(*arguments, **named)

        setattr(owner, name, outer)

    return patch


def _say(module: str, error: BaseException) -> None:
    print("runstream: %s is not logged by itself: %r" % (module, error), file=sys.stderr)


def _xgboost(module: Any) -> None:
    for owner in (module, module.training):
        _callbacks_of("train", "xgboost", "xgboost")(owner)
    # the estimators have a name of their own for it
    if hasattr(module, "sklearn"):
        _callbacks_of("train", "xgboost", "xgboost")(module.sklearn)


def _lightgbm(module: Any) -> None:
    _callbacks_of("train", "lightgbm", "lightgbm")(module)
    _callbacks_of("train", "lightgbm", "lightgbm")(module.engine)
    if hasattr(module, "sklearn"):
        _callbacks_of("train", "lightgbm", "lightgbm")(module.sklearn)


def _keras(module: Any) -> None:
    _callbacks_of("fit", "keras", "keras")(module.Model)


def _transformers(module: Any) -> None:
    _after_init(module.Trainer, "transformers", lambda trainer: _add_to_trainer(trainer))


def _add_to_trainer(trainer: Any) -> None:
    from .integrations.transformers import RunstreamCallback

    if not any(isinstance(one, RunstreamCallback) for one in trainer.callback_handler.callbacks):
        trainer.add_callback(RunstreamCallback(**_patches.settings))


def _lightning(module: Any) -> None:
    def add(trainer: Any) -> None:
        from .integrations.lightning import RunstreamLogger

        if not trainer.fast_dev_run and not any(isinstance(one, RunstreamLogger) for one in trainer.loggers):
            trainer.loggers = [*trainer.loggers, RunstreamLogger(**_patches.settings)]

    _after_init(module.Trainer, "lightning.pytorch", add)


def _after_init(kind: Any, module: str, then: Callable[[Any], None]) -> None:
    inner = kind.__init__

    @functools.wraps(inner)
    def outer(self: Any, *arguments: Any, **named: Any) -> None:
        inner(self, *arguments, **named)
        if _patches.wants(module):
            try:
                then(self)
            except Exception as error:  # law 7: training is never hurt
                _say(module, error)

    kind.__init__ = outer


def _optuna(module: Any) -> None:
    _callbacks_of("optimize", "optuna", "optuna")(module.Study)


def _sklearn(module: Any) -> None:
    from .integrations.sklearn import patch_estimators

    patch_estimators(lambda: _patches.wants("sklearn"), _patches.settings)


class Patches:
    """Modules that are patched when the program imports them, or at once where it has; what is patched asks `wants`, so that it can be ended."""

    def __init__(self, known: Mapping[str, Callable[[Any], None]], trouble: str) -> None:
        self.known = known
        self.settings: Dict[str, Any] = {}
        self.wanted: Set[str] = set()
        self._trouble = trouble
        self._patched: Set[str] = set()
        self._finder = _Finder(self)

    def wants(self, name: str) -> bool:
        """Whether `name`, or a module below it, is wanted."""
        return any(each == name or each.startswith(name + ".") for each in self.wanted)

    def change(self, names: Iterable[str], disable: bool, settings: Mapping[str, Any]) -> None:
        """Wants `names` from now on, with these `settings`, or no more."""
        if disable:
            self.wanted.difference_update(names)
            return
        self.settings.clear()
        self.settings.update(settings)
        self.wanted.update(names)
        if self._finder not in sys.meta_path:
            sys.meta_path.insert(0, self._finder)
        for name in names:
            module = sys.modules.get(name)
            if module is not None:
                self.patch(name, module)

    def awaits(self, name: str) -> bool:
        """Whether `name` is wanted and not patched yet."""
        return name in self.wanted and name not in self._patched

    def patch(self, name: str, module: Any) -> None:
        """Patches `module`, once."""
        if name in self._patched:
            return
        self._patched.add(name)
        try:
            self.known[name](module)
        except Exception as error:  # a version that is built otherwise
            print("runstream: %s %s: %r" % (name, self._trouble, error), file=sys.stderr)


class _Finder(importlib.abc.MetaPathFinder):
    """Sees a module that is awaited being imported, and patches it as soon as it is there."""

    def __init__(self, patches: Patches) -> None:
        self._patches = patches
        self._inside = threading.local()

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """The spec that others find for `name`, with a loader that tells us. `path` and `target` are of no use here."""
        if not self._patches.awaits(name) or getattr(self._inside, "finding", False):
            return None
        self._inside.finding = True
        try:
            spec = importlib.util.find_spec(name)
        finally:
            self._inside.finding = False
        if spec is None or spec.loader is None:
            return None
        load = spec.loader.exec_module

        def exec_module(module: Any) -> None:
            load(module)
            self._patches.patch(name, module)

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


_patches = Patches(
    {"xgboost": _xgboost, "lightgbm": _lightgbm, "keras": _keras, "transformers": _transformers, "lightning.pytorch": _lightning, "optuna": _optuna, "sklearn": _sklearn},
    "is not logged by itself")
FRAMEWORKS = tuple(name.partition(".")[0] for name in _patches.known)


def autolog(frameworks: Optional[Iterable[str]] = None, disable: bool = False, **settings: Any) -> List[str]:
    """Makes frameworks log by themselves, those imported already and those imported later: XGBoost, LightGBM, scikit-learn, Keras, Optuna,
    Hugging Face's Trainer, Lightning. What is logged goes to the run of the last init(), or to a run of its own.

    frameworks: "xgboost", "lightgbm", "sklearn", "keras", "transformers", "lightning", "optuna"; all of them when not given.
    disable: what was patched does as before from now on.
    settings: of `runstream.init` for runs that are made by it.
    Returns the frameworks that log by themselves now. Throws ValueError for one that is not known, nothing else.
    """
    given = list(FRAMEWORKS if frameworks is None else [frameworks] if isinstance(frameworks, str) else frameworks)
    unknown = [name for name in given if name not in FRAMEWORKS]
    if unknown:
        raise ValueError("frameworks: %s is none of %s" % (", ".join(map(repr, unknown)), ", ".join(FRAMEWORKS)))
    _patches.change([name for name in _patches.known if name.partition(".")[0] in given], disable, settings)
    return [name.partition(".")[0] for name in _patches.known if name in _patches.wanted]
