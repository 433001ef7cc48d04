"""The verbs: values, siblings, contexts, conditions, many at once, sessions."""

from __future__ import annotations

import json
import pickle
import threading
from collections.abc import Callable
from dataclasses import asdict

import dynakv
import pytest
from dynakv import resolvers
from hypothesis import given
from hypothesis import strategies as st


def in_thread(function: Callable[[], object]) -> None:
    failures: list[BaseException] = []

    def run() -> None:
        try:
            function()
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failures:
        raise failures[0]


# ------------------------------------------------------------------ plain values


def test_put_get_delete(kv: dynakv.Client, key: str) -> None:
    assert not kv.get(key).exists
    wrote = kv.put(key, b"milk")
    assert wrote.key == key.encode()
    assert len(wrote.acked) >= 2
    got = kv.get(key)
    assert (got.value, got.exists, got.in_conflict, got.values) == (b"milk", True, False, [b"milk"])
    gone = kv.delete(key)
    assert gone.dot is None
    assert not kv.get(key).exists
    with pytest.raises(dynakv.NotFound):
        _ = kv.get(key).value


def test_str_and_bytes_keys_are_one(kv: dynakv.Client, key: str) -> None:
    kv.put(key + "ä", b"1")
    assert kv.get((key + "ä").encode()).value == b"1"


def test_dictionary_form(kv: dynakv.Client, key: str) -> None:
    assert key not in kv
    kv[key] = b"1"
    assert key in kv
    assert kv[key] == b"1"
    del kv[key]
    with pytest.raises(KeyError):
        _ = kv[key]
    with pytest.raises(TypeError):
        iter(kv)  # type: ignore[call-overload]


def test_codecs(kv: dynakv.Client, key: str) -> None:
    texts = kv.bucket("texts", codec=dynakv.str_codec)
    texts.put(key, "grüße")
    found = texts.get(key)
    assert found.value == "grüße"
    assert found.siblings[0].content_type == "text/plain"
    things = kv.bucket("things", codec=dynakv.json_codec)
    things.put(key, {"a": [1, None, "x"]})
    assert things[key] == {"a": [1, None, "x"]}
    with pytest.raises(dynakv.ConfigError, match="is not JSON"):
        _ = kv.bucket("texts", codec=dynakv.json_codec).get(key).value
    assert not kv.get(key).exists  # buckets are apart


def test_results_are_frozen_and_say_what_they_are(kv: dynakv.Client, key: str) -> None:
    put = kv.put(key, b"1")
    got = kv.get(key)
    assert repr(got) == f"GetResult(key={key.encode()!r}, value=b'1')"
    assert repr(kv.get(key + "-")) == f"GetResult(key={(key + '-').encode()!r}, exists=False)"
    assert "acked=['n" in repr(put)
    for frozen in (put, got, got.siblings[0], got.context):
        with pytest.raises(AttributeError):
            frozen.context = None  # type: ignore[misc, assignment]
    assert got.siblings[0].written_at is not None


def test_explain(kv: dynakv.Client, key: str) -> None:
    kv.put(key, b"1", w="all")
    assert kv.get(key).explain is None
    read = kv.get(key, r="all", explain=True)
    assert sorted(read.answered) == ["n0", "n1", "n2"]
    assert (read.all_answered, read.strict, read.fallbacks) == (True, True, ())
    explain = read.explain
    assert explain is not None
    assert (explain.operation, explain.required, explain.strict) == ("get", 3, False)
    assert explain.owners == tuple(kv.layout.owners(key.encode()))
    assert explain.events[0].event == "received"
    assert explain.events[-1].event == "replied"
    assert explain.met_at_us is not None
    assert json.loads(json.dumps(explain.data())) == explain.data()
    assert explain.data()["events"][0] == asdict(explain.events[0])
    wrote = kv.delete(key, sloppy=False, explain=True).explain
    assert wrote is not None
    assert (wrote.operation, wrote.required, wrote.strict) == ("delete", 2, True)
    assert kv.put(key, b"v").explain is None


