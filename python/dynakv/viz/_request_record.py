"""The record of a request as plain structures, whatever carried it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dynakv._exceptions import ArgumentTypeError

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
_SHOWN_EVENTS_MAX = 400


def read_record(source: object) -> dict[str, Any]:
    """Return the record as plain structures, whatever it was made of."""
    inner = getattr(source, "explain", None)
    if inner is not None and not callable(inner):
        source = inner

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

    record = {name: read(source, name) for name in _FIELDS}
    record["owners"] = [str(name) for name in record["owners"]]
    record["fallbacks"] = [str(name) for name in record["fallbacks"]]
    events = [{name: read(event, name) for name in _EVENT_FIELDS} for event in record["events"]]
    record["events"] = sorted(events, key=lambda event: event["at_us"])[:_SHOWN_EVENTS_MAX]
    record["left_out"] = len(events) - len(record["events"])
    return record


def lane_names(record: dict[str, Any]) -> list[str]:
    """The client, the coordinator, the other owners, and the fallbacks that took part."""
    taking_part = {event["node"] for event in record["events"]}
    taking_part |= {event["target"] for event in record["events"] if event["target"]}
    names = [CLIENT, record["coordinator"], *record["owners"]]
    names += [name for name in record["fallbacks"] if name in taking_part]
    names += sorted(taking_part - set(names))
    return list(dict.fromkeys(names))
