"""The history of a simulation: what each operation says, and that outside checkers can read it."""

from __future__ import annotations

import json
import re
from typing import Any

import dynakv
import pytest
from dynakv import _sim_history
from dynakv.sim import History, Operation


def three(seed: int = 1, **arguments: Any) -> dynakv.Simulation:
    return dynakv.Simulation(3, seed=seed, **arguments)


def operation(start: float, end: float | None, **fields: Any) -> Operation:
    given: dict[str, Any] = {
        "client": "a",
        "flow": 1,
        "verb": "put",
        "bucket": "default",
        "key": b"k",
        "value": b"v",
        "based_on": None,
        "condition": "",
        "outcome": "ok",
    }
    return Operation(start=start, end=end, **(given | fields))


# ------------------------------------------------------------------ what is kept


def test_each_operation_is_kept_with_its_times_and_what_was_told() -> None:
    sim = three()
    a, b = sim.client("a"), sim.client("b")
    before = sim.now
    wrote = a.put("k", b"1")
    between = sim.now
    b.bucket("default").put("k", b"2")
    read = a.get("k", r="all")
    a.put("k", b"both", context=read.context)
    gone = b.delete("k", context=b.get("k").context)
    put, _, got, based, seen, deleted = sim.history
    assert (put.client, put.verb, put.bucket, put.key, put.value) == (
        "a",
        "put",
        "default",
        b"k",
        b"1",
    )
    assert (put.start, put.end, put.outcome, put.error) == (before, between, "ok", None)
    assert (put.dot, put.context, put.based_on) == (wrote.dot, wrote.context, None)
    assert (got.verb, got.value, got.context) == ("get", None, read.context)
    assert sorted(got.siblings) == [b"1", b"2"]
    assert based.based_on == read.context
    assert seen.siblings == (b"both",)
    assert (deleted.verb, deleted.value, deleted.dot) == ("delete", None, None)
    assert deleted.context == gone.context
    assert isinstance(hash(sim.history), int)


def test_the_end_is_when_the_reply_came_not_when_it_was_taken() -> None:
    sim = three()
    pending = sim.client().start_get("k")
    assert sim.history[0].end is None
    assert sim.history[0].outcome == "unknown"
    sim.run_for(5)
    ended = sim.history[0]
    assert ended.end is not None
    assert ended.end < 0.1 + ended.start
    assert not pending.result().exists
    assert sim.history[0] == ended


def test_operations_that_overlap_are_in_the_order_of_their_start() -> None:
    sim = three()
    slow = sim.client("slow")
    sim.partition("slow", [0, 1, 2])
    never = slow.start_put("k", b"1", timeout=30)
    for i in range(3):
        sim.client("fast").put("k", b"%d" % i)
    history = sim.history
    assert [op.client for op in history] == ["slow", "fast", "fast", "fast"]
    assert [op.end is None for op in history] == [True, False, False, False]
    with pytest.raises(dynakv.DynakvError):
        never.result()
    assert [op.end is None for op in sim.history] == [False] * 4
    assert [op.start for op in sim.history] == sorted(op.start for op in sim.history)


def test_outcomes_say_what_may_have_taken_effect() -> None:
    sim = three(attempts=1)
    kv = sim.client()
    kv.put("k", b"1")
    with pytest.raises(dynakv.ConditionFailed):
        kv.put("k", b"2", if_absent=True)
    for node in (1, 2):
        sim.pause(node)
    with pytest.raises(dynakv.DynakvError) as doubted:
        kv.put("k", b"3", timeout=1)
    assert doubted.value.in_doubt
    with pytest.raises(dynakv.DynakvError) as unread:
        kv.get("k", r="all", timeout=1)
    _, refused, unknown, failed = sim.history
    assert (refused.outcome, refused.error) == ("fail", "condition_failed")
    assert (refused.condition, refused.siblings) == ("if_absent", (b"1",))
    assert (unknown.outcome, unknown.error) == ("unknown", doubted.value.code)
    assert (failed.outcome, failed.error) == ("fail", unread.value.code)


