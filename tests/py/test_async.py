"""The asyncio client: the same verbs, cancellation, closing, sessions by task."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

import dynakv
import pytest
from dynakv import resolvers

Body = Callable[[dynakv.AsyncClient], Awaitable[None]]


def run(cluster: dynakv.LocalCluster, body: Body) -> None:
    async def main() -> None:
        async with await cluster.client_async() as kv:
            await body(kv)

    asyncio.run(main(), debug=False)


def test_verbs(cluster: dynakv.LocalCluster, key: str) -> None:
    async def body(kv: dynakv.AsyncClient) -> None:
        assert not (await kv.get(key)).exists
        wrote = await kv.put(key, b"1")
        assert (await kv.get(key)).value == b"1"
        await kv.put(key, b"2", context=wrote.context)
        assert await kv.get_value(key) == b"2"
        updated = await kv.update(key, lambda old: (old or b"") + b"!")
        assert updated.value == b"2!"
        await kv.delete(key)
        assert await kv.get_value(key, default=7) == 7
        await kv.put(key, b"x", if_absent=True)
        with pytest.raises(dynakv.ConditionFailed) as caught:
            await kv.put(key, b"y", if_absent=True)
        assert caught.value.result.value == b"x"
        texts = kv.bucket("texts", codec=dynakv.str_codec)
        await texts.put(key, "text")
        assert (await texts.get(key)).value == "text"
        assert len(await kv.admin.status()) == 3
        assert len((await kv.admin.where(key)).owners) == 3

    run(cluster, body)


def test_many(cluster: dynakv.LocalCluster, key: str) -> None:
    async def body(kv: dynakv.AsyncClient) -> None:
        items = {f"{key}/{i}": b"%d" % i for i in range(1000)}
        await kv.put_many(items)
        got = await kv.get_many(items)
        for name, value in items.items():
            result = got[name.encode()]
            assert isinstance(result, dynakv.GetResult)
            assert result.value == value

    run(cluster, body)


def test_many_replies_wake_the_loop_together(cluster: dynakv.LocalCluster, key: str) -> None:
    async def body(kv: dynakv.AsyncClient) -> None:
        await asyncio.gather(*(kv.get(f"{key}/{i}") for i in range(1000)))
        counters = kv._connection.native.counters()
        assert counters["operations_ended"] == 1000
        assert counters["wakes"] < 1000

    run(cluster, body)


def test_a_cancelled_request_never_shifts_the_replies(
    cluster: dynakv.LocalCluster, key: str
) -> None:
    async def body(kv: dynakv.AsyncClient) -> None:
        names = [f"{key}/{i}" for i in range(100)]
        await kv.put_many({name: name.encode() for name in names})
        dice = random.Random(7)

        async def read(name: str) -> None:
            assert (await kv.get(name)).value == name.encode()

        for _ in range(20):
            tasks = [asyncio.create_task(read(name)) for name in names]
            patience = dice.choice([0, 0.001, 0.003])
            await asyncio.wait(tasks, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
            victims = dice.sample(tasks, 40)
            for victim in victims:
                victim.cancel()
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
            for task, outcome in zip(tasks, outcomes, strict=True):
                cancelled = task in victims and isinstance(outcome, asyncio.CancelledError)
                assert outcome is None or cancelled, outcome
        assert not kv._wakeup._waiting

    run(cluster, body)


def test_each_task_is_a_session(cluster: dynakv.LocalCluster, key: str) -> None:
    async def body(kv: dynakv.AsyncClient) -> None:
        await kv.put(key, b"main")
        await asyncio.create_task(kv.put(key, b"task"))
        assert sorted((await kv.get(key)).values) == [b"main", b"task"]
        async with kv.session() as session:
            await session.put(key + "s", b"1")
            await asyncio.create_task(session.put(key + "s", b"2"))
            assert (await session.get(key + "s")).values == [b"2"]

    run(cluster, body)


def test_update_under_contention(cluster: dynakv.LocalCluster, key: str) -> None:
    async def body(kv: dynakv.AsyncClient) -> None:
        carts = kv.bucket("carts", codec=dynakv.json_codec, resolver=resolvers.union)

        async def add(item: int) -> None:
            await carts.update(key, lambda old: [*(old or []), item], timeout=20)

        await asyncio.gather(*(add(item) for item in range(20)))
        assert sorted((await carts.get(key)).value) == list(range(20))

    run(cluster, body)


def test_deadline_block(cluster: dynakv.LocalCluster, key: str) -> None:
    async def body(kv: dynakv.AsyncClient) -> None:
        async def read_for_ever() -> None:
            while True:
                await kv.get(key)

        await kv.get(key)
        # A node may notice the end of the time before the client does.
        ended = (dynakv.RequestTimeout, dynakv.QuorumTimeout)
        with dynakv.deadline(60), dynakv.deadline(0.05), pytest.raises(ended):
            await read_for_ever()
        await kv.get(key)

    run(cluster, body)


def test_closing_wakes_everybody(cluster: dynakv.LocalCluster, key: str) -> None:
    async def main() -> None:
        kv = await cluster.client_async()
        tasks = [asyncio.create_task(kv.put(f"{key}/{i}", b"v")) for i in range(200)]
        await asyncio.wait(tasks, timeout=0)
        await kv.aclose()
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            assert isinstance(outcome, (dynakv.PutResult, dynakv.ClosedError)), outcome
        with pytest.raises(dynakv.ClosedError):
            await kv.get(key)
        await kv.aclose()

    asyncio.run(main())


def test_another_loop_is_refused(cluster: dynakv.LocalCluster, key: str) -> None:
    async def connect() -> dynakv.AsyncClient:
        return await cluster.client_async()

    async def use(kv: dynakv.AsyncClient) -> None:
        with pytest.raises(dynakv.ConfigError, match="another event loop"):
            await kv.get(key)
        await kv.aclose()

    kv = asyncio.run(connect())
    asyncio.run(use(kv))
