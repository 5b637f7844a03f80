"""The reference is made from docstrings: every public call has one that names each of its parameters."""
import inspect

import pytest

import runstream
from runstream.api import Api, ReadRun
from runstream.run import Run
from runstream.start import init


def public_calls():
    for name in runstream.__all__:
        value = getattr(runstream, name)
        if inspect.isfunction(value):
            yield name, value
    yield "start.init", init
    for kind in (Run, Api, ReadRun):
        for name, value in inspect.getmembers(kind, inspect.isfunction):
            if not name.startswith("_"):
                yield "%s.%s" % (kind.__name__, name), value


@pytest.mark.parametrize("name, call", list(public_calls()), ids=lambda value: value if isinstance(value, str) else "")
def test_a_public_call_is_described_with_its_parameters(name, call):
    words = inspect.getdoc(call)
    assert words, name
    parameters = [one for one in inspect.signature(call).parameters if one != "self"]
    assert [one for one in parameters if one not in words] == []


def test_public_classes_are_described():
    assert [kind for kind in (Run, Api, ReadRun) if not kind.__doc__] == []
