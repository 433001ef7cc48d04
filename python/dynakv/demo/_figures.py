"""What a run measured and claimed, as data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

__all__ = ["Claim", "Latency", "Summary", "latency"]


@dataclass(frozen=True)
class Claim:
    """Something the demo says about the cluster, and whether it was so in this run."""

    text: str
    detail: str
    ok: bool


@dataclass(frozen=True)
class Latency:
    """Percentiles of single operations, milliseconds."""

    count: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float


def latency(seconds: Sequence[float]) -> Latency:
    """Return the percentiles of some durations (nearest rank).

    Examples
    --------
    >>> latency([0.004, 0.001, 0.002, 0.003])
    Latency(count=4, p50_ms=2.0, p95_ms=4.0, p99_ms=4.0, max_ms=4.0)
    """
    ordered = sorted(seconds)

    def rank(percent: int) -> float:
        index = -(-percent * len(ordered) // 100) - 1
        return round(ordered[max(index, 0)] * 1e3, 3)

    return Latency(len(ordered), rank(50), rank(95), rank(99), round(ordered[-1] * 1e3, 3))


@dataclass
class Summary:
    """The result of a run: figures by name, and every claim in the order it was made."""

    figures: dict[str, Any] = field(default_factory=dict)
    claims: list[Claim] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """True when something was claimed and all of it held."""
        return bool(self.claims) and all(claim.ok for claim in self.claims)

    def as_data(self) -> dict[str, Any]:
        """Return plain dictionaries and lists, for JSON."""
        return {"ok": self.ok, **self.figures, "claims": [asdict(claim) for claim in self.claims]}
