"""Gradients and weights of a PyTorch model as histograms, taken in hooks while it trains."""
from __future__ import annotations

from typing import Any, List

from .rich import Histogram


class Watch:
    """What `Run.watch` began; `stop()` takes the hooks away."""

    def __init__(self, run: Any, model: Any, log: str, every: int, bins: int) -> None:
        self._run, self._model, self._log, self._every, self._bins = run, model, log, every, bins
        self._passes = 0
        self._hooks: List[Any] = []
        self._due = False
        named = [(name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad]
        if log in ("gradients", "all"):
            for name, parameter in named:
                self._hooks.append(parameter.register_hook(self._gradient_hook(name)))
        self._hooks.append(model.register_forward_hook(self._after_forward))

    def _after_forward(self, model: Any, *_: Any) -> None:
        """A pass of training begins: each `every`th is looked at."""
        try:
            if not model.training:
                return
            self._due = self._passes % self._every == 0
            self._passes += 1
            if self._due and self._log in ("parameters", "all"):
                self._run._log_beside({"parameters/" + name: Histogram(parameter.detach(), bins=self._bins) for name, parameter in model.named_parameters()})
        except Exception as error:  # law 7: training is never hurt
            self._run._skip("the weights could not be kept: %r" % error)

    def _gradient_hook(self, name: str) -> Any:
        def hook(gradient: Any) -> None:
            try:
                if self._due and gradient is not None:
                    self._run._log_beside({"gradients/" + name: Histogram(gradient.detach(), bins=self._bins)})
            except Exception as error:  # law 7: training is never hurt
                self._run._skip("the gradient of %s could not be kept: %r" % (name, error))

        return hook

    def stop(self) -> None:
        """Ends the watching."""
        for hook in self._hooks:
            hook.remove()
        self._hooks.clear()
