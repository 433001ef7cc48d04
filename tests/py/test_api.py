"""The face as such: names, error table, stubs, documentation that runs, types."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pickle
import pkgutil
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import dynakv
import pytest
from dynakv import _core, _exceptions

ROOT = Path(__file__).resolve().parents[2]


def test_all_names_exactly_what_is_visible() -> None:
    visible = {
        name
        for name, value in vars(dynakv).items()
        if not name.startswith("_") and not (inspect.ismodule(value) and name != "resolvers")
    }
    assert visible | {"__version__"} == set(dynakv.__all__)


def test_every_public_name_has_a_docstring() -> None:
    missing = [
        name
        for name in dynakv.__all__
        if inspect.isclass(value := getattr(dynakv, name)) or inspect.isfunction(value)
        if not (value.__doc__ or "").strip()
    ]
    assert missing == []


def test_error_table_matches_the_exceptions() -> None:
    """Each code has its class, and each class that is a code's own says the same of itself."""
    for name, number, python, retryable in _core.error_table():
        assert number > 0
        cls = getattr(dynakv, python)
        assert issubclass(cls, dynakv.DynakvError)
        if name not in ("stale_layout", "not_ready"):  # they share the class of another
            assert cls.code == name
            assert cls.retryable == retryable


def drawn_tree() -> dict[str, str]:
    """Return class -> parent as the docstring draws it: by indentation, and along "─"."""
    assert _exceptions.__doc__ is not None
    drawing = _exceptions.__doc__.split("::\n", 1)[1].split("\n\nA write", 1)[0]
    parents: dict[str, str] = {}
    above: list[tuple[int, str]] = []
    for line in drawing.splitlines():
        start = re.search(r"[A-Z]", line)
        if start is None:
            continue
        column = start.start()
        above = [(at, name) for at, name in above if at < column]
        chain = [re.match(r"\w+", part) for part in line[column:].split(" ─ ")]
        names = [match[0] for match in chain if match]
        for parent, name in pairwise([above[-1][1] if above else "", *names]):
            if parent:
                parents[name] = parent
        above.append((column, names[0]))
    return parents


def test_drawn_tree_is_the_real_one() -> None:
    real = {
        name: value.__bases__[0].__name__.replace("_WithResult", "DynakvError")
        for name, value in vars(_exceptions).items()
        if inspect.isclass(value) and not name.startswith("_") and name != "DynakvError"
        if issubclass(value, dynakv.DynakvError)
    }
    assert drawn_tree() == real


def test_errors_subclass_the_built_in_ones() -> None:
    assert issubclass(dynakv.NotFound, KeyError)
    assert issubclass(dynakv.RequestTimeout, TimeoutError)
    assert issubclass(dynakv.NoNodesAvailable, ConnectionError)
    assert issubclass(dynakv.ConfigError, ValueError)
    assert issubclass(dynakv.ArgumentTypeError, TypeError)
    assert str(dynakv.NotFound("no value")) == "no value"  # KeyError would show the repr


def test_errors_survive_pickling() -> None:
    error = dynakv.QuorumTimeout(
        "1 of 2", op="put", required=2, received=1, acked=("n0",), in_doubt=True
    )
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is dynakv.QuorumTimeout
    assert (copy.op, copy.required, copy.acked, copy.in_doubt) == ("put", 2, ("n0",), True)
    assert str(copy) == "1 of 2"


def test_a_broken_invariant_is_an_internal_error() -> None:
    with pytest.raises(dynakv.InternalError, match="check failed"):
        _core.fail_check()


MODULES = [
    name
    for _, name, is_package in pkgutil.iter_modules(dynakv.__path__)
    if not is_package and name not in ("__main__", "_core", "_server")
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name: str, cluster: dynakv.LocalCluster, kv: dynakv.Client) -> None:
    module = importlib.import_module(f"dynakv.{name}")
    names = {"dynakv": dynakv, "kv": kv.with_options(timeout=20), "cluster": cluster}
    failed, _ = doctest.testmod(module, extraglobs=names, optionflags=doctest.ELLIPSIS)
    assert failed == 0


# What pybind11 adds to each class: metaclass, constructors, comparison, pickling.
STUBTEST_ALLOWED = r"""
dynakv\._core\..*\.__init__
dynakv\._core\..*\.__new__
dynakv\._core\..*\._pybind11_conduit_v1_
dynakv\._core\..*\.__(lt|le|gt|ge|ne|setstate|getstate)__
dynakv\._core\.(PeerFields|SiblingFields|StatusFields)
dynakv\._core\.(Batch|Client|Context|Got|Layout|Member|Node|SimSnapshot|Simulation|Wrote)
"""


@pytest.mark.slow
def test_stub_matches_the_native_module(tmp_path: Path) -> None:
    allowed = tmp_path / "allowed"
    allowed.write_text(STUBTEST_ALLOWED)
    command = [sys.executable, "-m", "mypy.stubtest", "dynakv._core", "--ignore-unused-allowlist"]
    result = subprocess.run(
        [*command, "--allowlist", str(allowed)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert result.returncode == 0, result.stdout + result.stderr


TYPED = """
from typing import Any, assert_type
import dynakv


def sync(kv: dynakv.Client) -> None:
    assert_type(kv.get("k"), dynakv.GetResult[bytes])
    assert_type(kv.get("k").value, bytes)
    assert_type(kv.get_value("k"), bytes | None)
    assert_type(kv.get_value("k", 1), bytes | int)
    texts = kv.bucket("texts", codec=dynakv.str_codec)
    assert_type(texts, dynakv.Bucket[str])
    assert_type(texts["k"], str)
    assert_type(kv.bucket("b"), dynakv.Bucket[bytes])
    assert_type(texts.get_many(["k"]), dict[bytes, dynakv.GetResult[str] | dynakv.DynakvError])
    assert_type(kv.with_options(r=1), dynakv.Client)
    numbers = kv.bucket("n", codec=dynakv.json_codec, resolver=dynakv.resolvers.max_by(len))
    assert_type(numbers.get("k").value, Any)


async def asynchronous(kv: dynakv.AsyncClient) -> None:
    assert_type(await kv.get("k"), dynakv.GetResult[bytes])
    assert_type(await kv.put("k", b"v"), dynakv.PutResult)
    texts = kv.bucket("texts", codec=dynakv.str_codec)
    assert_type(await texts.get_value("k", default="-"), str)
"""


@pytest.mark.slow
def test_types_are_as_promised(tmp_path: Path) -> None:
    program = tmp_path / "typed.py"
    program.write_text(TYPED)
    result = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", str(program)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert result.returncode == 0, result.stdout + result.stderr