def test_other_verbs_are_made_of_these_and_status_is_none() -> None:
    sim = three()
    kv = sim.client()
    kv.put_many({"a": b"1", "b": b"2"})
    kv.update("a", lambda old: (old or b"") + b"x")
    kv.admin.status()
    verbs = [(op.verb, op.key) for op in sim.history]
    assert verbs == [("put", b"a"), ("put", b"b"), ("get", b"a"), ("put", b"a")]
    assert [op.condition for op in sim.history][-1] == "if_context"
    assert len({op.flow for op in sim.history}) == 1
    with kv.session() as session:
        session.get("a")
    assert len({op.flow for op in sim.history}) == 2


def test_a_history_is_a_sequence() -> None:
    sim = three()
    kv = sim.client()
    for key in ("a", "b", "a"):
        kv.put(key, b"1")
    history = sim.history
    assert len(history.of_key("a")) == len(history.of_key(b"a")) == 2
    assert len(history.of_key("a", bucket="other")) == 0
    assert isinstance(history[1:], History)
    assert history[1:][0] == history[1]
    assert repr(history) == "<History of 3 operations>"
    assert re.fullmatch(r"<0\.\d{6}–0\.\d{6} client: put b'a' = b'1' → ok>", repr(history[0]))
    assert "→ fail (timeout)" in repr(operation(1, 2, outcome="fail", error="timeout"))
    assert repr(operation(1, None, outcome="unknown")).startswith("<1.000000–… a: put")


# ------------------------------------------------------------------ for checkers


EDN = re.compile(r'\s*(?:,|(nil|true|false|-?\d+)|:([\w-]+)|"((?:\\.|[^"\\])*)"|([\[{])|([\]}]))')


def read_edn(text: str) -> Any:
    """Read the part of EDN that a history uses, by its own rules."""
    stack: list[list[Any]] = [[]]
    at = 0
    while at < len(text.rstrip()):
        match = EDN.match(text, at)
        assert match is not None, text[at:]
        at = match.end()
        atom, keyword, string, opens, closes = match.groups()
        if opens:
            stack.append([])
        elif closes:
            items = stack.pop()
            is_map = closes == "}"
            stack[-1].append(dict(zip(items[::2], items[1::2], strict=True)) if is_map else items)
        elif keyword is not None:
            stack[-1].append(f":{keyword}")
        elif string is not None:
            stack[-1].append(re.sub(r"\\(u....|.)", unescaped, string))
        elif atom is not None:
            words = {"nil": None, "true": True, "false": False}
            stack[-1].append(words[atom] if atom in words else int(atom))
    ((value,),) = stack
    return value


def unescaped(match: re.Match[str]) -> str:
    escape = match[1]
    plain = {"n": "\n", "r": "\r", "t": "\t"}
    return chr(int(escape[1:], 16)) if escape[0] == "u" else plain.get(escape, escape)


def events(history: History, **arguments: Any) -> list[dict[str, Any]]:
    return [read_edn(line) for line in history.to_edn(**arguments).splitlines()]


def busy_run(**arguments: Any) -> History:
    sim = dynakv.Simulation(5, seed=9, timeout=0.5, **arguments)
    clients = [sim.client(name) for name in "abc"]
    for i in range(60):
        if i == 20:
            sim.partition([0, 1, "a"], [2, 3, 4, "b"])
        if i == 40:
            sim.heal()
        for number, client in enumerate(clients):
            client.start_put(f"k{i % 3}", b"%d-%d" % (i, number))
            client.start_get(f"k{i % 3}", r="all" if i % 5 == 0 else 2)
        sim.run_for(0.1)
    sim.run_for(2)
    return sim.history


def check_well_formed(history: list[dict[str, Any]]) -> None:
    """Check what Jepsen's checkers take for granted."""
    assert [event[":index"] for event in history] == list(range(len(history)))
    times = [event[":time"] for event in history]
    assert times == sorted(times)
    open_operations: dict[int, dict[str, Any]] = {}
    crashed: set[int] = set()
    for event in history:
        process = event[":process"]
        assert process not in crashed, "a process that crashed is used again"
        if event[":type"] == ":invoke":
            assert process not in open_operations, "a process does two things at once"
            open_operations[process] = event
        else:
            invoked = open_operations.pop(process)
            assert invoked[":f"] == event[":f"]
            assert event[":type"] in (":ok", ":fail", ":info")
            if event[":type"] == ":info":
                crashed.add(process)


