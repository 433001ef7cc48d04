"""Every error says what happened, whether it is in doubt, and what to do about it."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import dynakv
import pytest
from dynakv._process import ProcessNode

# ------------------------------------------------------------------ arguments


@pytest.mark.parametrize(
    ("use", "error", "words"),
    [
        (lambda kv: kv.get(""), dynakv.ConfigError, "1 to 4096 bytes"),
        (lambda kv: kv.put("", b"v"), dynakv.ConfigError, "1 to 4096 bytes"),
        (lambda kv: kv.get("k" * 4097), dynakv.KeyTooLarge, "4097"),
        (lambda kv: kv.put("k", bytes((1 << 20) + 1)), dynakv.ValueTooLarge, "value_bytes_max"),
        (lambda kv: kv.get(7), dynakv.ArgumentTypeError, "use str"),
        (lambda kv: kv.put("k", "text"), dynakv.ArgumentTypeError, "str_codec"),
        (lambda kv: kv.put("k", 7), TypeError, "bytes, not int"),
        (lambda kv: kv.put("k", b"v", ttl=-1), dynakv.ConfigError, "ttl"),
        (lambda kv: kv.get("k", r=4), dynakv.ConfigError, "4"),
        (lambda kv: kv.put("k", b"v", w=4), dynakv.ConfigError, "4"),
        (lambda kv: kv.get("k", r=0), dynakv.ConfigError, "1 to 7"),
        (lambda kv: kv.get("k", r="most"), dynakv.ConfigError, '"quorum" or "all"'),
        (lambda kv: kv.get("k", timeout=0), dynakv.ConfigError, "more than 0"),
        (lambda kv: kv.get("k", timeout="1"), dynakv.ArgumentTypeError, "number of seconds"),
        (lambda kv: kv.get("k", quorum=2), dynakv.ArgumentTypeError, "unknown option quorum"),
        (lambda kv: kv.get("k", sloppy="no"), dynakv.ArgumentTypeError, "True or False"),
        (lambda kv: kv.put("k", b"v", sloppy=0), dynakv.ArgumentTypeError, "True or False"),
        (lambda kv: kv.get("k", read_repair="always"), dynakv.ConfigError, '"off", "background"'),
        (lambda kv: kv.bucket(""), dynakv.ConfigError, "1 to 255"),
        (lambda kv: kv.bucket("b" * 256), dynakv.ConfigError, "1 to 255"),
        (lambda kv: kv.update("k", lambda old: old, attempts=0), dynakv.ConfigError, "at least 1"),
        (
            lambda kv: kv.bucket("j", codec=dynakv.json_codec).put("k", {1j}),
            dynakv.ArgumentTypeError,
            "JSON",
        ),
    ],
)
def test_bad_arguments(
    kv: dynakv.Client, use: Callable[[dynakv.Client], object], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words) as caught:
        use(kv)
    if isinstance(caught.value, dynakv.DynakvError):
        assert not caught.value.in_doubt
        assert not caught.value.retryable


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"nodes": 2, "n": 3}, "N=3 needs as many nodes, but the cluster has 2"),
        ({"nodes": 0}, "nodes is 0"),
        ({"r": 4}, "r"),
        ({"w": 5, "n": 3}, "w"),
        ({"nodes": 3, "n": 9}, "use a number from 1 to 7"),
        ({"buckets": {"b": {"replicas": 3}}}, "unknown bucket property 'replicas'"),
        ({"buckets": {"b": {"conflict": "newest"}}}, "'siblings' or 'lww'"),
        ({"buckets": {"b": {"sloppy": "no"}}}, "sloppy is 'no'"),
        ({"buckets": {"b": {"read_repair": "no"}}}, "'off', 'background' or 'blocking'"),
        ({"sloppy": "yes"}, "True or False"),
        ({"read_repair": True}, '"off", "background"'),
        ({"buckets": {"b": {"n": 5}}}, "N=5"),
        ({"buckets": {"b": 3}}, "use a dict"),
        ({"durability": "never"}, '"group", "os"'),
        ({"storage": "paper"}, '"rocksdb", "memory"'),
        ({"speed": 3}, "unknown speed; there are"),
        ({"mode": "fibre"}, '"thread" or "process"'),
        ({"contact_points": ("a:1",)}, "a cluster of its own"),
        ({"contact_points": ("a:1",), "members": {"n0": "a:1"}}, "use one of them"),
        ({"contact_points": "a:1"}, "use a tuple"),
    ],
)
def test_bad_clusters(arguments: dict[str, object], words: str) -> None:
    with pytest.raises(dynakv.ConfigError, match=words):
        dynakv.LocalCluster(**{"storage": "memory"} | arguments)  # type: ignore[arg-type]


def test_config_from_toml(tmp_path: Path) -> None:
    path = tmp_path / "node.toml"
    path.write_text('name = "a"\ndata_dir = "d"\nw = "all"\n[buckets.votes]\nconflict = "lww"\n')
    config = dynakv.NodeConfig.from_toml(path)
    assert (config.name, config.w, config.buckets) == ("a", "all", {"votes": {"conflict": "lww"}})
    assert dynakv.NodeConfig.from_fields(config.to_fields()) == config
    path.write_text('name = "a"\ndata_dri = "d"\n')
    with pytest.raises(dynakv.ConfigError, match="unknown data_dri"):
        dynakv.NodeConfig.from_toml(path)
    with pytest.raises(dynakv.ConfigError, match="cannot read"):
        dynakv.NodeConfig.from_toml(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("points", "words"),
    [
        ("", "no contact point"),
        ([], "no contact point"),
        ("host:port", "malformed"),
        ("dynakv://a/?speed=1", "unknown option 'speed'"),
        ("dynakv://a/?r=9", "1 to 7"),
        ("dynakv://a/?timeout=x", "no number"),
        ("dynakv://a/?sloppy=perhaps", "true or false"),
        ("dynakv://a/?read_repair=never", '"off", "background"'),
        ([7], 'use "host:port"'),
    ],
)
def test_bad_contact_points(points: str, words: str) -> None:
    with pytest.raises(dynakv.ConfigError, match=words):
        dynakv.connect(points)


def test_url(cluster: dynakv.LocalCluster, key: str) -> None:
    with dynakv.connect(f"dynakv://{','.join(cluster.addresses)}/?r=all&w=3&timeout=9") as kv:
        kv.put(key, b"v")
        assert len(kv.put(key, b"w").acked) == 3


# ------------------------------------------------------------------ nobody there


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_no_node_reachable() -> None:
    address = f"127.0.0.1:{free_port()}"
    with pytest.raises(dynakv.NoNodesAvailable, match=address) as caught:
        dynakv.connect(address, connect_timeout=0.5)
    assert isinstance(caught.value, ConnectionError)


def test_closed_client(cluster: dynakv.LocalCluster) -> None:
    kv = cluster.client()
    kv.close()
    kv.close()
    assert kv.closed
    with pytest.raises(dynakv.ClosedError, match="connect again"):
        kv.get("k")


def test_closing_a_derived_handle_closes_nothing(kv: dynakv.Client, key: str) -> None:
    with kv.with_options(r=1):
        pass
    kv.put(key, b"v")


@pytest.fixture
def trio() -> Iterator[dynakv.LocalCluster]:
    with dynakv.LocalCluster(3, storage="memory") as cluster:
        yield cluster


def test_fewer_than_w_alive_is_not_applied(
    trio: dynakv.LocalCluster, wait_until: Callable[..., None]
) -> None:
    kv = trio.client()
    kv.put("k", b"before", w="all")
    context = kv.get("k").context
    trio.kill(1)
    trio.kill(2)
    assert trio.running == [True, False, False]
    names = {"n1", "n2"}
    wait_until(lambda: {s.name for s in kv.admin.status() if s.state == "down"} == names)
    with pytest.raises(dynakv.DynakvError) as caught:
        kv.put("k", b"after", context=context, timeout=2)
    error = caught.value
    assert isinstance(error, (dynakv.QuorumError, dynakv.RequestTimeout))
    if isinstance(error, dynakv.QuorumUnavailable):
        assert (error.op, error.required, error.in_doubt) == ("put", 2, False)
    if not error.in_doubt:  # then it never happened
        assert kv.get("k", r=1).values == [b"before"]
    with pytest.raises(dynakv.QuorumError) as read:
        kv.get("k", timeout=2)
    assert not read.value.in_doubt


def test_all_nodes_gone(trio: dynakv.LocalCluster) -> None:
    kv = trio.client()
    for index in range(3):
        trio.kill(index)
    with pytest.raises(dynakv.DynakvError) as caught:
        kv.get("k", timeout=0.5)
    assert caught.value.retryable
    with pytest.raises(dynakv.ClosedError, match="no node of this cluster runs"):
        trio.client()


@pytest.mark.slow
def test_a_silent_owner_leaves_the_write_in_doubt() -> None:
    with dynakv.LocalCluster(3, mode="process", durability="os") as cluster:
        kv = cluster.client()
        kv.put("k", b"before", w="all")
        kv.get("k")
        cluster.pause(2)
        try:
            with pytest.raises(dynakv.DynakvError) as caught:
                kv.put("k", b"after", w="all", timeout=1.0)
            error = caught.value
            assert isinstance(error, (dynakv.QuorumTimeout, dynakv.RequestTimeout))
            assert error.in_doubt
            assert error.retryable
        finally:
            cluster.resume(2)
        assert kv.get("k", r="all", timeout=10).values in ([b"before"], [b"after"])


# ------------------------------------------------------------------ nodes


def config(path: Path, name: str = "solo", **fields: object) -> dynakv.NodeConfig:
    return dynakv.NodeConfig.from_fields(
        {"name": name, "data_dir": str(path), "n": 1, "r": 1, "w": 1} | fields
    )


def test_port_in_use(cluster: dynakv.LocalCluster, tmp_path: Path) -> None:
    taken = cluster.addresses[0]
    with pytest.raises(dynakv.ConfigError, match="in use") as caught:
        dynakv.Node(config(tmp_path, listen=taken)).start()
    assert taken in str(caught.value)


def test_data_directory_of_another_node(tmp_path: Path) -> None:
    with dynakv.Node(config(tmp_path, "first")) as node:
        node.bootstrap()
        node.wait_ready()
    with pytest.raises(dynakv.ConfigError, match="first"):
        dynakv.Node(config(tmp_path, "second")).start()


def test_data_directory_in_use_names_the_live_handle(tmp_path: Path) -> None:
    with dynakv.Node(config(tmp_path)) as node:
        with pytest.raises(dynakv.ConfigError, match="in use in this process by <Node 'solo' at"):
            dynakv.Node(config(tmp_path)).start()
        assert node.running
    with dynakv.Node(config(tmp_path)):
        pass  # free again


def test_data_directory_in_use_by_another_process(tmp_path: Path) -> None:
    other = ProcessNode(config(tmp_path)).start()
    try:
        with pytest.raises(dynakv.ConfigError, match=r"in use|another process") as caught:
            dynakv.Node(config(tmp_path)).start()
        assert str(tmp_path) in str(caught.value)
    finally:
        other.stop()


def test_only_loopback_without_the_flag(tmp_path: Path) -> None:
    with pytest.raises(dynakv.ConfigError, match="insecure"):
        dynakv.Node(config(tmp_path, listen="0.0.0.0:0")).start()


def test_node_without_a_layout(tmp_path: Path) -> None:
    with dynakv.Node(config(tmp_path)) as node:
        assert node.layout is None
        with pytest.raises(dynakv.RequestTimeout):
            node.wait_ready(0.1)
        node.bootstrap()
        node.wait_ready()
        assert node.status().ready
        assert node.metrics()["writes"] == 0
    assert not node.running
    with pytest.raises(dynakv.ClosedError):
        node.wait_ready()


def test_bootstrap_refuses_a_layout_that_does_not_fit(tmp_path: Path) -> None:
    with dynakv.Node(config(tmp_path, n=3)) as node, pytest.raises(dynakv.ConfigError, match="N=3"):
        node.bootstrap()
