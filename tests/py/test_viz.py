"""Figures: what they say as data and text, and that the pictures are well-formed and harmless."""

from __future__ import annotations

import doctest
import importlib
import json
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dynakv
import pytest
from dynakv import viz
from dynakv.sim import SimEvent
from dynakv.viz._request_axis import RequestAxis
from dynakv.viz._request_record import exchanges_of

SVG = "{http://www.w3.org/2000/svg}"


def event(at_us: int, node: str, what: str, target: str | None = None) -> dict[str, Any]:
    return {"at_us": at_us, "node": node, "event": what, "target": target, "detail": ""}


def explained(**changes: Any) -> dict[str, Any]:
    """Return the record of a put in which one owner is silent and a fallback keeps a hint."""
    record = {
        "operation": "put",
        "layout": 1,
        "coordinator": "n1",
        "owners": ["n1", "n4", "n2"],
        "fallbacks": ["n0", "n3"],
        "required": 3,
        "strict": False,
        "met_at_us": 5900,
        "events": [
            event(0, "n1", "received"),
            event(0, "n1", "acked"),
            event(0, "n4", "sent"),
            event(0, "n2", "sent"),
            event(900, "n4", "acked"),
            event(5000, "n2", "silent"),
            event(5000, "n0", "hint_sent", "n2"),
            event(5900, "n0", "hint_stored", "n2"),
            event(5900, "n1", "quorum_met"),
            event(5900, "n1", "replied"),
        ],
    }
    return record | changes


def news() -> list[SimEvent]:
    """Return how a crash of n2 comes to be known."""
    found = [SimEvent(3.0, "crash", "n2", None, ""), SimEvent(9.0, "start", "n2", None, "")]
    for i, name in enumerate(("n0", "n1", "n3")):
        found.append(SimEvent(4.0 + i / 4, "suspect", name, "n2", ""))
        found.append(SimEvent(6.0 + i / 4, "dead", name, "n2", ""))
        found.append(SimEvent(9.5 + i / 4, "alive", name, "n2", ""))
    return found


class Story:
    """A cart that two writers change on two sides of a partition."""

    def __init__(self, seed: int = 5) -> None:
        self.sim = dynakv.Simulation(3, seed=seed)
        self.recorder = viz.Recorder(self.sim)
        alice = self.recorder.watch(self.sim.client("alice"), "alice")
        bob = self.recorder.watch(self.sim.client("bob"), "bob")
        alice.put("cart", b"milk")
        bob.get("cart")
        self.sim.run_for(1)
        self.sim.partition([0, "alice"], [1, 2, "bob"])
        alice.put("cart", b"milk,eggs", w=1, timeout=10)
        bob.put("cart", b"milk,tea", timeout=10)
        self.sim.run_for(1)
        self.sim.crash(2)
        self.sim.run_for(1)
        self.sim.heal()
        self.sim.restart(2)
        self.sim.run_for(3)
        self.found = alice.get("cart", r="all")
        self.alice = alice


@pytest.fixture(scope="module")
def story() -> Story:
    return Story()


FIGURES: dict[str, Callable[[Story], viz.Figure]] = {
    "ring": lambda s: viz.ring(s.sim, keys=["cart"]),
    "ring of one": lambda s: viz.ring(s.sim, highlight="n1"),
    "preference": lambda s: viz.preference(s.sim, "cart"),
    "balance": lambda s: viz.balance(s.sim),
    "moves": lambda s: viz.moves(s.sim, dynakv.Layout(list(s.sim.layout.members), {"n": "2"})),
    "versions": lambda s: viz.versions(s.recorder, "cart"),
    "request": lambda s: viz.request(explained(), animate=True),
    "timeline": lambda s: viz.timeline(s.sim, s.recorder, animate=True),
    "gossip": lambda s: viz.gossip(news(), animate=True),
    "distribution": lambda s: viz.distribution({"a": [1, 2, 3], "b": [2.5]}, unit="ms"),
}