def test_edn_is_well_formed_and_says_what_the_history_says() -> None:
    history = busy_run()
    outcomes = {op.outcome for op in history}
    assert outcomes == {"ok", "fail", "unknown"}
    assert any(len(op.siblings) > 1 for op in history)
    told = events(history)
    check_well_formed(told)
    ended = [event for event in told if event[":type"] != ":invoke"]
    for kind, outcome in ((":ok", "ok"), (":fail", "fail"), (":info", "unknown")):
        count = sum(op.outcome == outcome and op.end is not None for op in history)
        assert sum(event[":type"] == kind for event in ended) == count
    shown = sorted(e[":value"] for e in ended if e[":f"] == ":get" and e[":type"] == ":ok")
    gets = [op for op in history if op.verb == "get" and op.outcome == "ok"]
    assert shown == sorted([value.decode() for value in op.siblings] for op in gets)


@pytest.mark.parametrize("form", ["register", "txn"])
def test_forms_of_single_values(form: str) -> None:
    history = busy_run(buckets={"default": {"conflict": "lww"}})
    told = events(history, form=form)
    check_well_formed(told)
    if form == "register":
        assert {event[":f"] for event in told} == {":read", ":write"}
        assert all(len(event[":value"]) == 2 for event in told)
    else:
        assert {event[":f"] for event in told} == {":txn"}
        assert {event[":value"][0][0] for event in told} == {":r", ":w"}


def test_siblings_are_no_register() -> None:
    with pytest.raises(dynakv.ConfigError, match="met siblings"):
        busy_run().to_edn(form="register")
    with pytest.raises(dynakv.ConfigError, match='use "siblings"'):
        History(()).to_edn(form="queue")  # type: ignore[arg-type]


def test_processes_of_operations_that_touch() -> None:
    history = History(
        [
            operation(1, 1, outcome="fail", error="overloaded"),  # refused at once
            operation(1, 2),
            operation(1.5, 3, outcome="unknown", error="timeout"),
            operation(2, None, outcome="unknown"),
            operation(4, 5),
            operation(4, 5, client="b"),
        ]
    )
    told = events(history)
    check_well_formed(told)
    assert [event[":process"] for event in told if event[":type"] == ":invoke"] == [
        0,
        0,
        1,
        0,
        2,
        3,
    ]
    assert [event[":error"] for event in told if ":error" in event] == [":overloaded", ":timeout"]


@pytest.mark.parametrize(
    "value", [b"", b'a"b\\n', "zwölf 😀\n\t\x00\x1f".encode(), b"\\b", b"\xff\x00", b"0x41", b"0x"]
)
def test_any_bytes_survive_as_different_texts(value: bytes) -> None:
    history = History([operation(1, 2, value=value, key=value)])
    invoked, _ = events(history)
    row = json.loads(history.to_jsonl())
    for text in (invoked[":value"], invoked[":key"], row["value"]):
        is_hex = text.startswith("0x")
        assert (bytes.fromhex(text[2:]) if is_hex else text.encode()) == value
    assert _sim_history.text_of(b"A") != _sim_history.text_of(b"0x41")


def test_jsonl_has_an_object_for_each_operation() -> None:
    history = busy_run()
    rows = [json.loads(line) for line in history.to_jsonl().splitlines()]
    assert len(rows) == len(history)
    for row, op in zip(rows, history, strict=True):
        assert row["op"] == op.verb
        assert row["outcome"] == op.outcome
        assert row["call"] == round(op.start * 1e9)
        assert row["return"] == (None if op.end is None else round(op.end * 1e9))
        assert [value.encode() for value in row["siblings"]] == list(op.siblings)
        if op.context is not None:
            assert dynakv.Context.from_bytes(bytes.fromhex(row["context"])) == op.context
