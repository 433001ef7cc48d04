"""Fixtures for tests of programs that use DynaKV; pytest finds them by itself.

``dynakv_cluster`` is a fresh `dynakv.LocalCluster`, three nodes in memory, and ``dynakv_client`` a
client of it. ``dynakv_sim`` is a `dynakv.Simulation`: virtual time, and every fault. The marker
chooses others::

    @pytest.mark.dynakv(nodes=5, n=3, w="quorum")
    def test_something(dynakv_sim): ...

The seed of a simulation is that of ``--dynakv-seed``, or else the marker's ``seed=``, or else one
made from the test's name, so that each run of the test is the same. ``--dynakv-seed=random`` draws
a new one for each test. A test that fails prints its seed and the command that replays it.

A package of its own, because pytest imports it in every run on the machine: the store, its threads
and its native module are loaded when a fixture is used.
"""

from __future__ import annotations

import argparse
import random
import shlex
import zlib
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import dynakv
    import dynakv.sim

__all__ = ["dynakv_client", "dynakv_cluster", "dynakv_sim"]

_SHOWN_EVENTS = 10  # of the trace, when a test fails

_SEED = pytest.StashKey[int]()
_SIMULATION = pytest.StashKey["dynakv.Simulation"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --dynakv-seed."""
    parser.getgroup("dynakv").addoption(
        "--dynakv-seed",
        metavar="S",
        type=_seed_option,
        help="seed of the simulations of dynakv_sim, or 'random'; default: one for each test",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers",
        "dynakv(**arguments): arguments of dynakv.LocalCluster and dynakv.Simulation for the "
        "cluster or simulation of this test",
    )


def _seed_option(text: str) -> int | str:
    if text == "random" or (text.isdecimal() and int(text) < 2**64):
        return text if text == "random" else int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no seed; use 0 to 2**64-1, or random")


@pytest.fixture
def dynakv_cluster(request: pytest.FixtureRequest) -> Iterator[dynakv.LocalCluster]:
    """Yield a cluster of the test's own; see the marker ``dynakv``."""
    import dynakv

    given, _ = _arguments(request.node)
    with dynakv.LocalCluster(**{"nodes": 3, "storage": "memory", **given}) as cluster:
        yield cluster


@pytest.fixture
def dynakv_client(dynakv_cluster: dynakv.LocalCluster) -> Iterator[dynakv.Client]:
    """Yield a client of the test's own cluster."""
    with dynakv_cluster.client() as client:
        yield client


@pytest.fixture
def dynakv_sim(request: pytest.FixtureRequest) -> Iterator[dynakv.Simulation]:
    """Yield a simulation of the test's own; see the marker ``dynakv``."""
    import dynakv

    _, given = _arguments(request.node)
    seed = _seed_of(request.node, given.pop("seed", None))
    request.node.stash[_SEED] = seed
    simulation = dynakv.Simulation(**{"nodes": 3, **given, "seed": seed})
    request.node.stash[_SIMULATION] = simulation
    yield simulation
    del request.node.stash[_SIMULATION]  # tests live as long as the whole run


def _seed_of(item: pytest.Item, marked: int | None) -> int:
    asked: int | str | None = item.config.getoption("dynakv_seed")
    if asked == "random":
        return random.SystemRandom().randrange(2**32)
    if isinstance(asked, int):
        return asked
    return zlib.crc32(item.nodeid.encode()) if marked is None else marked


def _arguments(item: pytest.Item) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what the marker says to the cluster, and what to the simulation."""
    marker = item.get_closest_marker("dynakv")
    if marker is None:
        return {}, {}
    if marker.args:
        raise pytest.UsageError(f"{item.nodeid}: the marker dynakv takes keywords: nodes=5, n=3")
    import dataclasses
    import inspect

    import dynakv

    of_config = {field.name for field in dataclasses.fields(dynakv.NodeConfig)}
    of_cluster = _keywords(inspect.signature(dynakv.LocalCluster)) | of_config
    of_simulation = _keywords(inspect.signature(dynakv.Simulation))
    unknown = marker.kwargs.keys() - of_cluster - of_simulation
    if unknown:
        raise pytest.UsageError(
            f"{item.nodeid}: the marker dynakv has no {', '.join(sorted(unknown))}; use arguments "
            "of dynakv.LocalCluster or dynakv.Simulation"
        )
    return (
        {name: value for name, value in marker.kwargs.items() if name in of_cluster},
        {name: value for name, value in marker.kwargs.items() if name in of_simulation},
    )


def _keywords(signature: Any) -> set[str]:
    return {name for name, each in signature.parameters.items() if each.kind != each.VAR_KEYWORD}


@pytest.hookimpl(hookwrapper=True)  # the form that older versions of pytest take, too
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, None]:
    """Tell the seed of a test that failed."""
    outcome = yield
    report = outcome.get_result()
    if report.failed and _SEED in item.stash:
        seed = item.stash[_SEED]
        lines = [f"seed {seed}"]
        simulation = item.stash.get(_SIMULATION, None)
        if simulation is not None:
            lines[0] += f", {simulation.now:.6f} virtual seconds, hash {simulation.trace_hash:016x}"
            lines += [_line(event) for event in simulation.trace[-_SHOWN_EVENTS:]]
        lines.append(f"replay: pytest {shlex.quote(item.nodeid)} --dynakv-seed={seed}")
        report.sections.append(("dynakv simulation", "\n".join(lines)))


def _line(event: dynakv.sim.SimEvent) -> str:
    words = (event.kind, event.host, event.peer, event.detail)
    return f"  {event.at:.6f}  " + " ".join(word for word in words if word)