@pytest.mark.parametrize("name", FIGURES)
def test_a_picture_is_well_formed_and_speaks_to_everyone(name: str, story: Story) -> None:
    figure = FIGURES[name](story)
    root = ElementTree.fromstring(figure.svg())
    assert root.tag == f"{SVG}svg"
    assert root.get("role") == "img"
    assert len(root.get("aria-label", "")) > 5
    titles = [each for each in root if each.tag == f"{SVG}title"]
    assert titles[0].text == figure.title
    assert not [each for each in root.iter() if each.tag.endswith(("script", "foreignObject"))]
    assert not re.search(r"\son\w+=|javascript:|@import", figure.svg())
    assert figure.title in figure.text()
    assert json.loads(json.dumps(figure.data()))["figure"] == name.split()[0]
    assert set(figure._repr_mimebundle_()) == {"image/svg+xml", "text/html", "text/plain"}
    assert repr(figure) == figure.text()


@pytest.mark.parametrize("name", FIGURES)
def test_equal_runs_give_equal_bytes(name: str, story: Story) -> None:
    first, second = FIGURES[name](story), FIGURES[name](Story())
    assert first.svg() == second.svg()
    assert first.html() == second.html()
    assert first.data() == second.data()


def test_only_animated_figures_move() -> None:
    still, moving = viz.request(explained()), viz.request(explained(), animate=True)
    assert "animation-delay" not in still.svg()
    assert "animation-delay" in moving.svg()
    assert "prefers-reduced-motion" in moving.svg()


def test_a_figure_is_saved_by_its_ending(tmp_path: Path) -> None:
    figure = viz.request(explained())
    for suffix in ("svg", "html", "txt", "json"):
        assert figure.save(tmp_path / f"f.{suffix}").is_file()
    assert (tmp_path / "f.svg").read_text() == figure.svg()
    assert (tmp_path / "f.html").read_text().startswith("<!DOCTYPE html>")
    assert (tmp_path / "f.txt").read_text() == figure.text()
    assert json.loads((tmp_path / "f.json").read_text()) == figure.data()
    with pytest.raises(dynakv.ConfigError, match=r"\.svg"):
        figure.save(tmp_path / "f.gif")


def test_data_is_a_copy() -> None:
    figure = viz.request(explained())
    figure.data()["owners"].clear()
    assert figure.data()["owners"] == ["n1", "n4", "n2"]


# ------------------------------------------------------------------ what each one says


def test_ring_says_what_the_layout_says(story: Story) -> None:
    data = viz.ring(story.sim, keys=["cart", b"\xff"]).data()
    layout = story.sim.layout
    assert [each["name"] for each in data["nodes"]] == ["n0", "n1", "n2"]
    assert {each["name"]: each["copies"] for each in data["nodes"]} == layout.slots_owned()
    assert sum(each["first"] for each in data["nodes"]) == data["slots"]
    assert data["keys"][0] == {
        "key": "cart",
        "slot": layout.slot(b"cart"),
        "owners": layout.owners(b"cart"),
    }
    assert data["keys"][1]["key"] == r"\xff"
    with pytest.raises(dynakv.ConfigError, match="no node 'n9'"):
        viz.ring(story.sim, highlight="n9")


def test_a_layout_answers_for_all_slots_at_once(story: Story) -> None:
    layout = story.sim.layout
    owners = layout.slot_owners()
    assert len(owners) == 2**14
    for key in (b"cart", b"k", b""):
        assert list(owners[layout.slot(key)]) == layout.owners(key)
    wide = dynakv.Simulation(5, seed=1, buckets={"b": {"n": 5}}).layout
    assert {len(each) for each in wide.slot_owners(b"b")} == {5}
    assert {len(each) for each in wide.slot_owners()} == {3}