def test_ttl(kv: dynakv.Client, key: str, wait_until: Callable[..., None]) -> None:
    kv.put(key, b"short", ttl=0.3)
    assert kv.get(key).value == b"short"
    wait_until(lambda: not kv.get(key).exists, what="the value expires")
    kv.put(key, b"next")
    assert kv.get(key).value == b"next"


# ------------------------------------------------------------------ siblings


@pytest.fixture
def other(cluster: dynakv.LocalCluster) -> dynakv.Client:
    return cluster.client()


def test_writers_who_have_not_seen_each_other_make_siblings(
    kv: dynakv.Client, other: dynakv.Client, key: str
) -> None:
    kv.put(key, b"a")
    other.put(key, b"b")
    got = kv.get(key)
    assert got.in_conflict
    assert sorted(got.values) == [b"a", b"b"]
    with pytest.raises(dynakv.SiblingsError) as caught:
        _ = got.value
    assert caught.value.result is got
    resolved = got.resolve(resolvers.max_by(bytes))
    assert resolved.value == b"b"
    kv.put(key, resolved.value, context=resolved.context)
    assert other.get(key).values == [b"b"]


def test_equal_values_are_shown_once(kv: dynakv.Client, other: dynakv.Client, key: str) -> None:
    kv.put(key, b"same")
    other.put(key, b"same")
    got = kv.get(key)
    assert got.values == [b"same"]
    assert not got.in_conflict


def test_a_siblings_context_replaces_only_that_one(
    kv: dynakv.Client, other: dynakv.Client, key: str
) -> None:
    kv.put(key, b"a")
    other.put(key, b"b")
    first = next(s for s in kv.get(key).siblings if s.value == b"a")
    kv.put(key, b"c", context=first.context)
    assert sorted(kv.get(key).values) == [b"b", b"c"]


def test_resolver_chain(cluster: dynakv.LocalCluster, key: str) -> None:
    with cluster.client(resolver=lambda siblings: b"client") as kv, cluster.client() as other:
        kv.put(key, b"a")
        other.put(key, b"b")
        assert kv.get_value(key) == b"client"
        assert kv.get(key).value == b"client"
        bucket = kv.bucket("default", resolver=lambda siblings: b"bucket")
        assert bucket.get_value(key) == b"bucket"
        assert bucket.get_value(key, resolver=lambda siblings: b"request") == b"request"
        with pytest.raises(dynakv.SiblingsError) as caught:
            bucket.get_value(key, resolver=resolvers.fail)
        assert caught.value.result.in_conflict


def test_last_write_wins_bucket(kv: dynakv.Client, other: dynakv.Client, key: str) -> None:
    votes, rival = kv.bucket("votes"), other.bucket("votes")
    assert votes.properties.conflict == "lww"
    votes.put(key, b"first")
    rival.put(key, b"second")
    assert votes.get(key).values == [b"second"]
    rival.delete(key)
    got = votes.get(key)
    assert not got.exists
    assert got.values == []


def test_delete_spares_what_was_not_seen(kv: dynakv.Client, other: dynakv.Client, key: str) -> None:
    kv.put(key, b"seen")
    seen = kv.get(key).context
    other.put(key, b"unseen")
    kv.delete(key, context=seen)
    assert kv.get(key).values == [b"unseen"]
    with_no_memory = kv.session()
    with_no_memory.delete(key)  # saw nothing: deletes what a quorum read sees
    assert not kv.get(key).exists


# ------------------------------------------------------------------ conditions


def test_overwrite(kv: dynakv.Client, other: dynakv.Client, key: str) -> None:
    kv.put(key, b"a")
    other.put(key, b"b")
    kv.session().put(key, b"c", overwrite=True)
    assert kv.get(key).values == [b"c"]


def test_if_absent(kv: dynakv.Client, other: dynakv.Client, key: str) -> None:
    kv.put(key, b"a", if_absent=True)
    with pytest.raises(dynakv.ConditionFailed) as caught:
        other.put(key, b"b", if_absent=True)
    assert not caught.value.in_doubt
    assert caught.value.result.value == b"a"
    assert kv.get(key).values == [b"a"]


