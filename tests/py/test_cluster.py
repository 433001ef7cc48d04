"""Local clusters of both modes: killing, restarting, keeping, placement."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import dynakv
import pytest

MODES = ["thread", pytest.param("process", marks=pytest.mark.slow)]


@pytest.mark.parametrize("mode", MODES)
def test_kill_and_restart_lose_nothing_acknowledged(mode: str) -> None:
    with dynakv.LocalCluster(3, mode=mode) as cluster:  # type: ignore[arg-type]
        kv = cluster.client()
        address = cluster.addresses[1]
        for round_number in range(2):
            names = [f"{round_number}/{i}" for i in range(200)]
            wrote = kv.put_many([(name, name.encode()) for name in names])
            assert all(isinstance(result, dynakv.PutResult) for result in wrote)
            cluster.kill(1)
            assert cluster.running == [True, False, True]
            assert kv.put(f"alone/{round_number}", b"v", timeout=10).acked
            cluster.restart(1)
            assert cluster.addresses[1] == address
            got = kv.get_many(names, timeout=10)
            for name in names:
                result = got[name.encode()]
                assert isinstance(result, dynakv.GetResult), result
                assert result.value == name.encode()


@pytest.mark.slow
def test_kill_all_at_once_and_come_back() -> None:
    with dynakv.LocalCluster(3, mode="process") as cluster:
        kv = cluster.client()
        names = [f"k{i}" for i in range(300)]
        kv.put_many([(name, name.encode()) for name in names])
        pids = [node.pid for node in cluster.nodes]
        assert len(set(pids)) == 3
        assert os.getpid() not in pids
        for index in range(3):
            cluster.kill(index)
        assert not any(cluster.running)
        for index in range(3):
            cluster.nodes[index].start()
        cluster.wait_until("ready")
        got = cluster.client().get_many(names, timeout=10)
        for name in names:
            result = got[name.encode()]
            assert isinstance(result, dynakv.GetResult), result
            assert result.value == name.encode()


@pytest.mark.parametrize("mode", MODES)
def test_a_kept_directory_goes_on(mode: str, tmp_path: Path) -> None:
    arguments = {"mode": mode, "data_dir": tmp_path}
    with dynakv.LocalCluster(3, **arguments) as cluster:  # type: ignore[arg-type]
        cluster.client().put("k", b"kept", w="all")
        before = cluster.addresses
    with dynakv.LocalCluster(3, **arguments) as cluster:  # type: ignore[arg-type]
        assert cluster.client().get("k", timeout=10).value == b"kept"
        assert cluster.addresses == before
        with pytest.raises(dynakv.DynakvError):  # a notebook cell that is run again
            dynakv.LocalCluster(3, **arguments)  # type: ignore[arg-type]
        assert cluster.client().get("k").value == b"kept"


def test_temporary_directory_goes_with_the_cluster() -> None:
    with dynakv.LocalCluster(1) as cluster:
        directory = cluster.data_dir
        assert directory.is_dir()
    assert not directory.exists()
    assert cluster.running == [False]
    cluster.stop()


def test_memory_nodes_do_not_come_back() -> None:
    with dynakv.LocalCluster(1, storage="memory") as cluster:
        cluster.kill(0)
        with pytest.raises(dynakv.ConfigError, match="nothing to come back with"):
            cluster.restart(0)


def test_small_clusters_fit_their_quorums() -> None:
    for nodes, n in ((1, 1), (2, 2), (4, 3)):
        with dynakv.LocalCluster(nodes, storage="memory") as cluster:
            assert cluster.client().properties.n == n
            assert cluster.client().put("k", b"v").acked


def test_layout_and_placement(cluster: dynakv.LocalCluster, kv: dynakv.Client) -> None:
    layout = cluster.layout()
    assert [member.name for member in sorted(layout.members, key=lambda m: m.name)] == [
        "n0",
        "n1",
        "n2",
    ]
    assert layout.version == 1
    assert layout.buckets == ("votes",)
    assert layout.properties(b"votes")["conflict"] == "lww"
    assert sorted(layout.owners(b"k")) == ["n0", "n1", "n2"]
    assert sum(layout.slots_owned().values()) == 3 * 16384
    assert {member.address for member in layout.members} == set(cluster.addresses)
    where = kv.admin.where("k")
    assert [owner.name for owner in where.owners] == layout.owners(b"k")
    assert where.fallbacks == ()
    assert 0 <= where.slot < 16384
    for status in kv.admin.status():
        assert (status.state, status.ready, len(status.connected)) == ("up", True, 2)


def coordinated(cluster: dynakv.LocalCluster, index: int) -> int:
    counters = cluster.nodes[index].metrics()
    return counters["writes"] + counters["gets"] + counters["forwarded"]


def test_client_via_one_node_asks_that_node() -> None:
    with dynakv.LocalCluster(5, storage="memory") as cluster, cluster.client(via=2) as kv:
        for i in range(30):
            wrote = kv.put(f"k{i}", b"v")
            if "n2" in cluster.layout().owners(b"k%d" % i):
                assert wrote.acked[0] == "n2"
            assert kv.get(f"k{i}").value == b"v"
        assert coordinated(cluster, 2) == 60
        assert cluster.nodes[2].metrics()["forwarded"] > 0
        cluster.kill(2)  # the others answer while it is away
        kv.put("k0", b"w", timeout=20)
        assert kv.get("k0", r=2, timeout=20).value == b"w"


def test_a_preferred_node_is_a_member(cluster: dynakv.LocalCluster, key: str) -> None:
    with cluster.client(prefer="n1") as kv:
        assert kv.put(key, b"v").acked[0] == "n1"
    with pytest.raises(dynakv.ConfigError, match="'n9', no member; there are: n0, n1, n2"):
        cluster.client(prefer="n9")
    with pytest.raises(dynakv.ConfigError, match='such as "n2"'):
        cluster.client(prefer=2)  # type: ignore[arg-type]
    with pytest.raises(dynakv.ConfigError, match="there is no node 3"):
        cluster.client(via=3)


def test_wait_until(cluster: dynakv.LocalCluster) -> None:
    cluster.wait_until("ready")
    calls = iter([False, False, True])
    cluster.wait_until(lambda: next(calls))
    with pytest.raises(dynakv.RequestTimeout):
        cluster.wait_until(lambda: False, timeout=0.05)


def test_first_members_by_address(wait_until: Callable[..., None]) -> None:
    import socket

    holders = [socket.socket() for _ in range(3)]
    for holder in holders:
        holder.bind(("127.0.0.1", 0))
    members = {f"m{i}": f"127.0.0.1:{h.getsockname()[1]}" for i, h in enumerate(holders)}
    for holder in holders:
        holder.close()
    nodes = [
        dynakv.Node(
            dynakv.NodeConfig(name=name, listen=at, members=members, storage="memory")
        ).start()
        for name, at in members.items()
    ]
    try:
        for node in nodes:
            node.wait_ready(20, peers=2)
        with dynakv.connect(members["m0"]) as kv:
            assert kv.put("k", b"v").acked
            assert len(kv.layout.members) == 3
    finally:
        for node in nodes:
            node.stop()


def test_stop_waits_no_longer_than_told() -> None:
    with dynakv.LocalCluster(1) as cluster:
        (node,) = cluster.nodes
        assert isinstance(node, dynakv.Node)
        kv = cluster.client()
        kv.put("k", b"v")
        with pytest.raises(dynakv.RequestTimeout, match="still stopping"):
            node.stop(timeout=1e-9)  # a sync takes longer
        node.stop(timeout=30)
        assert not node.running
        node.stop(timeout=1e-9)
        with pytest.raises(dynakv.ConfigError, match="timeout"):
            node.stop(timeout=0)
        cluster.restart(0)
        assert kv.get("k", timeout=20).value == b"v"


def _peer(node: dynakv.Node, name: str) -> dynakv.PeerStatus | None:
    return next((peer for peer in node.status().peers if peer.name == name), None)


def _first_members(directory: Path, count: int) -> list[dynakv.Node]:
    nodes = [
        dynakv.Node(dynakv.NodeConfig(name=f"m{i}", data_dir=directory / f"m{i}")).start()
        for i in range(count)
    ]
    for node in nodes:
        node.bootstrap([each.member for each in nodes])
    for node in nodes:
        node.wait_ready(20, peers=count - 1)
    return nodes


def test_a_node_joins_a_running_cluster_and_forwards(
    tmp_path: Path, wait_until: Callable[..., None]
) -> None:
    nodes = _first_members(tmp_path, 3)
    config = dynakv.NodeConfig(
        name="guest", data_dir=tmp_path / "guest", contact_points=(nodes[0].address,)
    )
    guest = dynakv.Node(config).start()
    try:
        guest.wait_ready(20, peers=3)
        with dynakv.connect(guest.address) as kv:
            assert kv.put("k", b"v").acked
            assert kv.get("k").value == b"v"
            assert [member.name for member in kv.layout.members].count("guest") == 0
        assert guest.metrics()["replica_puts"] == 0
        for node in nodes:
            wait_until(lambda node=node: _peer(node, "guest"))
            peer = _peer(node, "guest")
            assert peer is not None
            assert (peer.state, peer.in_layout, peer.address) == ("alive", False, guest.address)
        # It needs no contact points any more, and nobody has to be told where it is now.
        guest.stop()
        guest = dynakv.Node(config.changed(contact_points=())).start()
        guest.wait_ready(20, peers=3)
    finally:
        for node in [*nodes, guest]:
            node.stop()


def test_a_member_at_another_port_is_found_again(
    tmp_path: Path, wait_until: Callable[..., None]
) -> None:
    nodes = _first_members(tmp_path, 3)
    try:
        with dynakv.connect(nodes[0].address) as kv:
            kv.put("k", b"v", w=3)
        nodes[1].kill()
        moved = dynakv.Node(dynakv.NodeConfig(name="m1", data_dir=tmp_path / "m1")).start()
        old, nodes[1] = nodes[1].address, moved
        assert moved.address != old

        def is_found(node: dynakv.Node) -> bool:
            peer = _peer(node, "m1")
            return peer is not None and peer.connected and peer.address == moved.address

        wait_until(lambda: is_found(nodes[0]) and is_found(nodes[2]), timeout_s=20)
        moved.wait_ready(20, peers=2)
        # A new client is told the new address; all three have to answer.
        with dynakv.connect(nodes[0].address) as kv:
            assert moved.address in {member.address for member in kv.layout.members}
            assert kv.get("k", r=3, timeout=10).value == b"v"
    finally:
        for node in nodes:
            node.stop()


def test_a_dead_member_is_told_from_a_live_one(wait_until: Callable[..., None]) -> None:
    with dynakv.LocalCluster(3, storage="memory") as cluster:
        name = cluster.nodes[2].name
        cluster.kill(2)
        client = cluster.client(via=0)

        def states() -> set[str]:
            seen = [s for s in client.admin.status() if s.state == "up"]
            return {peer.state for s in seen for peer in s.peers if peer.name == name}

        wait_until(lambda: states() == {"suspect"}, timeout_s=20)
        assert all(
            peer.state == "alive"
            for status in client.admin.status()
            for peer in status.peers
            if peer.name != name
        )