def test_a_layout_can_be_made_of_members() -> None:
    before = dynakv.Simulation(5, seed=7, buckets={"b": {"n": 2}}).layout
    fields = {"n": "3"}, {b"b": {"n": "2"}}
    same = dynakv.Layout(list(before.members), *fields)
    assert same.slot_owners() == before.slot_owners()
    assert same.slot_owners(b"b") == before.slot_owners(b"b")
    after = dynakv.Layout([*before.members, dynakv.Member("f" * 32, "new", "host:1")], *fields)
    assert after.slots_owned()["new"] == pytest.approx(3 * 2**14 / 6, rel=0.02)
    assert viz.balance(after).data()["copies"] == 3 * 2**14
    with pytest.raises(dynakv.ConfigError):
        dynakv.Layout([before.members[0], before.members[0]], *fields)
    with pytest.raises(dynakv.ConfigError):
        dynakv.Layout([], *fields)


def test_everything_that_has_a_layout_has_a_ring(
    cluster: dynakv.LocalCluster, kv: dynakv.Client
) -> None:
    sources = [cluster, kv, kv.bucket("b"), cluster.layout(), kv.admin]
    assert len({viz.ring(source).svg() for source in sources}) == 1
    assert viz.preference(kv, "k").data()["walk"][0]["state"] == "running"
    assert viz.preference(kv.admin, "k").data()["walk"][0]["state"] == "running"
    assert viz.preference(cluster, "k").data()["walk"][0]["state"] == "running"
    assert viz.preference(cluster.layout(), "k").data()["walk"][0]["state"] == "unknown"
    for figure in (viz.ring, viz.balance, lambda x: viz.preference(x, "k")):
        with pytest.raises(dynakv.ArgumentTypeError, match="not int"):
            figure(7)


def test_preference_is_the_walk_with_roles_and_states() -> None:
    sim = dynakv.Simulation(5, seed=7, zones=["dc1/r1", "dc2/r1"])
    owner = sim.where("cart")[1]
    sim.crash(owner)
    figure = viz.preference(sim, "cart")
    walk = figure.data()["walk"]
    assert [each["name"] for each in walk] == sim.layout.walk(b"cart")
    assert [each["role"] for each in walk] == ["owner"] * 3 + ["fallback"] * 2
    assert [each["state"] for each in walk].count("down") == 1
    assert walk[1]["state"] == "down"
    assert {each["zone"] for each in walk} == {"dc1/r1", "dc2/r1"}
    assert "fallback" in figure.text()


def test_balance_compares_with_the_fair_share() -> None:
    data = viz.balance(dynakv.Simulation(10, seed=1)).data()
    assert data["copies"] == 3 * 2**14
    assert sum(each["fair"] for each in data["nodes"]) == pytest.approx(data["copies"], abs=1)
    ratios = {each["name"]: each["ratio"] for each in data["nodes"]}
    assert max(ratios, key=lambda name: ratios[name]) == data["heaviest"]
    assert 1 <= max(ratios.values()) < 1.05


def test_moves_counts_what_a_join_moves() -> None:
    before = dynakv.Simulation(5, seed=7).layout
    after = dynakv.Layout([*before.members, dynakv.Member("f" * 32, "new", "host:1")])
    data = viz.moves(before, after).data()
    by_name = {each["name"]: each for each in data["nodes"]}
    old, new = before.slot_owners(), after.slot_owners()
    pairs = list(zip(old, new, strict=True))
    assert data["moved"] == sum(len(set(b) - set(a)) for a, b in pairs)
    assert data["slots_changed"] == sum(set(a) != set(b) for a, b in pairs)
    assert by_name["new"]["gained"] == after.slots_owned()["new"]
    assert by_name["new"]["before"] == by_name["new"]["lost"] == 0
    assert data["least"] <= data["moved"] <= 1.15 * data["least"]
    assert sum(each["lost"] for each in data["nodes"]) == data["moved"]
    back = viz.moves(after, before).data()
    assert {each["name"]: each["lost"] for each in back["nodes"]}["new"] == by_name["new"]["gained"]
    assert "No copy moves" in viz.moves(before, before).text()