def test_if_context(kv: dynakv.Client, other: dynakv.Client, key: str) -> None:
    kv.put(key, b"a")
    before = kv.get(key).context
    other.put(key, b"b", overwrite=True)
    with pytest.raises(dynakv.ConditionFailed):
        kv.put(key, b"c", context=before, if_context=True)
    now = kv.get(key).context
    kv.put(key, b"c", context=now, if_context=True)
    assert kv.get(key).values == [b"c"]


@pytest.mark.parametrize(
    "arguments",
    [
        {"overwrite": True, "if_absent": True},
        {"if_context": True},
        {"context": 7},
    ],
)
def test_conditions_that_contradict(kv: dynakv.Client, arguments: dict[str, object]) -> None:
    with pytest.raises(dynakv.ConfigError):
        kv.put("k", b"v", **arguments)  # type: ignore[arg-type]


def test_update_under_contention_loses_nothing(cluster: dynakv.LocalCluster, key: str) -> None:
    def add(name: str) -> None:
        with cluster.client() as kv:
            carts = kv.bucket("carts", codec=dynakv.json_codec, resolver=resolvers.union)
            for number in range(15):
                item = f"{name}{number}"
                carts.update(key, lambda old, item=item: [*(old or []), item], timeout=20)

    threads = [threading.Thread(target=add, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with cluster.client() as kv:
        carts = kv.bucket("carts", codec=dynakv.json_codec, resolver=resolvers.union)
        expected = {f"{name}{number}" for name in "abc" for number in range(15)}
        assert set(carts.get(key).value) == expected


def test_update_returns_the_new_state(kv: dynakv.Client, key: str) -> None:
    first = kv.update(key, lambda old: b"new" if old is None else b"?")
    assert first.value == b"new"
    kv.put(key, b"2", context=first.context)
    assert kv.get(key).values == [b"2"]
    with pytest.raises(ZeroDivisionError):
        kv.update(key, lambda old: b"%d" % (1 // 0))


# ------------------------------------------------------------------ many


def test_many(kv: dynakv.Client, key: str) -> None:
    items = {f"{key}/{i}": b"%d" % i for i in range(1000)}
    wrote = kv.put_many(items)
    assert all(isinstance(result, dynakv.PutResult) for result in wrote)
    got = kv.get_many([*items, f"{key}/none"])
    assert list(got) == [name.encode() for name in [*items, f"{key}/none"]]
    for name, value in items.items():
        result = got[name.encode()]
        assert isinstance(result, dynakv.GetResult)
        assert result.value == value


def test_many_has_an_outcome_for_each(kv: dynakv.Client, key: str) -> None:
    wrote = kv.put_many([(key, b"1"), ("x" * 5000, b"2"), (key + "b", b"3")])
    assert [type(result).__name__ for result in wrote] == ["PutResult", "KeyTooLarge", "PutResult"]
    assert kv.get_many([]) == {}


def test_more_than_a_window(kv: dynakv.Client, key: str) -> None:
    names = [f"{key}/{i}" for i in range(4500)]
    got = kv.get_many(names)
    assert len(got) == 4500
    assert not any(isinstance(result, dynakv.DynakvError) for result in got.values())


# ------------------------------------------------------------------ flows and sessions


def test_read_then_write_is_causal_in_one_thread(
    kv: dynakv.Client, other: dynakv.Client, key: str
) -> None:
    kv.put(key, b"1")
    other.get(key)
    other.put(key, b"2")  # no context given: the thread's own
    assert kv.get(key).values == [b"2"]
    kv.put(key, b"3")
    kv.put(key, b"4")  # a second put replaces the first
    assert kv.get(key).values == [b"4"]


def test_threads_of_one_client_do_not_overwrite_unread_work(kv: dynakv.Client, key: str) -> None:
    kv.put(key, b"main")
    in_thread(lambda: kv.put(key, b"thread"))
    assert sorted(kv.get(key).values) == [b"main", b"thread"]


def test_a_session_is_handed_around(kv: dynakv.Client, key: str) -> None:
    with kv.session() as session:
        session.put(key, b"1")
        in_thread(lambda: session.put(key, b"2"))
        assert session.get(key).values == [b"2"]
        bucket = session.bucket("default")
        bucket.put(key, b"3")
        assert session.get(key).values == [b"3"]
    session.put(key, b"4")  # it forgot
    assert len(kv.get(key).siblings) == 2
    assert not kv.closed


def test_sessions_can_be_switched_off(cluster: dynakv.LocalCluster, key: str) -> None:
    with cluster.client(sessions=False) as kv:
        kv.put(key, b"1")
        kv.put(key, b"2")
        assert len(kv.get(key).siblings) == 2


# ------------------------------------------------------------------ contexts


def test_context_relations(kv: dynakv.Client, other: dynakv.Client, key: str) -> None:
    none = kv.get(key).context
    kv.put(key, b"1")
    one = kv.get(key).context
    two = kv.put(key, b"2").context
    blind = other.put(key, b"3").context
    assert one.descends(none)
    assert one.dominates(none)
    assert two.dominates(one)
    assert blind.concurrent(two)
    both = two | blind
    assert both.descends(two)
    assert both.descends(blind)
    assert {one, two, both} == {both, two, one}
    assert one != two
    kv.put(key, b"4", context=both)
    assert kv.get(key).values == [b"4"]


def test_context_token(kv: dynakv.Client, key: str) -> None:
    context = kv.put(key, b"1").context
    token = bytes(context)
    assert dynakv.Context.from_bytes(token) == context
    assert pickle.loads(pickle.dumps(context)) == context
    for size in range(len(token)):
        with pytest.raises(dynakv.ContextError):
            dynakv.Context.from_bytes(token[:size])
    for place in range(len(token)):
        damaged = bytearray(token)
        damaged[place] ^= 0x10
        with pytest.raises(dynakv.ContextError):
            dynakv.Context.from_bytes(bytes(damaged))


@given(st.binary(max_size=100))
def test_no_bytes_crash_the_token_reader(token: bytes) -> None:
    with pytest.raises(dynakv.ContextError):
        dynakv.Context.from_bytes(token)


def test_foreign_context(kv: dynakv.Client, key: str) -> None:
    foreign = kv.put(key, b"1").context
    for write in (
        lambda: kv.put(key + "b", b"2", context=foreign),
        lambda: kv.bucket("votes").put(key, b"2", context=foreign),
        lambda: kv.delete(key + "b", context=foreign),
    ):
        with pytest.raises(dynakv.ContextError, match="another key or bucket"):
            write()
    mine = kv.get(key + "b").context
    with pytest.raises(dynakv.ContextError, match="different keys"):
        _ = foreign | mine
    with pytest.raises(dynakv.ContextError):
        foreign.descends(mine)
    assert foreign != mine


# ------------------------------------------------------------------ resolvers


def test_resolvers() -> None:
    sets = [dynakv.Sibling({1, 2}), dynakv.Sibling({2, 3})]
    assert resolvers.union(sets) == {1, 2, 3}
    assert resolvers.union([dynakv.Sibling({"a": 1}), dynakv.Sibling({"b": 2})]) == {"a": 1, "b": 2}
    with pytest.raises(TypeError, match="takes sets, lists or dicts"):
        resolvers.union([dynakv.Sibling(b"a"), dynakv.Sibling(b"b")])
    with pytest.raises(dynakv.SiblingsError):
        resolvers.fail(sets)


# ------------------------------------------------------------------ deadlines


def test_deadline_only_ever_shortens(kv: dynakv.Client, key: str) -> None:
    def read_for_ever() -> None:
        while True:
            kv.get(key)

    kv.get(key)
    # A node may notice the end of the time before the client does.
    ended = (dynakv.RequestTimeout, dynakv.QuorumTimeout)
    with dynakv.deadline(0.05), dynakv.deadline(60), pytest.raises(ended):
        read_for_ever()
    kv.get(key)
    with pytest.raises(dynakv.ConfigError):
        dynakv.deadline(0).__enter__()
