"""Faults of real nodes: pauses, wiped disks, partitions, late and lost messages; and waiting."""

from __future__ import annotations

import os
import select
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dynakv
import pytest
from dynakv import _process
from dynakv._cluster_waits import _owners_are_equal

MODES = ["thread", pytest.param("process", marks=pytest.mark.slow)]
WaitUntil = Callable[..., None]


@pytest.fixture(params=MODES)
def three(request: pytest.FixtureRequest) -> Iterator[dynakv.LocalCluster]:
    with dynakv.LocalCluster(3, mode=request.param, durability="os") as cluster:
        yield cluster


def seen(client: dynakv.Client, by: str, node: str) -> str:
    """What a node thinks of another one, and whether it is connected to it."""
    for status in client.admin.status():
        if status.name == by:
            peer = next(peer for peer in status.peers if peer.name == node)
            return f"{peer.state} {'connected' if peer.connected else 'gone'}"
    return "nobody"


def test_a_paused_node_is_suspected_and_comes_back(
    three: dynakv.LocalCluster, wait_until: WaitUntil
) -> None:
    kv = three.client()
    three.pause(2)
    assert three.running == [True, True, True]
    wait_until(lambda: seen(kv, "n0", "n2") == "suspect connected", what="n2 is suspected")
    assert "n2" not in kv.put("k", b"v").acked
    with pytest.raises((dynakv.QuorumUnavailable, dynakv.RequestTimeout)):
        kv.put("k", b"v", w="all", sloppy=False, timeout=1)
    with pytest.raises(dynakv.RequestTimeout, match=r"n2 does not answer|holds 1 hints"):
        three.wait_until("hints_drained", timeout=0.1)
    three.wait_until("ready")  # of those that can be
    three.resume(2)
    three.wait_until("converged", keys=["k"])
    assert sorted(kv.get("k", r="all").answered) == ["n0", "n1", "n2"]


def test_a_paused_node_can_be_killed_restarted_and_stopped(three: dynakv.LocalCluster) -> None:
    kv = three.client()
    three.pause(1)
    three.kill(1)
    assert three.running == [True, False, True]
    three.restart(1)
    kv.put("k", b"v", w="all", timeout=10)
    three.pause(1)
    three.restart(1)
    three.wait_until("converged", keys=["k"])
    three.pause(0)
    began = time.monotonic()
    three.stop()
    assert time.monotonic() - began < 8


def test_nodes_come_and_go_while_another_thread_sets_faults(three: dynakv.LocalCluster) -> None:
    over = threading.Event()

    def cut_and_heal() -> int:
        rounds = 0
        while not over.is_set():
            three.partition(0, 2)
            three.heal()
            rounds += 1
        return rounds

    with ThreadPoolExecutor(max_workers=1) as pool:
        healing = pool.submit(cut_and_heal)
        try:
            for _ in range(5):
                three.kill(2)
                three.nodes[2].start()
        finally:
            over.set()
        assert healing.result(60) > 0
    three.wait_until("ready")