def test_versions_shows_who_had_seen_whom(story: Story) -> None:
    data = viz.versions(story.recorder, "cart").data()
    by_value = {each["value"]: each for each in data["versions"]}
    assert set(by_value) == {"milk", "milk,eggs", "milk,tea"}
    milk = by_value["milk"]
    assert milk["superseded"]
    assert not milk["present"]
    assert by_value["milk,eggs"]["replaced"] == by_value["milk,tea"]["replaced"] == [milk["dot"]]
    assert set(data["siblings"]) == {by_value[v]["dot"] for v in ("milk,eggs", "milk,tea")}
    assert by_value["milk,tea"]["writer"] == "bob"


def test_versions_follow_a_merge_and_a_delete() -> None:
    story = Story()
    merged = story.alice.put("cart", b"all", context=story.found.context)
    data = viz.versions(story.recorder, "cart").data()
    last = data["versions"][-1]
    assert len(last["replaced"]) == 2
    assert data["siblings"] == [last["dot"]]  # nothing recorded has replaced it, and no read yet
    story.alice.delete("cart", context=merged.context)
    data = viz.versions(story.recorder, "cart").data()
    assert data["versions"][-1]["dot"] == "delete"
    assert data["versions"][-1]["replaced"] == [last["dot"]]
    assert data["siblings"] == []


def test_versions_of_one_result_or_of_several(story: Story) -> None:
    data = viz.versions(story.found).data()
    assert len(data["siblings"]) == 2
    assert data["key"] == "cart"
    assert all(not each["replaced"] for each in data["versions"])
    with pytest.raises(dynakv.ArgumentTypeError, match="Recorder"):
        viz.versions(7)


def test_a_recorder_records_every_verb(kv: dynakv.Client, key: str) -> None:
    recorder = viz.Recorder()
    recorder.watch(kv, "alice")
    kv.put(key, b"1")
    kv.update(key, lambda old: (old or b"") + b"2")
    with pytest.raises(dynakv.ConditionFailed):
        kv.put(key, b"3", if_absent=True)
    kv[key] = b"4"
    kv.delete(key)
    done = [(each.verb, each.outcome) for each in recorder]
    ok = [("put", "ok"), ("get", "ok"), ("put", "ok")]
    assert done == [*ok, ("put", "failed"), ("put", "ok"), ("delete", "ok")]
    assert all(each.began <= each.ended for each in recorder)
    assert next(iter(recorder)).value == b"1"
    with pytest.raises(dynakv.ArgumentTypeError):
        recorder.watch(7, "x")  # type: ignore[type-var]


def test_a_recorder_records_what_was_started() -> None:
    sim = dynakv.Simulation(3, seed=1)
    recorder = viz.Recorder(sim)
    alice = recorder.watch(sim.client("alice"), "alice")
    writing = alice.start_put("k", b"1")
    assert len(recorder) == 0
    writing.result()
    assert alice.start_get("k").result().value == b"1"
    put, get = recorder
    assert (put.verb, get.verb) == ("put", "get")
    assert put.began < put.ended <= get.began
    assert put.dot == get.siblings[0][0]


def test_request_has_a_lane_for_all_who_took_part() -> None:
    data = viz.request(explained()).data()
    assert data["lanes"] == ["client", "n1", "n4", "n2", "n0"]  # n3 was not needed
    assert viz.request(SimpleNamespace(**explained())).data() == data
    assert viz.request(SimpleNamespace(explain=explained())).data() == data
    met = viz.request(explained())
    failed = viz.request(explained(met_at_us=None))
    assert "W = 3 met" in met.svg()
    assert "W = 3 met" not in failed.svg()
    assert "was not met" in failed.text()


def test_request_draws_records_it_does_not_know_yet() -> None:
    odd = [event(1, "n9", "melted", None), *explained()["events"]]
    figure = viz.request(explained(events=odd))
    assert "n9" in figure.data()["lanes"]
    assert "melted" in figure.text()
    assert ElementTree.fromstring(figure.svg()) is not None


