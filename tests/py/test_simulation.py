"""The simulator from Python: the verbs on virtual time, faults, and a model of siblings."""

from __future__ import annotations

import gc
import subprocess
import weakref
from collections.abc import Callable

import dynakv
import pytest
from dynakv.sim import SimClient, run_seeds
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

ALL_READY = "every node is ready"


def all_ready(sim: dynakv.Simulation) -> bool:
    return sim.run_until(lambda: all(node.ready for node in sim.nodes), timeout=60)


def three(seed: int = 1, **arguments: object) -> dynakv.Simulation:
    return dynakv.Simulation(3, seed=seed, **arguments)  # type: ignore[arg-type]


# ------------------------------------------------------------------ the verbs


def test_the_verbs_are_those_of_the_real_client() -> None:
    sim = dynakv.Simulation(seed=1)
    kv = sim.client("alice")
    assert isinstance(kv, dynakv.Client)
    assert not kv.get("k").exists
    wrote = kv.put("k", b"1")
    assert isinstance(wrote, dynakv.PutResult)
    assert len(wrote.acked) >= 2
    found = kv.get("k", explain=True)
    assert isinstance(found, dynakv.GetResult)
    assert found.value == b"1"
    assert isinstance(found.siblings[0], dynakv.Sibling)
    assert found.context == dynakv.Context.from_bytes(bytes(found.context))
    assert found.explain is not None
    assert len(found.answered) >= 2
    kv.delete("k", context=found.context)
    assert kv.get_value("k", b"none") == b"none"
    assert kv.update("n", lambda old: (old or b"") + b"x").value == b"x"
    assert set(kv.get_many(["k", "n"])) == {b"k", b"n"}
    numbers = kv.bucket("numbers", codec=dynakv.json_codec)
    numbers["a"] = 5
    assert numbers["a"] == 5
    assert {status.state for status in kv.admin.status()} == {"up"}
    assert [f"n{i}" for i in sim.where("k")] == kv.layout.owners(b"k")
    assert sim.client("alice") is kv


def test_errors_are_those_of_the_real_client() -> None:
    kv = three().client()
    kv.put("k", b"1")
    with pytest.raises(dynakv.ConditionFailed) as refused:
        kv.put("k", b"2", if_absent=True)
    assert isinstance(refused.value.result, dynakv.GetResult)
    assert refused.value.result.value == b"1"
    with pytest.raises(dynakv.ContextError):
        kv.put("other", b"2", context=kv.get("k").context)
    with pytest.raises(dynakv.KeyTooLarge):
        kv.get("k" * 5000)
    kv.close()
    with pytest.raises(dynakv.ClosedError):
        kv.get("k")


def test_too_few_owners_end_a_write_by_its_deadline() -> None:
    sim = three()
    kv = sim.client()
    sim.pause(1)
    sim.pause(2)
    began = sim.now
    with pytest.raises((dynakv.QuorumError, dynakv.RequestTimeout, dynakv.NoNodesAvailable)):
        kv.put("k", b"1", timeout=3)
    assert sim.now - began < 3.5
    assert [node.state for node in sim.nodes] == ["running", "paused", "paused"]
    sim.resume(1)
    sim.resume(2)
    sim.run_for(5)
    assert kv.put("k", b"2")


def test_values_expire_in_virtual_time() -> None:
    sim = three()
    kv = sim.client()
    kv.put("k", b"1", ttl=10)
    assert kv.get_value("k") == b"1"
    sim.run_for(11)
    assert kv.get_value("k") is None


def test_two_operations_overlap() -> None:
    sim = three()
    a, b = sim.client("a"), sim.client("b")
    before = sim.now
    puts = [a.start_put("k", b"1"), b.start_put("k", b"2")]
    assert sim.now == before
    assert not any(put.done for put in puts)
    assert {put.result().key for put in puts} == {b"k"}
    reading = a.start_get("k", r="all")
    assert sim.run_until(lambda: reading.done, timeout=5)
    assert sorted(reading.result().values) == [b"1", b"2"]
    assert reading.result() is reading.result()
    refused = a.start_put("k", b"3", if_absent=True)
    for _ in range(2):
        with pytest.raises(dynakv.ConditionFailed) as error:
            refused.result()
        assert isinstance(error.value.result, dynakv.GetResult)


# ------------------------------------------------------------------ time


def test_actions_run_when_due_and_may_use_the_simulation() -> None:
    sim = three()
    kv = sim.client()
    seen: list[float] = []
    start = sim.now
    sim.at(start + 2, lambda: seen.append(sim.now))
    sim.at(start + 1, lambda: (seen.append(sim.now), kv.put("k", b"1")))
    sim.run_for(3)
    assert seen == pytest.approx([start + 1, start + 2])
    assert sim.now == pytest.approx(start + 3)
    assert kv.get_value("k") == b"1"


