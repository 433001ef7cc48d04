"""Figures of what is empty, huge or hostile: readable, or a clear message, within five seconds."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import time
import xml.etree.ElementTree as ElementTree
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import dynakv
import pytest
from dynakv import viz
from dynakv.sim import SimEvent

LIMIT_S = 5.0
HOSTILE = "</text><script>alert(1)</script>\"'&]]>\x00\x1b[31m\ud800 \u202e日本"
Make = Callable[[], viz.Figure]


class FakeLayout:
    """As many nodes as wanted, at once. They take slots in turn."""

    version = 1

    def __init__(self, count: int, names: Callable[[int], str] = lambda i: f"n{i}") -> None:
        self.members = [
            dynakv.Member("", names(i), "host:1", f"dc1/r{i % 7}") for i in range(count)
        ]
        self._names = [member.name for member in self.members]

    def properties(self, bucket: bytes = b"default") -> dict[str, Any]:
        return {"n": 3, "r": "2", "w": "2", "conflict": "siblings"}

    def slot(self, key: bytes) -> int:
        return zlib.crc32(key) % 2**14

    def walk(self, key: bytes) -> list[str]:
        start = self.slot(key) * 7
        count = len(self._names)
        return [self._names[(start + i) % count] for i in range(min(16, count))]

    def owners(self, key: bytes, bucket: bytes = b"default") -> list[str]:
        return self.walk(key)[:3]

    def slot_owners(self, bucket: bytes = b"default") -> list[list[str]]:
        count = len(self._names)
        return [
            [self._names[(slot * 7 + i) % count] for i in range(min(3, count))]
            for slot in range(2**14)
        ]

    def slots_owned(self, bucket: bytes = b"default") -> dict[str, int]:
        share = 2**14 * min(3, len(self._names)) // max(1, len(self._names))
        return {name: share + i % 5 for i, name in enumerate(self._names)}


def readable_in_time(make: Make) -> viz.Figure:
    """Return the figure; fail when it takes too long, is too large or no XML."""
    began = time.monotonic()
    figure = make()
    svg = figure.svg()
    took = time.monotonic() - began
    root = ElementTree.fromstring(svg)
    assert took < LIMIT_S, f"{took:.1f} s"
    assert len(svg) < 1_000_000, f"{len(svg):,} characters"
    assert float(root.get("height", "0")) < 2500
    for text in root.iter("{http://www.w3.org/2000/svg}text"):
        assert -20 <= float(text.get("x", "0")) <= 800, "".join(text.itertext())
    assert len(figure.text().splitlines()) < 150
    return figure


@pytest.mark.parametrize("make", [viz.ring, viz.balance, lambda x: viz.preference(x, "k")])
@pytest.mark.parametrize("count", [1, 2, 9, 1000])
def test_clusters_of_all_sizes(make: Callable[[object], viz.Figure], count: int) -> None:
    readable_in_time(lambda: make(FakeLayout(count)))


def test_an_empty_cluster_is_said_to_be_empty() -> None:
    nobody = FakeLayout(0)
    for make in (viz.ring, viz.balance, lambda x: viz.preference(x, "k")):
        assert "no members" in make(nobody).text()
    stopped = dynakv.LocalCluster(1, storage="memory")
    stopped.stop()
    with pytest.raises(dynakv.ClosedError, match="no node"):
        viz.ring(stopped)


def test_one_real_node() -> None:
    sim = dynakv.Simulation(1, seed=1, n=1)
    assert readable_in_time(lambda: viz.ring(sim)).data()["nodes"][0]["copies"] == 2**14
    assert "1 owner." in readable_in_time(lambda: viz.preference(sim, "k")).svg()
    assert viz.balance(sim).data()["nodes"][0]["ratio"] == 1.0


def test_moves_of_a_thousand_nodes() -> None:
    figure = readable_in_time(lambda: viz.moves(FakeLayout(999), FakeLayout(1000)))
    assert len(figure.data()["nodes"]) == 1000
    assert "968 nodes with less or no change left out" in figure.text()
    assert (
        "No copy moves" in readable_in_time(lambda: viz.moves(FakeLayout(0), FakeLayout(0))).text()
    )


def test_a_thousand_nodes_fold_and_say_so() -> None:
    figure = readable_in_time(lambda: viz.ring(FakeLayout(1000), keys=[str(i) for i in range(50)]))
    assert len(figure.data()["nodes"]) == 1000
    assert "folded" in figure.text()
    assert "Folded" in figure.svg()
    assert "and 988 more nodes" in figure.svg()
    assert "and 940 more" in figure.text()
    assert readable_in_time(lambda: viz.balance(FakeLayout(1000))).data()["lightest"] == "n0"


def test_a_true_layout_of_a_thousand_nodes() -> None:
    members = [dynakv.Member(f"{i + 1:032x}", f"n{i}", f"n{i}:7400") for i in range(1000)]
    layout = dynakv.Layout(members)
    ring = readable_in_time(lambda: viz.ring(layout, keys=["k"], highlight="n7"))
    assert sum(node["copies"] for node in ring.data()["nodes"]) == 3 * 2**14
    placed = readable_in_time(lambda: viz.preference(layout, "k"))
    assert [each["name"] for each in placed.data()["walk"][:3]] == layout.owners(b"k")
    balance = readable_in_time(lambda: viz.balance(layout)).data()
    ratios = [node["ratio"] for node in balance["nodes"]]
    assert 0.5 < min(ratios) < 1 < max(ratios) < 1.25
    moved = readable_in_time(lambda: viz.moves(dynakv.Layout(members[:-1]), layout)).data()
    assert moved["least"] <= moved["moved"] < 0.02 * moved["copies"]


@pytest.mark.parametrize("given", [[], viz.Recorder()])
def test_a_key_without_history(given: object, kv: dynakv.Client, key: str) -> None:
    assert "no write" in readable_in_time(lambda: viz.versions(given, "k")).text()
    figure = readable_in_time(lambda: viz.versions(kv.get(key)))
    assert "has no value" in figure.text()
    assert figure.data()["versions"] == []


def test_a_hundred_siblings() -> None:
    sim = dynakv.Simulation(3, seed=1)
    recorder = viz.Recorder(sim)
    for i in range(100):
        recorder.watch(sim.client(f"c{i}"), f"c{i}").put("k", b"%d" % i)
    figure = readable_in_time(lambda: viz.versions(recorder, "k"))
    assert len(figure.data()["siblings"]) == 100
    found = sim.client("c0").get("k", r="all")
    assert len(readable_in_time(lambda: viz.versions(found)).data()["siblings"]) == 100


def test_a_long_history_leaves_out_its_beginning() -> None:
    sim = dynakv.Simulation(3, seed=1)
    recorder = viz.Recorder(sim)
    alice = recorder.watch(sim.client("alice"), "alice")
    for i in range(2000):
        alice.put("k", b"%d" % i)
    figure = readable_in_time(lambda: viz.versions(recorder, "k"))
    data = figure.data()
    assert data["left_out"] == 1700
    assert "1,700 older writes left out" in figure.svg()
    assert data["versions"][-1]["value"] == "1999"
    assert data["siblings"] == [data["versions"][-1]["dot"]]


def many_events(hosts: int = 300) -> Iterator[SimEvent | viz.Recorded]:
    for i in range(100_000):
        host, at = f"n{i % hosts}", i / 1000
        if i % 10 == 0:
            yield SimEvent(at, "pause" if i % 20 else "resume", host, None, "")
        elif i % 10 == 1:
            yield SimEvent(at, "suspect", host, f"n{i % 31}", "")
        elif i % 10 == 2:
            outcome: Any = "ok" if i % 3 else "failed"
            yield viz.Recorded(at, at + 0.01, f"c{i % 20}", "put", b"k", outcome, acked=(host,))
        else:
            yield SimEvent(at, "reset", host, f"n{(i + 1) % hosts}", "")


def test_a_trace_of_a_hundred_thousand_events() -> None:
    trace = list(many_events())
    figure = readable_in_time(lambda: viz.timeline(trace))
    data = figure.data()
    assert data["events"] == 80_000  # beliefs are drawn by gossip
    assert data["folded"]
    assert data["hidden_lanes"] == 262
    assert "262 lanes left out" in figure.svg()
    assert "Folded" in figure.svg()
    sparse = [each for each in trace if isinstance(each, SimEvent)]
    assert readable_in_time(lambda: viz.gossip(sparse)).data()["left_out"] > 0
    assert readable_in_time(lambda: viz.versions(trace)).data()["versions"] == []


def test_an_empty_trace() -> None:
    for figure in (viz.timeline([]), viz.gossip([]), viz.timeline(viz.Recorder())):
        assert ElementTree.fromstring(figure.svg()) is not None
    assert "no news" in viz.gossip([]).text()


def test_a_request_of_many_events_and_of_none() -> None:
    names = [f"n{i}" for i in range(16)]
    events = [
        {"at_us": i, "node": names[i % 16], "event": "sent", "target": None, "detail": ""}
        for i in range(100_000)
    ]
    record: dict[str, Any] = {
        "operation": "get", "layout": 1, "coordinator": "n0", "owners": names, "fallbacks": [],
        "required": 9, "strict": True, "met_at_us": None, "events": events,
    }  # fmt: skip
    assert "left out" in readable_in_time(lambda: viz.request(record)).text()
    record |= {"events": [], "owners": []}
    assert readable_in_time(lambda: viz.request(record)).data()["lanes"] == ["client", "n0"]


# ------------------------------------------------------------------ hostile text


def hostile_figures() -> dict[str, Make]:
    layout = FakeLayout(5, names=lambda i: HOSTILE.encode("utf-8", "replace").decode() + str(i))
    dot = dynakv.Dot(1, 1)
    done = viz.Recorded(
        0.0, 1.0, HOSTILE, "put", b"k", "ok", HOSTILE, dot, dynakv.Simulation(3, seed=1)
        .client().put("k", b"1").context, (), (HOSTILE,), HOSTILE,
    )  # fmt: skip
    told = [SimEvent(1.0, "dead", HOSTILE, "x" + HOSTILE, HOSTILE)]
    told += [
        SimEvent(0.5, "crash", HOSTILE, None, HOSTILE),
        SimEvent(0.6, HOSTILE, HOSTILE, None, ""),
    ]
    sent = {"at_us": 1, "node": HOSTILE, "event": HOSTILE, "target": None, "detail": HOSTILE}
    record = {
        "operation": HOSTILE, "layout": 1, "coordinator": HOSTILE, "owners": [HOSTILE],
        "fallbacks": [HOSTILE], "required": 1, "strict": True, "met_at_us": 1, "events": [sent],
    }  # fmt: skip
    return {
        "ring": lambda: viz.ring(layout, keys=[b"<script>\xff"]),
        "preference": lambda: viz.preference(layout, b"</title><script>"),
        "balance": lambda: viz.balance(layout),
        "moves": lambda: viz.moves(layout, FakeLayout(4)),
        "versions": lambda: viz.versions([done], "k"),
        "request": lambda: viz.request(record),
        "timeline": lambda: viz.timeline(told, [done]),
        "gossip": lambda: viz.gossip(told),
        "distribution": lambda: viz.distribution({"<script>$x_": [1.0]}, unit="</svg>$"),
    }


@pytest.mark.parametrize("name", list(hostile_figures()))
def test_text_cannot_break_out(name: str) -> None:
    figure = hostile_figures()[name]()
    root = ElementTree.fromstring(figure.svg())
    assert not [each for each in root.iter() if each.tag.endswith("script")]
    for form in (figure.svg(), figure.html()):
        assert "<script" not in form
        assert "\x00" not in form
        assert "\x1b" not in form
        form.encode()
    figure.text().encode()


# ------------------------------------------------------------------ what is installed


def run(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_package_needs_nothing_and_figures_need_only_it() -> None:
    done = run(
        """
        import sys
        import dynakv
        assert "dynakv.viz" not in sys.modules
        from dynakv import viz
        viz.ring(dynakv.Simulation(3, seed=1)).html()
        outside = {"matplotlib", "numpy", "IPython", "typer", "rich", "nbclient"}
        assert outside.isdisjoint(sys.modules), outside & set(sys.modules)
        """
    )
    assert done.returncode == 0, done.stderr


def test_what_is_missing_is_named() -> None:
    done = run(
        """
        import importlib.util
        from dynakv import viz
        from dynakv.viz import _statistics
        _statistics.find_spec = lambda name: None
        viz.distribution({"a": [1]}, unit="ms")
        """
    )
    assert "ImportError" in done.stderr
    assert "pip install 'dynakv[viz]'" in done.stderr