def test_request_pairs_questions_with_answers() -> None:
    found = exchanges_of(explained())
    pairs = [(each.node, each.asked_at, each.heard_at, each.event) for each in found]
    assert pairs == [
        ("n1", None, 0, "acked"),
        ("n4", 0, 900, "acked"),
        ("n2", 0, None, ""),
        ("n2", None, 5000, "silent"),
        ("n0", 5000, 5900, "hint_stored"),
    ]
    differing = [event(0, "n4", "sent"), event(5, "n4", "digest_differs")]
    found = exchanges_of(explained(events=[*differing, event(9, "n4", "answered")]))
    assert [(each.asked_at, each.heard_at) for each in found] == [(0, 5), (5, 9)]
    # A hint that the coordinator keeps itself is its own: no message, and not its owner's.
    own = [event(1, "n1", "hint_sent", "n2"), event(2, "n1", "hint_stored", "n2")]
    (kept,) = exchanges_of(explained(events=own))
    assert (kept.node, kept.asked_at, kept.target) == ("n1", None, "n2")
    assert ">for n2</text>" in viz.request(explained(events=own)).svg()


def test_a_long_wait_is_cut_short_and_said_to_be() -> None:
    axis = RequestAxis([0, 700, 500_000, 500_400], 0.0, 100.0)
    assert axis.cut == (700, 500_000)
    places = [axis.x(at) for at in (0, 700, 500_000, 500_400)]
    assert places == sorted(places)
    assert (places[0], places[-1]) == (0.0, pytest.approx(100.0))
    assert places[1] - places[0] > 30
    assert RequestAxis([0, 700, 1500], 0.0, 100.0).cut is None
    assert "cut short" not in viz.request(explained()).svg()
    late = [event(500_000, "n4", "acked"), *explained()["events"]]
    assert "494.1 ms, cut short" in viz.request(explained(events=late)).svg()


def test_request_of_real_records() -> None:
    sim = dynakv.Simulation(5, seed=5)
    kv = sim.client()
    first, second, third = (f"n{i}" for i in sim.where("k"))
    whole = kv.put("k", b"1", explain=True)
    assert whole.explain is not None
    data = viz.request(whole).data()
    assert data["lanes"] == ["client", first, second, third]
    assert viz.request(whole.explain.data()).data() == data
    sim.crash(int(second[1:]))
    sim.run_for(6)
    figure = viz.request(kv.put("k", b"2", w="all", explain=True))
    assert figure.data()["lanes"][:4] == ["client", first, second, third]
    assert figure.data()["lanes"][4] in figure.data()["fallbacks"]
    assert "known to be down, not asked" in figure.svg()
    assert f">for {second}</text>" in figure.svg()


def test_request_says_what_it_needs(kv: dynakv.Client, key: str) -> None:
    with pytest.raises(dynakv.ArgumentTypeError, match="explain=True"):
        viz.request(kv.put(key, b"1"))
    with pytest.raises(dynakv.ArgumentTypeError, match="no 'events'"):
        viz.request({name: value for name, value in explained().items() if name != "events"})
    with pytest.raises(dynakv.ArgumentTypeError, match="int has no 'operation'"):
        viz.request(7)


def test_request_of_an_error() -> None:
    sim = dynakv.Simulation(3, seed=7, sloppy=False, attempts=1)
    kv = sim.client()
    _, *others = sim.where("k")
    for index in others:
        sim.pause(index)
        sim.at(sim.now + 1, lambda index=index: sim.crash(index))
    with pytest.raises(dynakv.QuorumTimeout) as late:
        kv.put("k", b"1", timeout=4, explain=True)
    figure = viz.request(late.value)
    assert "The strict quorum of W = 2 was not met; only owners count." in figure.text()
    sim.run_for(6)
    with pytest.raises(dynakv.QuorumUnavailable) as refused:
        kv.put("k", b"2", explain=True)
    figure = viz.request(refused.value)
    assert "refused: too few to be reached" in figure.svg()
    assert figure.svg().count("known to be down, and not asked") == 2
    assert [each["event"] for each in figure.data()["events"]] == [
        *("received", "skipped", "skipped", "refused", "replied")
    ]
    with pytest.raises(dynakv.QuorumUnavailable) as silent:
        kv.put("k", b"2")
    with pytest.raises(dynakv.ArgumentTypeError, match="not made with explain=True"):
        viz.request(silent.value)


