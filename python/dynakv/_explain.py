"""The decision record of a request: which nodes its coordinator asked, and what they answered."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, Self

if TYPE_CHECKING:
    from dynakv._core import _ExplainFields

EventKind = Literal[
    "received",
    "sent",
    "acked",
    "answered",
    "digest_equal",
    "digest_differs",
    "failed",
    "silent",
    "skipped",
    "hint_sent",
    "hint_stored",
    "repair_sent",
    "repaired",
    "quorum_met",
    "replied",
    "repair_planned",
    "refused",
]
CopyKind = Literal["empty", "first", "equal", "behind", "ahead", "beside"]

_DETAILS: dict[EventKind, str] = {
    "received": "the coordinator took the request",
    "sent": "was asked",
    "acked": "holds it durably",
    "answered": "answered with all it has",
    "digest_equal": "has the same",
    "digest_differs": "has something else",
    "failed": "refused, failed, or its connection was lost",
    "silent": "did not answer within the hint timeout",
    "skipped": "was known to be down, and not asked",
    "hint_sent": "was asked to keep a hint for {target}",
    "hint_stored": "holds a hint for {target} durably",
    "repair_sent": "had less, and was sent what it lacked",
    "repaired": "holds what it lacked durably",
    "quorum_met": "enough nodes answered",
    "replied": "the client was answered",
    "repair_planned": "had less than the reply shows, and is to be sent the rest after it",
    "refused": "refused: too few nodes could be reached, and nothing was sent",
}
_ANSWERS: dict[CopyKind, str] = {
    "empty": "has nothing of the key",
    "first": "answered with all it has",
    "equal": "answered with the same",
    "behind": "answered with less than was known",
    "ahead": "answered with more than was known",
    "beside": "answered with something that was not known, and lacks something that was",
}


def _in_words(event: EventKind, target: str | None, copy: CopyKind | None) -> str:
    if event == "answered" and copy is not None:
        return _ANSWERS[copy]
    if event == "digest_equal" and copy == "behind":
        return "has the same as another, which is less than was known"
    return _DETAILS[event].format(target=target)


@dataclass(frozen=True, slots=True)
class ExplainEvent:
    """One thing that the coordinator did or heard.

    Parameters
    ----------
    at_us : int
        Microseconds since it took the request. Events of one step have the same time.
    node : str
        The node that the event is about.
    event : str
        "received", "sent", "acked", "answered", "digest_equal", "digest_differs", "failed",
        "silent", "skipped", "hint_sent", "hint_stored", "repair_sent", "repaired",
        "quorum_met", "replied", "repair_planned" or "refused".
    target : str or None
        The owner that a hint is for.
    detail : str
        The event in words.
    copy : str or None
        For an answer: how the node's copy compares with all that was heard before it. "empty" (it
        has nothing of the key), "first" (no node before it had anything), "equal", "behind" (it
        lacks something), "ahead" (it has more), "beside" (both).
    """

    at_us: int
    node: str
    event: EventKind
    target: str | None
    detail: str
    copy: CopyKind | None = None


@dataclass(frozen=True, slots=True)
class Explain:
    """How a request was decided, by its coordinator; made with the option ``explain=True``.

    Parameters
    ----------
    operation : "get", "put" or "delete"
    layout : int
        Version of the layout that it was routed by.
    coordinator : str
    owners, fallbacks : tuple of str
        The key's preference list.
    required : int
        R or W.
    strict : bool
        Only owners could count towards it.
    met_at_us : int or None
        When it was met; None: it was not.
    events : tuple of ExplainEvent
        In the order in which they happened, up to the reply. Owners that are repaired in the
        background are sent what they lack after that; the record names those that are known to need
        it.
    begun_at : float, seconds
        When the coordinator took the request, by its steady clock: in a simulation, virtual time.
    request : int
        The number under which it asked the others; 0 when it asked no other node. Events of a
        simulation's trace name it.
    """

    operation: Literal["get", "put", "delete"]
    layout: int
    coordinator: str
    owners: tuple[str, ...]
    fallbacks: tuple[str, ...]
    required: int
    strict: bool
    met_at_us: int | None
    events: tuple[ExplainEvent, ...]
    begun_at: float = 0.0
    request: int = 0

    @classmethod
    def _from_core(cls, fields: _ExplainFields) -> Self:
        events = tuple(
            ExplainEvent(at_us, node, kind, target, _in_words(kind, target, copy), copy)
            for at_us, node, kind, target, copy in fields["events"]
        )
        met = [event.at_us for event in events if event.event == "quorum_met"]
        return cls(
            operation=fields["operation"],
            layout=fields["layout"],
            coordinator=fields["coordinator"],
            owners=tuple(fields["owners"]),
            fallbacks=tuple(fields["fallbacks"]),
            required=fields["required"],
            strict=fields["strict"],
            met_at_us=met[0] if met else None,
            events=events,
            begun_at=fields["begun_at"],
            request=fields["request"],
        )

    def data(self) -> dict[str, Any]:
        """Return it as dicts and lists, for JSON and asserts."""
        fields = asdict(self)
        fields["owners"], fields["fallbacks"] = list(self.owners), list(self.fallbacks)
        fields["events"] = list(fields["events"])
        return fields

    def __repr__(self) -> str:
        met = f"met after {self.met_at_us} µs" if self.met_at_us is not None else "not met"
        mode = "strict" if self.strict else "sloppy"
        return (
            f"<Explain {self.operation} by {self.coordinator}: {mode} quorum of {self.required} "
            f"of {', '.join(self.owners)} {met}, {len(self.events)} events>"
        )
