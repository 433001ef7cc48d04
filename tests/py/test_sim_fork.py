"""Snapshots and forks of a simulation: the same calls give the same run, and nothing is shared."""

from __future__ import annotations

import gc
import threading
import weakref
from typing import Any

import dynakv
import pytest
from dynakv.sim import Snapshot


def eventful(**arguments: Any) -> dynakv.Simulation:
    """Return a run with every kind of call in it, and with requests on their way."""
    sim = dynakv.Simulation(4, seed=11, timeout=1.0, **arguments)
    a, b = sim.client("a"), sim.client("b")
    sim.at(sim.now + 0.5, lambda: sim.crash(0, lose_unsynced=True))
    sim.at(sim.now + 0.9, lambda: (sim.restart(0), a.start_put("k3", b"from an action")))
    sim.skew(3, 2.5)
    sim.drift(1, -0.05)
    session = b.session()
    for i in range(25):
        pending = [a.start_put(f"k{i % 4}", b"a%d" % i), b.start_get("k0", r="all")]
        if i == 8:
            sim.partition([0, a], [1, 2, 3], one_way=True)
        if i == 12:
            sim.heal()
            sim.slow(2, 30)
            sim.pause(1)
        if i == 16:
            sim.partition(0, [1, 2])
            sim.mend(0, 1)
            sim.resume(1)
            sim.disk_full(2)
        if i == 20:
            sim.mend([0], [2])
        for each in pending:
            try:
                each.result()
            except dynakv.DynakvError:
                continue
        sim.step()
        sim.run_for(0.03)
    sim.disk_full(2, on=False)
    session.close()
    sim.wipe(3)
    sim.run_until(lambda: not sim.nodes[3].ready, timeout=1)
    b.start_get("k1")
    a.start_put("k1", b"under way")
    sim.step()
    return sim


def facts(sim: dynakv.Simulation) -> tuple[Any, ...]:
    return sim.trace_hash, sim.now, sim.trace, sim.metrics, sim.nodes, sim.history


@pytest.mark.parametrize("network", ["stream", "hostile"])
def test_a_fork_is_where_the_original_is(network: str) -> None:
    sim = eventful(network=network)
    assert facts(sim.fork()) == facts(sim)


def go_on(sim: dynakv.Simulation) -> tuple[Any, ...]:
    for i in range(5):
        sim.client("b").put(f"k{i}", b"later%d" % i, timeout=20)
    sim.crash(1)
    found = sim.client("new").get("k1", timeout=20)
    sim.restart(1)
    sim.run_for(3)
    return found.values, facts(sim)


def test_the_same_calls_give_the_same_run_on_both() -> None:
    sim = eventful()
    fork = sim.fork()
    assert go_on(fork) == go_on(sim)
    assert facts(fork.fork()) == facts(sim)


def test_the_two_are_independent() -> None:
    sim = eventful()
    before = facts(sim)
    fork = sim.fork()
    fork.client("a").put("k0", b"only here", timeout=20)
    fork.crash(2)
    assert facts(sim) == before
    assert fork.trace_hash != sim.trace_hash
    assert sim.client("a") is not fork.client("a")


def test_a_snapshot_stays_where_it_was_taken() -> None:
    sim = dynakv.Simulation(3, seed=3)
    kv = sim.client()
    kv.put("k", b"old")
    early, now, trace_hash = sim.snapshot(), sim.now, sim.trace_hash
    assert isinstance(early, Snapshot)
    assert (early.now, early.trace_hash) == (now, trace_hash)
    kv.put("k", b"new")
    assert sim.snapshot().calls == early.calls + 1
    forks = [early.fork(), early.fork()]
    del sim, kv
    for fork in forks:
        assert (fork.now, fork.trace_hash) == (now, trace_hash)
        assert fork.client().get("k").value == b"old"


def test_a_session_of_a_fork_has_seen_what_it_saw() -> None:
    sim = dynakv.Simulation(3, seed=3)
    sim.client("a").put("k", b"1")
    fork = sim.fork()
    fork.client("a").put("k", b"2")  # replaces what this session wrote before the fork
    assert fork.client("b").get("k").values == [b"2"]
    fork.client("c").put("k", b"3")  # has seen nothing
    assert len(fork.client("b").get("k", r="all").values) == 2


def test_an_action_is_not_called_again_and_what_is_not_due_stays_behind() -> None:
    sim = dynakv.Simulation(3, seed=3)
    called: list[str] = []
    sim.at(sim.now + 1, lambda: (called.append("done"), sim.crash(0)))
    sim.at(sim.now + 5, lambda: (called.append("later"), sim.crash(1)))
    sim.run_for(2)
    fork = sim.fork()
    assert called == ["done"]
    assert [node.state for node in fork.nodes] == ["down", "running", "running"]
    for _ in range(2):  # the second has not the number of the one that stayed behind
        fork.at(fork.now + 6, lambda: called.append("own"))
    fork.run_for(5)
    assert called == ["done"]
    assert [node.state for node in fork.nodes] == ["down", "running", "running"]
    fork.run_for(2)
    assert called == ["done", "own", "own"]
    sim.run_for(5)
    assert called == ["done", "own", "own", "later"]


def test_a_fork_inside_an_action() -> None:
    sim = dynakv.Simulation(3, seed=3)
    forks: list[tuple[float, dynakv.Simulation]] = []
    sim.at(sim.now + 1, lambda: (sim.crash(0), forks.append((sim.now, sim.fork()))))
    sim.run_for(2)
    ((at, fork),) = forks
    assert fork.now == at < sim.now
    fork.run_for(sim.now - fork.now)
    assert fork.trace_hash == sim.trace_hash


def test_other_threads_run_during_a_fork() -> None:
    sim = eventful()
    snapshot = sim.snapshot()
    forks: list[dynakv.Simulation] = []
    threads = [threading.Thread(target=lambda: forks.append(snapshot.fork())) for _ in range(3)]
    for thread in threads:
        thread.start()
    sim.run_for(1)  # the original may go on meanwhile
    for thread in threads:
        thread.join()
    assert {fork.trace_hash for fork in forks} == {snapshot.trace_hash}


def test_a_fork_does_not_keep_the_original() -> None:
    sim = eventful()
    gone = weakref.ref(sim)
    fork = sim.fork()
    del sim
    gc.collect()
    assert gone() is None
    fork.run_for(1)