def stale_owner() -> tuple[dynakv.Simulation, str]:
    """Return a simulation in which one owner of "k" slept through a write that a read will find."""
    sim = dynakv.Simulation(5, seed=5)
    kv = sim.client()
    kv.put("k", b"1", w="all")
    _, away, last = sim.where("k")
    sim.pause(away)
    sim.run_for(5)
    (hint,) = kv.put("k", b"2", w=3).hinted
    for index in (away, last, int(hint.node[1:])):
        sim.crash(index)
    sim.restart(away)
    sim.run_for(5)
    return sim, f"n{away}"


def test_request_shows_who_is_to_be_repaired_and_with_a_trace_how_it_went() -> None:
    sim, stale = stale_owner()
    read = sim.client().get("k", explain=True)
    sim.run_for(1)
    plain = viz.request(read)
    assert "is sent what it lacks after the reply" in plain.svg()
    assert "its copy has less" in plain.svg()
    assert "has nothing of the key" in plain.svg()  # a fallback without a hint
    assert ">after the reply<" not in plain.svg()
    assert re.search(rf"{stale} +repair_planned", plain.text())

    whole = viz.request(read, trace=sim)
    events = [each for each in whole.data()["events"] if each["node"] == stale]
    kinds = [each["event"] for each in events]
    assert kinds[-3:] == ["repair_planned", "repair_sent", "repaired"]
    assert events[-1]["at_us"] > events[-2]["at_us"] >= whole.data()["replied_at_us"]
    assert "repaired: holds what it lacked" in whole.svg()
    assert ">after the reply<" in whole.svg()
    assert viz.request(read, trace=sim.trace).svg() == whole.svg()
    other = sim.client().get("k", explain=True)  # a request that repaired nothing
    assert viz.request(other, trace=sim).svg() == viz.request(other).svg()


def test_a_timeline_shows_repairs() -> None:
    sim, stale = stale_owner()
    sim.client().get("k")
    sim.run_for(1)
    assert {event.host for event in sim.trace if event.kind == "repaired"} == {stale}
    figure = viz.timeline(sim, start=sim.now - 2)
    assert ">repaired by a read<" in figure.svg()
    assert "another event" not in figure.svg()


def test_timeline_shows_faults_and_operations(story: Story) -> None:
    data = viz.timeline(story.sim, story.recorder).data()
    assert data["lanes"] == ["n0", "n1", "n2", "alice", "bob"]
    (cut,) = data["partitions"]
    assert sorted(cut["a"]) == ["alice", "n0"]
    assert sorted(cut["b"]) == ["bob", "n1", "n2"]
    times = {event.kind: event.at for event in story.sim.trace}
    assert (cut["start"], cut["end"]) == (times["block"], times["heal"])
    assert [(each["host"], each["kind"]) for each in data["spans"]] == [("n2", "down")]
    assert data["operations"] == {"conflict": 1, "ok": 4}
    early = viz.timeline(story.sim, story.recorder, end=0.5).data()
    assert early["partitions"] == []
    with pytest.raises(dynakv.ArgumentTypeError, match="not int"):
        viz.timeline([7])


def test_timeline_shows_who_keeps_hints() -> None:
    sim = dynakv.Simulation(5, seed=1)
    recorder = viz.Recorder(sim)
    kv = recorder.watch(sim.client("kv"), "kv")
    away = sim.where("k")[1]
    sim.crash(away)
    sim.run_for(5)
    (hint,) = kv.put("k", b"1", w=3).hinted
    assert hint.owner == f"n{away}"
    (done,) = recorder
    assert done.hinted == (hint,)
    figure = viz.timeline(sim, recorder)
    assert f"hint at {hint}" in figure.svg()
    assert f"hint at {hint}" in figure.text()
    assert "keeps a hint of it" in figure.svg()
    assert "keeps a hint" not in viz.timeline(sim, []).svg()