def test_an_error_of_an_action_comes_out_and_spoils_nothing() -> None:
    sim = three()
    sim.at(sim.now + 1, lambda: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        sim.run_for(5)
    sim.run_for(1)
    assert sim.client().put("k", b"1")


def test_steps_and_conditions() -> None:
    sim = three()
    before = sim.now
    assert not sim.run_until(lambda: False, timeout=0.5)
    assert sim.now == pytest.approx(before + 0.5)
    pending = sim.client().start_get("k")
    steps = 0
    while not pending.done:
        sim.step()
        steps += 1
    assert steps > 3


def test_an_action_that_never_came_does_not_keep_the_simulation() -> None:
    sim = three()
    sim.at(sim.now + 1e6, sim.heal)
    sim.client()
    gone = weakref.ref(sim)
    del sim
    gc.collect()
    assert gone() is None


# ------------------------------------------------------------------ determinism

SCENARIO = """
import dynakv
def run(seed, network):
    sim = dynakv.Simulation(seed=seed, network=network)
    a, b = sim.client("a"), sim.client("b")
    sim.at(sim.now + 1, lambda: sim.crash(0, lose_unsynced=True))
    sim.at(sim.now + 2, lambda: sim.restart(0))
    for i in range(30):
        pending = [a.start_put("k%d" % (i % 3), b"a%d" % i), b.start_get("k0")]
        for each in pending:
            try:
                each.result()
            except dynakv.DynakvError:
                pass
        if i == 10:
            sim.partition([0, 1, a], [2, 3, 4, b])
        if i == 20:
            sim.heal()
        sim.run_for(0.1)
    return sim.trace_hash, sim.now, sim.trace, sim.metrics
"""


@pytest.mark.parametrize("network", ["stream", "hostile"])
def test_same_seed_and_calls_give_the_same_run(network: str) -> None:
    names: dict[str, Callable[..., tuple[object, ...]]] = {}
    exec(SCENARIO, names)
    first = names["run"](3, network)
    assert names["run"](3, network) == first
    assert names["run"](4, network)[0] != first[0]


def test_another_process_gives_the_same_run(
    run_python: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    script = SCENARIO + "print(run(3, 'stream')[:2])"
    outputs = {run_python(script).stdout for _ in range(2)}
    names: dict[str, Callable[..., tuple[object, ...]]] = {}
    exec(SCENARIO, names)
    assert outputs == {f"{names['run'](3, 'stream')[:2]}\n"}


# ------------------------------------------------------------------ faults


def test_two_sides_of_a_partition_make_siblings_that_a_reader_resolves() -> None:
    sim = three(seed=7)
    left, right = sim.client("left"), sim.client("right")
    left.put("cart", b"milk")
    right.get("cart")
    sim.partition([0, left], [1, 2, "right"])
    left.put("cart", b"milk,eggs", w=1, timeout=20)
    right.put("cart", b"milk,tea", timeout=20)
    sim.heal()
    sim.run_for(10)
    reader = sim.client("reader")
    found = reader.get("cart", r="all")
    assert sorted(found.values) == [b"milk,eggs", b"milk,tea"]
    with pytest.raises(dynakv.SiblingsError):
        _ = found.value
    reader.put("cart", b"milk,eggs,tea", context=found.context)
    assert left.get("cart").values == [b"milk,eggs,tea"]
    kinds = {(event.kind, event.host, event.peer) for event in sim.trace}
    assert {("block", "n0", "right"), ("heal", None, None)} <= kinds


def survivors(seed: int, durability: str) -> int:
    """Lose power everywhere right after the last of 10 writes; return how many are still there."""
    sim = three(seed, durability=durability, delay=1e-6)  # acknowledged before a sync can end
    kv = sim.client()
    for i in range(10):
        kv.put(f"k{i}", b"%d" % i)
    for node in range(3):
        sim.crash(node, lose_unsynced=True)
    assert [node.state for node in sim.nodes] == ["down"] * 3
    assert sim.metrics == {"n0": {}, "n1": {}, "n2": {}}
    for node in range(3):
        sim.restart(node)
    assert all_ready(sim), ALL_READY
    sim.run_for(5)
    # Another session: that of the writer is told "stale" of what was lost, never "nothing".
    reader = sim.client("reader")
    return sum(reader.get_value(f"k{i}", r=2) == b"%d" % i for i in range(10))


def test_power_loss_keeps_acknowledged_writes_only_under_group() -> None:
    assert [survivors(seed, "group") for seed in range(20)] == [10] * 20
    assert min(survivors(seed, "os") for seed in range(20)) < 10


def test_a_wiped_node_comes_back_under_its_name_and_recovers() -> None:
    sim = three()
    kv = sim.client()
    kv.put("k", b"1", w="all")
    sim.wipe(2)
    sim.restart(2)
    sim.run_for(1)
    assert not sim.nodes[2].ready
    sim.run_for(14)
    assert {"hello refused", "identity"} <= {event.kind for event in sim.trace}
    assert sim.nodes[2].ready
    sim.crash(0)
    # Its copy counts again: without it there is no quorum.
    assert kv.get_value("k", r=2) == b"1"


def test_slow_skewed_and_full() -> None:
    sim = three()
    kv = sim.client()
    sim.slow(0, 50)
    sim.skew(1, 3600)
    assert kv.put("k", b"1", timeout=20)
    sim.slow(0, 1)
    for node in range(3):
        sim.disk_full(node)
    with pytest.raises(dynakv.DynakvError):
        kv.put("k", b"2", timeout=2)
    for node in range(3):
        sim.disk_full(node, on=False)
    sim.run_for(5)
    assert kv.put("k", b"3", timeout=20)


def test_a_disk_full_to_the_last_byte_lets_a_node_wait() -> None:
    sim = three()
    kv = sim.client()
    sim.disk_full(0, room=0)
    wrote = kv.put("k", b"1", timeout=20)
    assert wrote.acked == ("n1", "n2")
    sim.run_for(8)
    assert kv.put("k", b"2", timeout=20).acked == ("n1", "n2"), "it said nothing meanwhile"
    sim.disk_full(0, on=False)
    sim.run_for(10)
    assert kv.get("k", r="all", timeout=20).value == b"2"
    assert set(kv.put("k", b"3", w="all", timeout=20).acked) == {"n0", "n1", "n2"}
    with pytest.raises(dynakv.ConfigError, match="room is -1"):
        sim.disk_full(0, room=-1)


def gossip_rounds_of_a_minute(sim: dynakv.Simulation) -> dict[str, int]:
    before = sim.metrics
    sim.run_for(60)
    return {
        name: now["gossip_rounds"] - before[name]["gossip_rounds"]
        for name, now in sim.metrics.items()
    }


def test_a_node_whose_clock_runs_fast_gossips_more_often() -> None:
    sim = three()
    assert all_ready(sim), ALL_READY
    sim.drift(1, 0.5)
    rounds = gossip_rounds_of_a_minute(sim)
    assert 1.4 < rounds["n1"] / rounds["n0"] < 1.6
    sim.drift(1, 0)
    rounds = gossip_rounds_of_a_minute(sim)
    assert 0.9 < rounds["n1"] / rounds["n0"] < 1.1


def test_mend_ends_one_partition_and_no_other() -> None:
    sim = three()
    one, two = sim.client("one"), sim.client("two")
    assert all_ready(sim), ALL_READY
    sim.partition([0, 1, 2], [one, two])
    sim.mend([0, 1, 2], one)
    sim.run_for(5)
    assert one.put("k", b"1")
    with pytest.raises(dynakv.DynakvError):
        two.put("k", b"2", timeout=2)
    sim.heal()
    sim.run_for(5)
    assert two.put("k", b"2")


# ------------------------------------------------------------------ arguments

REFUSED: list[tuple[Callable[[dynakv.Simulation], object], str]] = [
    (lambda sim: sim.crash(3), "node is 3; use 0 to 2"),
    (lambda sim: sim.restart(-1), "use 0 to 2"),
    (lambda sim: sim.pause("n0"), "use an int from 0 to 2"),  # type: ignore[arg-type]
    (lambda sim: sim.slow(0, 0), "factor is 0; use 1"),
    (lambda sim: sim.skew(0, float("nan")), "seconds is nan"),
    (lambda sim: sim.drift(0, 0.6), "rate is 0.6; use -0.5 to 0.5"),
    (lambda sim: sim.drift(0, float("nan")), "rate is nan"),
    (lambda sim: sim.partition([0], ["bob"]), "make it first"),
    (lambda sim: sim.mend([0], ["bob"]), "make it first"),
    (lambda sim: sim.run_for(-1), "more than 0"),
    (lambda sim: sim.at(0, print), "use sim.now"),
    (lambda sim: sim.client(5), "is a str"),  # type: ignore[arg-type]
    (lambda _: dynakv.Simulation(2, seed=1), "N=3 needs as many nodes.*add nodes or lower n"),
    (lambda _: dynakv.Simulation(0, seed=1), "nodes is 0; use 1 to 1000"),
    (lambda _: three(w=4), "w"),
    (lambda _: three(network="udp"), "'stream' or 'hostile'"),
    (lambda _: three(loss=0.1), 'network="hostile"'),
    (lambda _: three(network="hostile", loss=2), "less than 1"),
    (lambda _: three(durability="none"), "durability"),
    (lambda _: three(delay=0), "delay"),
    (lambda _: run_seeds(-1, 1), "first is -1; use 0 to"),
    (lambda _: run_seeds(1, 1, length=1), "at least 3 seconds"),
]


@pytest.mark.parametrize(("call", "words"), REFUSED)
def test_arguments_are_refused_with_a_remedy(
    call: Callable[[dynakv.Simulation], object], words: str
) -> None:
    with pytest.raises(dynakv.ConfigError, match=words):
        call(three())


def test_seeds_run_clean_and_repeat() -> None:
    results = run_seeds(11, 3, operations=200, length=20)
    assert [result.seed for result in results] == [11, 12, 13]
    assert {result.kind for result in results} == {"clean"}
    assert all(result.violations == () and result.acked_writes > 0 for result in results)
    assert run_seeds(11, 3, operations=200, length=20) == results
    assert run_seeds(1, 0) == []


# ------------------------------------------------------------------ a model of siblings


class Siblings(RuleBasedStateMachine):
    """Values are unique. A write supersedes what its client had seen, and nothing else."""

    def __init__(self) -> None:
        super().__init__()
        # One try each: a write that is tried again after its node was lost may have been applied
        # twice, and its first copy may outlive what replaced the second (I13).
        self.sim = three(seed=5, timeout=2.0, delay=1e-6, attempts=1)
        self.clients: list[SimClient] = [self.sim.client(f"c{i}") for i in range(3)]
        self.seen: list[set[bytes]] = [set() for _ in self.clients]
        self.covers: dict[bytes, frozenset[bytes]] = {}  # of each write that may be applied
        self.acked: set[bytes] = set()
        self.count = 0
        self.cut = False

    def closed(self, values: set[bytes]) -> set[bytes]:
        """Everything that these writes supersede."""
        return set().union(*(self.covers[value] for value in values))

    def note_read(self, client: int, values: list[bytes]) -> None:
        shown = set(values)
        assert len(shown) == len(values)
        assert shown <= self.covers.keys(), "a value that nobody wrote"
        assert not shown & self.closed(shown), "a value beside one that replaced it"
        assert not shown & self.closed(self.seen[client]), "a session went back"
        lost = self.seen[client] - shown - self.closed(set(self.covers))
        assert not lost, "a session lost what it saw"
        self.seen[client] |= shown

    @rule(client=st.integers(0, 2), w=st.sampled_from([1, 2, 3]))
    def put(self, client: int, w: int) -> None:
        self.count += 1
        value = b"v%d" % self.count
        known = self.seen[client]
        self.covers[value] = frozenset(known | self.closed(known))
        try:
            self.clients[client].put("k", value, w=w)
        except dynakv.DynakvError as error:
            if not error.in_doubt:
                del self.covers[value]
        else:
            self.acked.add(value)
            known.add(value)

    @rule(client=st.integers(0, 2), r=st.sampled_from([1, 2, 3]))
    def get(self, client: int, r: int) -> None:
        try:
            found = self.clients[client].get("k", r=r)
        except dynakv.DynakvError:
            return
        self.note_read(client, found.values)

    @precondition(lambda self: not self.cut)
    @rule(node=st.integers(0, 2), client=st.integers(0, 2))
    def partition(self, node: int, client: int) -> None:
        others: list[int | str | SimClient] = [i for i in range(3) if i != node]
        others += [c for i, c in enumerate(self.clients) if i != client]
        self.sim.partition([node, self.clients[client]], others)
        self.cut = True

    @precondition(lambda self: self.cut)
    @rule()
    def heal(self) -> None:
        self.sim.heal()
        self.cut = False

    @rule(node=st.integers(0, 2), lose_unsynced=st.booleans())
    def crash(self, node: int, *, lose_unsynced: bool) -> None:
        self.sim.crash(node, lose_unsynced=lose_unsynced)

    @rule(node=st.integers(0, 2))
    def restart(self, node: int) -> None:
        self.sim.restart(node)

    @rule(seconds=st.sampled_from([0.01, 0.5, 5.0]))
    def wait(self, seconds: float) -> None:
        self.sim.run_for(seconds)

    def teardown(self) -> None:
        self.sim.heal()
        for node in range(3):
            self.sim.restart(node)
        assert all_ready(self.sim), ALL_READY
        self.sim.run_for(20)
        shown = set(self.sim.client("reader").get("k", r="all", timeout=20).values)
        assert shown <= self.covers.keys(), "a value that nobody wrote"
        assert not shown & self.closed(self.acked), "a replaced value came back"
        lost = self.acked - self.closed(set(self.covers)) - shown
        assert not lost, "an acknowledged value is lost"


TestSiblings = Siblings.TestCase
TestSiblings.settings = settings(max_examples=150, stateful_step_count=40)
