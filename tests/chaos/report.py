"""The table at the end, and what must hold of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tests.chaos.workload import Worker

GOALS = {"kills": 40, "pauses": 20, "partitions": 20}  # of 60 seconds
ACKNOWLEDGED_GOAL = 100_000
FULL_RUN_S = 60.0
SUCCESS_GOAL = 0.999
CONVERGED_GOAL_S = 30.0


def acknowledged(counts: Counter[str]) -> int:
    """How many operations were."""
    return counts["puts"] + counts["gets"] + counts["deletes"]


@dataclass
class KillFigures:
    """One node killed while all else is well.

    Parameters
    ----------
    puts, failed : int
        In the ten seconds around the kill.
    before, during, after : float
        Acknowledged puts per second: before, while it was away, after it was back.
    hints, hint_bytes : int
        Waiting for it when it came back.
    delivered : int
        Hints that were delivered until none was left.
    drained_s : float
    """

    puts: int = 0
    failed: int = 0
    before: float = 0.0
    during: float = 0.0
    after: float = 0.0
    hints: int = 0
    hint_bytes: int = 0
    delivered: int = 0
    drained_s: float = 0.0

    @property
    def success(self) -> float:
        return 1 - self.failed / self.puts if self.puts else 0.0


@dataclass
class Report:
    """What a run did and found."""

    seed: int
    seconds: float
    kill: KillFigures = field(default_factory=KillFigures)
    faults: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    storm_s: float = 0.0
    longest_pause: float = 0.0
    converged_s: float = 0.0
    converged_keys: int = 0
    checked_keys: int = 0
    violations: list[str] = field(default_factory=list)

    @property
    def acknowledged(self) -> int:
        return acknowledged(self.counts)

    @property
    def part(self) -> float:
        """Of the goals for counts: a shorter run has smaller ones."""
        return min(1.0, self.seconds / FULL_RUN_S)

    def is_enough(self, workers: Iterable[Worker]) -> bool:
        """Whether workers had so many operations acknowledged that the run means something."""
        return (
            sum(acknowledged(worker.counts) for worker in workers) >= ACKNOWLEDGED_GOAL * self.part
        )

    def add(self, workers: Iterable[Worker]) -> None:
        """Take over what workers counted and found."""
        for worker in workers:
            self.counts.update(worker.counts)
            self.violations += worker.violations
            self.checked_keys += len(worker.states) + len(worker.acked)
            if worker.failure is not None:
                self.violations.append(f"{worker.name} ended with {worker.failure!r}")
            if worker.is_alive():
                self.violations.append(f"{worker.name} hangs")

    def judge(self) -> None:
        """Compare with what must hold."""
        part = self.part
        for kind, goal in GOALS.items():
            if self.faults[kind] < int(goal * part):
                self.violations.append(f"only {self.faults[kind]} {kind} of {int(goal * part)}")
        if self.acknowledged < ACKNOWLEDGED_GOAL * part:
            self.violations.append(
                f"only {self.acknowledged:,} operations acknowledged of "
                f"{int(ACKNOWLEDGED_GOAL * part):,}"
            )
        if self.kill.success < SUCCESS_GOAL:
            self.violations.append(
                f"with one of five killed, {self.kill.success:.3%} of the puts succeeded: less "
                f"than {SUCCESS_GOAL:.1%}"
            )
        if self.converged_s > CONVERGED_GOAL_S:
            self.violations.append(f"not converged within {CONVERGED_GOAL_S:g} s after healing")

    def lines(self) -> Sequence[str]:
        """The table."""
        shapes = ", ".join(
            f"{kind.removeprefix('partitions: ')} {count}"
            for kind, count in sorted(self.faults.items())
            if ":" in kind
        )
        errors = ", ".join(
            f"{name.removeprefix('error ')} {count:,}"
            for name, count in sorted(self.counts.items())
            if name.startswith("error ")
        )
        failed = sum(n for name, n in self.counts.items() if name.endswith(" failed"))
        kill, counts = self.kill, self.counts
        rows = [
            ("seconds of faults", f"{self.storm_s:.1f}"),
            ("kills (SIGKILL, restart)", f"{self.faults['kills']}"),
            (
                "pauses (SIGSTOP)",
                f"{self.faults['pauses']}, the longest {self.longest_pause:.1f} s",
            ),
            ("partitions", f"{self.faults['partitions']}: {shapes}"),
            (
                "acknowledged operations",
                f"{self.acknowledged:,}: {counts['puts']:,} puts "
                f"({counts['sloppy writes']:,} sloppy writes), {counts['gets']:,} gets, "
                f"{counts['deletes']:,} deletes",
            ),
            ("failed operations", f"{failed:,}: {errors or 'none'}"),
            ("sloppy reads behind a delete", f"{counts['stale after a delete']:,}"),
            (
                "one of five killed",
                f"{kill.success:.4%} of {kill.puts:,} puts succeeded in the 10 s around it",
            ),
            (
                "puts per second",
                f"{kill.before:,.0f} before, {kill.during:,.0f} while it is away, "
                f"{kill.after:,.0f} after its return",
            ),
            (
                "hints at its return",
                f"{kill.hints:,} ({kill.hint_bytes:,} B); {kill.delivered:,} delivered, "
                f"none left after {kill.drained_s:.1f} s",
            ),
            ("converged after healing", f"{self.converged_s:.1f} s ({self.converged_keys:,} keys)"),
            ("keys checked at the end", f"{self.checked_keys:,}"),
        ]
        table = [f"  {name:<30} {text}" for name, text in rows]
        found = [f"  VIOLATION {text}" for text in self.violations]
        again = f"./dev chaos --seed {self.seed} --seconds {self.seconds:g}"
        return [
            *table,
            *found,
            f"{len(self.violations)} violations; the same schedule again: {again}",
        ]
