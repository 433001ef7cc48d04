"""Sloppy and strict quorums, hints and read repair as the verbs show them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator

import dynakv
import pytest

typer_testing = pytest.importorskip("typer.testing")
pytest.importorskip("rich")

from dynakv.cli._app import app  # noqa: E402

WaitUntil = Callable[..., None]
QUORUM = 3


@pytest.fixture
def five() -> Iterator[dynakv.LocalCluster]:
    buckets = {"careful": {"sloppy": False, "read_repair": "blocking"}}
    with dynakv.LocalCluster(5, storage="memory", buckets=buckets) as cluster:
        yield cluster


def preference(client: dynakv.Client, key: str) -> list[int]:
    """The numbers of the nodes for a key, owners first."""
    return [int(name.removeprefix("n")) for name in client.layout.walk(key.encode())]


def kill_owners(cluster: dynakv.LocalCluster, key: str, count: int, wait_until: WaitUntil) -> None:
    """Kill the first owners of a key and wait until the others know."""
    with cluster.client() as client:
        gone = preference(client, key)[:count]
        for index in gone:
            cluster.kill(index)
        names = {f"n{index}" for index in gone}

        def noticed() -> bool:
            up = [node for node in client.admin.status() if node.state == "up"]
            return len(up) == 5 - count and not any(names & set(node.connected) for node in up)

        wait_until(noticed, what="the others know who is gone")


def test_sloppy_goes_on_where_strict_refuses(
    five: dynakv.LocalCluster, wait_until: WaitUntil
) -> None:
    kv = five.client()
    first, second, third, *fallbacks = (f"n{index}" for index in preference(kv, "k"))
    whole = kv.put("k", b"1")
    assert whole.strict
    assert whole.hinted == ()
    assert "strict: on W owners" in repr(whole)
    kill_owners(five, "k", 2, wait_until)

    wrote = kv.put("k", b"2", explain=True)
    assert not wrote.strict
    assert wrote.acked == (third,)
    assert {each.node for each in wrote.hinted} <= set(fallbacks)
    assert {each.owner for each in wrote.hinted} <= {first, second}
    assert f"reads may miss it until it reached {wrote.hinted[0].owner}" in repr(wrote)
    assert str(wrote.hinted[0]) in repr(wrote)
    assert wrote.explain is not None
    skipped = {event.node for event in wrote.explain.events if event.event == "skipped"}
    assert skipped == {first, second}
    stored = [event for event in wrote.explain.events if event.event == "hint_stored"]
    assert stored[0].target == wrote.hinted[0].owner
    assert "sloppy quorum of 2" in repr(wrote.explain)

    found = kv.get("k")
    assert (found.value, found.strict, found.answered) == (b"2", False, (third,))
    assert set(found.fallbacks) <= set(fallbacks)
    assert found.fallbacks

    for refused in (
        lambda: kv.put("k", b"3", sloppy=False),
        lambda: kv.get("k", sloppy=False),
        lambda: kv.with_options(sloppy=False).delete("k"),
        lambda: kv.bucket("careful").put("k", b"3"),
    ):
        with pytest.raises(dynakv.QuorumUnavailable) as caught:
            refused()
        assert (caught.value.required, caught.value.alive) == (2, 1)
        assert not caught.value.in_doubt
    assert kv.get("k").value == b"2"
    assert kv.bucket("careful").put("k", b"3", sloppy=True).hinted


def test_options_reach_the_core_by_every_way(
    five: dynakv.LocalCluster, wait_until: WaitUntil
) -> None:
    kill_owners(five, "k", 2, wait_until)
    addresses = ",".join(
        address for address, up in zip(five.addresses, five.running, strict=True) if up
    )
    with dynakv.connect(f"dynakv://{addresses}/?sloppy=false&explain=1") as kv:
        assert kv.get("other", r=1, sloppy=True).explain is not None
        with pytest.raises(dynakv.QuorumUnavailable) as refused:
            kv.put("k", b"v")
        record = refused.value.explain
        assert record is not None
        assert (record.required, record.strict, record.met_at_us) == (2, True, None)
        lost = {f"n{index}" for index in preference(kv, "k")[:2]}
        assert {e.node for e in record.events if e.event == "skipped"} == lost
        assert [e.event for e in record.events[-2:]] == ["refused", "replied"]
        assert kv.put("k", b"v", sloppy=True).explain is not None
        outcomes = kv.put_many({"k": b"w"}), kv.put_many({"k": b"w"}, sloppy=True)
    assert isinstance(outcomes[0][0], dynakv.QuorumUnavailable)
    assert isinstance(outcomes[1][0], dynakv.PutResult)

    async def main() -> None:
        async with await five.client_async() as kv:
            with pytest.raises(dynakv.QuorumUnavailable):
                await kv.put("k", b"x", sloppy=False)
            wrote = await kv.put("k", b"x", explain=True)
            assert wrote.hinted
            assert wrote.explain is not None
            assert not (await kv.get("k", read_repair="off")).strict

    asyncio.run(main())


def test_properties_and_defaults_of_a_cluster() -> None:
    fields = {"storage": "memory", "sloppy": False, "read_repair": "off"}
    buckets = {"open": {"sloppy": True, "read_repair": "blocking"}}
    with dynakv.LocalCluster(3, buckets=buckets, **fields) as cluster:
        kv = cluster.client()
        default, named = kv.bucket("default").properties, kv.bucket("open").properties
        assert (default.sloppy, default.read_repair) == (False, "off")
        assert (named.sloppy, named.read_repair) == (True, "blocking")
        assert kv.layout.properties(b"open")["sloppy"]
    sim = dynakv.Simulation(3, seed=1, sloppy=False, read_repair="off", buckets=buckets)
    assert not sim.client().bucket("default").properties.sloppy
    assert sim.client().bucket("open").properties.sloppy


@pytest.mark.parametrize(("mode", "repaired"), [("off", False), ("blocking", True)])
def test_blocking_read_repair_in_the_simulator(mode: dynakv.ReadRepair, *, repaired: bool) -> None:
    sim = dynakv.Simulation(3, seed=5, read_repair="off", sloppy=False)
    kv = sim.client()
    coordinator, stale, _ = (int(name[1:]) for name in kv.layout.owners(b"k"))
    kv.put("k", b"1", w="all")
    sim.crash(stale)
    kv.put("k", b"2", overwrite=True)
    # It keeps the hint, as there is nobody else.
    sim.crash(coordinator)
    sim.restart(stale)
    sim.run_for(5)
    other = sim.client("other")

    def read() -> list[str]:
        found = other.get("k", read_repair=mode, explain=True)
        assert found.value == b"2"
        return [event.event for event in explained(found)]

    assert "digest_differs" in read()
    assert ("digest_differs" not in read()) == repaired


def explained(found: dynakv.GetResult[bytes]) -> tuple[dynakv.ExplainEvent, ...]:
    assert found.explain is not None
    return found.explain.events


def test_a_quorum_error_says_how_far_it_came() -> None:
    sim = dynakv.Simulation(3, seed=7, sloppy=False, attempts=1)
    kv = sim.client()
    _, *others = (int(name[1:]) for name in kv.layout.owners(b"k"))
    kv.put("k", b"1")
    for index in others:
        sim.pause(index)
        sim.at(sim.now + 1, lambda index=index: sim.crash(index))
    with pytest.raises(dynakv.QuorumTimeout) as caught:
        kv.put("k", b"2", timeout=4, explain=True)
    error = caught.value
    assert error.in_doubt
    assert error.explain is not None
    assert error.explain.met_at_us is None
    assert {event.event for event in error.explain.events} >= {"received", "sent", "failed"}
    assert "not met" in repr(error.explain)


def test_explain_and_status_on_the_command_line(
    five: dynakv.LocalCluster, wait_until: WaitUntil
) -> None:
    kill_owners(five, "k", 1, wait_until)
    at = next(address for address, up in zip(five.addresses, five.running, strict=True) if up)
    runner = typer_testing.CliRunner()

    def run(*arguments: str, exits: int = 0) -> str:
        result = runner.invoke(app, list(arguments), env={"DYNAKV_AT": at})
        assert result.exit_code == exits, result.output
        return str(result.stdout)

    shown = run("explain", "put", "k", "v", "-w", "3")
    assert "sloppy quorum of 3" in shown
    assert "hint_stored" in shown
    assert "quorum_met" in shown
    assert "nodes that stand in for owners were needed" in shown
    record = json.loads(run("explain", "get", "k", "--json"))["explain"]
    assert record["operation"] == "get"
    assert set(record) == set(dynakv.Explain.__dataclass_fields__)
    assert set(record["events"][0]) == set(dynakv.ExplainEvent.__dataclass_fields__)
    refused = run("explain", "put", "k", "v", "-w", "all", "--strict", "--json", exits=QUORUM)
    assert json.loads(refused)["error"]["alive"] == 2
    assert json.loads(run("put", "k", "w", "-w", "3", "--overwrite", "--json"))["hinted"]
    status = json.loads(run("status", "--json"))
    assert sum(node["hints_pending"] for node in status["members"]) > 0
    assert "wait for their owners" in run("status")