@pytest.mark.slow
def test_a_kill_ends_a_request_before_it_closes_the_pipes(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting, killed = threading.Event(), threading.Event()

    def select_and_dally(*arguments: Any) -> Any:
        waiting.set()
        ready = select.select(*arguments)
        killed.wait(0.3)  # long enough for a kill that does not wait for who reads
        return ready

    with dynakv.LocalCluster(1, mode="process") as cluster, ThreadPoolExecutor(1) as pool:
        node = cluster.nodes[0]
        assert isinstance(node, _process.ProcessNode)
        assert node.pid is not None
        os.kill(node.pid, signal.SIGSTOP)  # it will not answer
        monkeypatch.setattr(_process, "select", SimpleNamespace(select=select_and_dally))
        asking = pool.submit(node.wait_ready)
        assert waiting.wait(20)
        cluster.kill(0)
        killed.set()
        with pytest.raises(dynakv.ClosedError, match="ended with status -9"):
            asking.result(20)


@pytest.mark.slow
def test_an_answer_that_comes_too_late_answers_nothing_else() -> None:
    with dynakv.LocalCluster(1, mode="process") as cluster:
        node = cluster.nodes[0]
        assert isinstance(node, _process.ProcessNode)
        assert node.pid is not None
        os.kill(node.pid, signal.SIGSTOP)
        with pytest.raises(dynakv.RequestTimeout, match=r"said nothing for 0\.05 s"):
            node._request({"do": "something unknown"}, timeout=0.05)
        os.kill(node.pid, signal.SIGCONT)
        cluster.heal()  # not refused as unknown
        with pytest.raises(dynakv.ConfigError, match="something else"):
            node._request({"do": "something else"})


def test_a_partition_loses_messages_and_closes_nothing(
    three: dynakv.LocalCluster, wait_until: WaitUntil
) -> None:
    kv = three.client()
    kv.put("k", b"1", w="all")
    three.partition([0, 1], [2])
    for here, there in (("n0", "n2"), ("n1", "n2"), ("n2", "n0"), ("n2", "n1")):
        wait_until(
            lambda here=here, there=there: seen(kv, here, there) == "suspect connected",
            what=f"{here} suspects {there}",
        )
    assert seen(kv, "n0", "n1") == "alive connected"
    once = dynakv.RetryPolicy(attempts=1)  # or a refused client asks the other side
    left, right = three.client(via=0), three.client(via=2, retry=once)
    assert "n2" not in left.put("k", b"left", overwrite=True).acked
    with pytest.raises(dynakv.QuorumUnavailable):
        right.get("k", sloppy=False)
    assert right.put("k", b"right", w=1).acked == ("n2",)
    with pytest.raises(dynakv.RequestTimeout):
        three.wait_until("converged", keys=["k"], timeout=0.1)
    three.heal()
    three.wait_until("converged", keys=["k"])
    assert sorted(kv.get("k").values) == [b"left", b"right"]


def test_a_partition_of_one_direction(three: dynakv.LocalCluster, wait_until: WaitUntil) -> None:
    kv = three.client()
    three.partition(0, 1, one_way=True)
    wait_until(lambda: seen(kv, "n1", "n0").startswith("suspect"), what="n1 suspects n0")
    assert seen(kv, "n1", "n2") == "alive connected"
    three.heal()
    three.wait_until("converged")


def test_a_restarted_node_stays_behind_its_partition(
    three: dynakv.LocalCluster, wait_until: WaitUntil
) -> None:
    kv = three.client()
    three.partition([0, 1], [2])
    three.restart(2)
    three.kill(1)
    three.restart(1)
    wait_until(lambda: seen(kv, "n1", "n0") == "alive connected", what="n1 is back")
    assert seen(kv, "n2", "n0").endswith("gone")
    three.heal()
    three.wait_until("converged", timeout=20)


def test_delay_and_drop(three: dynakv.LocalCluster) -> None:
    kv = three.client()
    owners = [int(name[1:]) for name in kv.layout.owners(b"k")]
    kv.put("k", b"1", w="all")
    for other in owners[1:]:
        three.delay(owners[0], other, 0.1)
    began = time.monotonic()
    kv.put("k", b"2", w="all")
    assert time.monotonic() - began > 0.2
    three.heal()
    three.drop(owners[0], owners[1], 1.0)
    three.drop(owners[0], owners[2], 1.0)
    assert kv.put("k", b"3", w=1).acked == (f"n{owners[0]}",)
    three.drop(owners[0], owners[1], 0)
    three.drop(owners[0], owners[2], 0)
    three.wait_until("converged", keys=["k"])


def test_hints_drain_to_a_node_that_comes_back() -> None:
    with dynakv.LocalCluster(5, durability="os") as cluster:
        kv = cluster.client()
        names = [f"k{i}" for i in range(200)]
        cluster.kill(4)
        wrote = kv.put_many([(name, b"v") for name in names], timeout=10)
        assert all(isinstance(result, dynakv.PutResult) for result in wrote)
        with pytest.raises(dynakv.RequestTimeout, match=r"holds [0-9]+ hints"):
            cluster.wait_until("hints_drained", timeout=0.2)
        cluster.restart(4)
        cluster.wait_until("hints_drained")
        mine = [name for name in names if "n4" in kv.layout.owners(name.encode())]
        # What it has now it has from hints: nobody has read it.
        found = cluster.client(via=4).get_many(mine, r=1, explain=True, timeout=10)
        assert mine
        for result in found.values():
            assert isinstance(result, dynakv.GetResult)
            assert result.explain is not None
            local = next(event for event in result.explain.events if event.event == "answered")
            assert (local.node, result.value) == ("n4", b"v")
        cluster.wait_until("converged", keys=names)


def test_a_wiped_node_recovers(three: dynakv.LocalCluster, wait_until: WaitUntil) -> None:
    kv = three.client()
    kv.put("k", b"v", w="all")
    directory = Path(three.data_dir, "n1")
    assert any(directory.iterdir())
    three.wipe(1)
    assert three.running == [True, False, True]
    assert not directory.exists()
    assert kv.get("k", timeout=10).value == b"v"
    before = three.nodes[1].member
    three.restart(1)
    assert three.nodes[1].member == before
    three.wait_until("converged", keys=["k"])
    assert sorted(kv.get("k", r="all", sloppy=False).answered) == ["n0", "n1", "n2"]

    def status() -> dynakv.NodeStatus:
        return next(status for status in kv.admin.status() if status.name == "n1")

    wait_until(lambda: status().state == "up", what="the client has found n1 again")
    assert (status().recovering, status().counters["recoveries"]) == (False, 1)


def test_a_wiped_node_is_refused_where_rejoin_is_off() -> None:
    with dynakv.LocalCluster(3, rejoin=False) as cluster:
        kv = cluster.client()
        kv.put("k", b"v", w="all")
        cluster.wipe(1)
        # The whole reason, up to its remedy: a refusal is not longer than the Hello it answers.
        reason = "'n1' belongs to a node with another id: .* the node under a new layout"
        with pytest.raises(dynakv.DynakvError, match=reason):
            cluster.restart(1, timeout=5)
        assert kv.get("k").value == b"v"


@pytest.mark.parametrize(
    ("use", "words"),
    [
        (lambda c: c.partition([0, 1], [1]), "both sides"),
        (lambda c: c.partition([0], [3]), "no node 3"),
        (lambda c: c.delay(0, 0, 1), "name two"),
        (lambda c: c.delay(0, 1, -1), "0 or more"),
        (lambda c: c.delay(0, 1, "1"), "a number"),
        (lambda c: c.drop(0, 1, 1.5), "0 to 1"),
        (lambda c: c.wait_until("repaired"), "hints_drained"),
        (lambda c: c.pause(7), "no node 7"),
    ],
)
def test_bad_faults(
    cluster: dynakv.LocalCluster, use: Callable[[dynakv.LocalCluster], None], words: str
) -> None:
    with pytest.raises(dynakv.ConfigError, match=words):
        use(cluster)


def test_only_nodes_in_development_obey(tmp_path: Path) -> None:
    with dynakv.Node(dynakv.NodeConfig(data_dir=tmp_path, n=1, r=1, w=1)) as node:
        for use in (node._pause, lambda: node._set_link_faults([])):
            with pytest.raises(dynakv.ConfigError, match="development"):
                use()


def test_converged_sees_an_owner_that_has_nothing() -> None:
    read: Any = SimpleNamespace(all_answered=True, explain=SimpleNamespace(events=[]))
    assert _owners_are_equal(read)
    read.explain.events.append(SimpleNamespace(event="repair_planned"))
    assert not _owners_are_equal(read)