def test_the_history_of_a_simulation_will_do(story: Story) -> None:
    own = viz.timeline(story.sim).data()
    assert own["operations"] == {"conflict": 1, "ok": 4}
    assert own["lanes"] == ["n0", "n1", "n2", "alice", "bob"]
    known = viz.versions(story.recorder, "cart").data()
    assert viz.versions(story.sim.history, "cart").data()["siblings"] == known["siblings"]
    underway = dynakv.Simulation(3, seed=1)
    underway.client("alice").start_put("k", b"1")
    assert viz.timeline(underway).data()["operations"] == {"in doubt": 1}


def test_timeline_closes_what_lasts() -> None:
    trace = [
        {"at": 1.0, "kind": "pause", "host": "n0"},
        {"at": 2.0, "kind": "power loss", "host": "n0"},
        {"at": 3.0, "kind": "slowness 10", "host": "n1"},
        {"at": 4.0, "kind": "block one way", "host": "n0", "peer": "n1"},
        {"at": 5.0, "kind": "start", "host": "n0"},
    ]
    data = viz.timeline(trace).data()
    spans = [(each["host"], each["kind"], each["start"], each["end"]) for each in data["spans"]]
    assert spans == [("n0", "paused", 1.0, 2.0), ("n0", "down", 2.0, 5.0), ("n1", "slow", 3.0, 5.0)]
    assert data["partitions"][0]["one_way"]
    assert data["partitions"][0]["end"] == 5.0


def test_gossip_tells_who_heard_when() -> None:
    (topic,) = viz.gossip(news()).data()["topics"]
    assert topic["about"] == "n2"
    assert topic["observers"] == ["n0", "n1", "n3"]
    assert topic["first"] == {"suspect": 4.0, "dead": 6.0, "alive": 9.5}
    assert topic["last"]["dead"] == 6.5
    assert topic["faults"] == [{"at": 3.0, "kind": "down", "until": 9.0}]
    assert viz.gossip(news(), about="n7").data()["topics"] == []
    many = [SimEvent(i / 10, "dead", f"n{i}", "x", "") for i in range(100)]
    assert "100 nodes" in viz.gossip(many).svg()


def test_gossip_of_a_simulation_tells_what_its_nodes_believed() -> None:
    sim = dynakv.Simulation(5, seed=3)
    sim.run_for(8)
    assert viz.gossip(sim).data()["topics"] == []  # nobody was suspected
    sim.crash(2)
    sim.run_for(25)
    sim.restart(2)
    sim.run_for(5)
    (topic,) = viz.gossip(sim).data()["topics"]
    assert topic["about"] == "n2"
    assert topic["observers"] == ["n0", "n1", "n3", "n4"]
    (fault,) = topic["faults"]
    for kind, within in (("suspect", 5.0), ("dead", 17.0)):
        first, last = topic["first"][kind], topic["last"][kind]
        assert fault["at"] < first <= last < fault["at"] + within
    assert fault["until"] <= topic["first"]["alive"] <= topic["last"]["alive"] < fault["until"] + 2
    assert sim.fork().trace_hash == sim.trace_hash


def test_distribution_counts() -> None:
    row = viz.distribution({"a": range(1, 101)}, unit="ms").data()["rows"][0]
    assert (row["count"], row["median"], row["p95"], row["max"]) == (100, 50.5, 96.0, 100.0)
    for samples in ({}, {"a": []}):
        with pytest.raises(dynakv.ConfigError):
            viz.distribution(samples, unit="ms")


MODULES = sorted(path.stem for path in Path(viz.__path__[0]).glob("_[a-z]*.py"))


@pytest.mark.parametrize("name", ["", *MODULES])
def test_docstring_examples_run(name: str, cluster: dynakv.LocalCluster) -> None:
    module = importlib.import_module("dynakv.viz" + (f".{name}" if name else ""))
    failed, _ = doctest.testmod(module, extraglobs={"cluster": cluster, "dynakv": dynakv})
    assert failed == 0
