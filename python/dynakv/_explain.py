"""The decision record of a request: whom its coordinator asked, and who answered what and when."""

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
]

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
}


@dataclass(frozen=True, slots=True)
class ExplainEvent:
    """One thing that the coordinator did or heard.

    Parameters
    ----------
    at_us : int
        Microseconds since it took the request. What happened in one step has one time.
    node : str
        The node that it is about.
    event : str
        "received", "sent", "acked", "answered", "digest_equal", "digest_differs", "failed",
        "silent", "skipped", "hint_sent", "hint_stored", "repair_sent", "repaired", "quorum_met" or
        "replied".
    target : str or None
        The owner that a hint is for.
    detail : str
        The event in words.
    """

    at_us: int
    node: str
    event: EventKind
    target: str | None
    detail: str


@dataclass(frozen=True, slots=True)
class Explain:
    """How a request came about, by its coordinator's word; made with the option ``explain=True``.

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
        In the order in which they happened, up to the reply.
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

    @classmethod
    def _from_core(cls, fields: _ExplainFields) -> Self:
        events = tuple(
            ExplainEvent(at_us, node, kind, target, _DETAILS[kind].format(target=target))
            for at_us, node, kind, target in fields["events"]
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
