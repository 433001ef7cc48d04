"""The record of a request as plain structures, whatever carried it, and its messages in pairs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dynakv._exceptions import ArgumentTypeError, DynakvError
from dynakv.viz._trace import read_trace

CLIENT = "client"  # its lane: no node

_FIELDS = (
    "operation",
    "layout",
    "coordinator",
    "owners",
    "fallbacks",
    "required",
    "strict",
    "met_at_us",
    "events",
)
_EVENT_FIELDS = ("at_us", "node", "event", "target", "detail")
# What records of an earlier kind do not have.
_LATER_FIELDS = {"begun_at": 0.0, "request": 0}
_SHOWN_EVENTS_MAX = 400  # the core's own limit is 256

_ASKED = {"sent", "hint_sent", "repair_sent"}
_FRAME = {
    "received",
    "quorum_met",
    "replied",
    "refused",
}  # begin and end, which every figure shows anyway


def read_record(source: object, trace: object = None) -> dict[str, Any]:
    """Return the record as plain structures, whatever it was made of.

    Of a trace that it is given, the repairs after the reply become events of it.
    """
    if hasattr(source, "explain") and not callable(source.explain):
        if source.explain is None:
            raise ArgumentTypeError(_why_none(source))
        source = source.explain

    def read(thing: object, name: str) -> Any:
        if isinstance(thing, Mapping):
            if name not in thing:
                raise ArgumentTypeError(f"the record has no {name!r}; it has {', '.join(thing)}")
            return thing[name]
        if not hasattr(thing, name):
            raise ArgumentTypeError(
                f"request needs the record of a request made with explain=True; "
                f"{type(thing).__name__} has no {name!r}"
            )
        return getattr(thing, name)

    def read_if_there(thing: object, name: str, otherwise: object) -> Any:
        if isinstance(thing, Mapping):
            return thing.get(name, otherwise)
        return getattr(thing, name, otherwise)

    record = {name: read(source, name) for name in _FIELDS}
    record |= {name: read_if_there(source, name, none) for name, none in _LATER_FIELDS.items()}
    record["owners"] = [str(name) for name in record["owners"]]
    record["fallbacks"] = [str(name) for name in record["fallbacks"]]
    events = [
        {
            **{name: read(event, name) for name in _EVENT_FIELDS},
            "copy": read_if_there(event, "copy", None),
        }
        for event in record["events"]
    ]
    replied = [event["at_us"] for event in events if event["event"] == "replied"]
    record["replied_at_us"] = replied[0] if replied else None
    events += _repairs_after(record, events, trace)
    record["events"] = sorted(events, key=lambda event: event["at_us"])[:_SHOWN_EVENTS_MAX]
    record["left_out"] = len(events) - len(record["events"])
    return record


def _repairs_after(
    record: dict[str, Any], events: list[dict[str, Any]], trace: object
) -> list[dict[str, Any]]:
    """Return what a trace tells of the repairs that the reply did not wait for."""
    if trace is None or not record["request"]:
        return []
    known = {event["node"] for event in events if event["event"] == "repair_sent"}
    found: list[dict[str, Any]] = []
    for event in read_trace(trace, ()).events:
        if event.detail != f"request {record['request']}":
            continue
        is_sent = event.kind == "repair sent" and event.host == record["coordinator"]
        is_done = event.kind == "repaired" and event.peer == record["coordinator"]
        node = event.peer if is_sent else event.host
        if not (is_sent or is_done) or node is None or node in known:
            continue
        words = "was sent what it lacked" if is_sent else "holds what it lacked durably"
        found.append(
            {
                "at_us": round((event.at - record["begun_at"]) * 1e6),
                "node": node,
                "event": "repair_sent" if is_sent else "repaired",
                "target": None,
                "detail": words,
                "copy": None,
            }
        )
    return found


def _why_none(source: object) -> str:
    kind = type(source).__name__
    if isinstance(source, DynakvError):
        return (
            f"this {kind} ({source}) carries no record: either the request was not made with "
            "explain=True, or no coordinator could be reached"
        )
    return f"this {kind} carries no record; make the request with explain=True"


def lane_names(record: dict[str, Any]) -> list[str]:
    """The client, the coordinator, the other owners, and the fallbacks that took part."""
    taking_part = {event["node"] for event in record["events"]}
    names = [CLIENT, record["coordinator"], *record["owners"]]
    names += [name for name in record["fallbacks"] if name in taking_part]
    names += sorted(taking_part - set(names))
    return list(dict.fromkeys(names))


@dataclass
class Exchange:
    """What the coordinator asked of a node, and what it then heard of it.

    Nothing was heard before the reply: `heard_at` is None. Nothing was asked: `asked_at` is None,
    as for the coordinator's own copy and for nodes that were known to be down.
    """

    node: str
    asked_at: int | None
    heard_at: int | None = None
    event: str = ""
    target: str | None = None
    detail: str = ""
    copy: str | None = None


def exchanges_of(record: dict[str, Any]) -> list[Exchange]:
    """Pair questions with answers, in the order of the questions of each node."""
    found: list[Exchange] = []
    waiting: dict[str, list[Exchange]] = {}
    differed: dict[str, int] = {}
    for event in record["events"]:
        node, kind, at = event["node"], event["event"], event["at_us"]
        if kind in _FRAME:
            continue
        if kind == "repair_planned":  # a decision, and no message
            found.append(Exchange(node, None, at, kind, detail=event["detail"]))
            continue
        if kind in _ASKED:
            if node != record["coordinator"]:  # its own part is no message
                asked = Exchange(node, at, target=event["target"])
                found.append(asked)
                waiting.setdefault(node, []).append(asked)
            continue
        asked_before = waiting.get(node)
        if asked_before and kind != "silent":  # who was silent may answer still
            heard = asked_before.pop(0)
        else:  # after its digest differed, a node is asked for the object at once
            heard = Exchange(node, differed.pop(node, None) if kind == "answered" else None)
            found.append(heard)
        if kind == "digest_differs":
            differed[node] = at
        heard.heard_at, heard.event, heard.detail = at, kind, event["detail"]
        heard.target, heard.copy = event["target"], event.get("copy")
    repaired = {each.node for each in found if each.event == "repaired"}
    # What was planned and then seen to happen is drawn once.
    return [each for each in found if each.event != "repair_planned" or each.node not in repaired]
