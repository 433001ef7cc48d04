"""Writing and reading many records through a cluster that may lose a node meanwhile.

No outcome is forgotten: a write ends acknowledged, or it is tried again with the same value. That
is right after a refusal (nothing was written) and after a write in doubt (it may have been): the
second try brings the same bytes, and equal siblings are shown once.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from dynakv import Bucket, DynakvError

__all__ = ["GaveUp", "Phase", "Reading", "Writing", "read_all", "write_all"]

Item = tuple[bytes, bytes]

# Tries of one record, and the pause before a batch of which nothing succeeded, seconds.
TRIES_MAX = 40
PAUSE = 0.1


class GaveUp(RuntimeError):
    """A record could not be written or read within `TRIES_MAX` tries."""


@dataclass
class Phase:
    """A stretch of the load between two changes of the cluster."""

    name: str
    operations: int = 0
    seconds: float = 0.0
    slowest_batch_seconds: float = 0.0
    holders: Counter[str] = field(default_factory=Counter)
    """How many of the operations each node had acknowledged when the client heard of it."""

    def add(self, operations: int, seconds: float) -> None:
        self.operations += operations
        self.seconds += seconds
        self.slowest_batch_seconds = max(self.slowest_batch_seconds, seconds)

    @property
    def per_second(self) -> float:
        return self.operations / self.seconds if self.seconds else 0.0


@dataclass
class Writing:
    """The outcome of all writes."""

    acknowledged: int = 0
    retried: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    in_doubt: Counter[str] = field(default_factory=Counter)
    phases: list[Phase] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        return sum(phase.seconds for phase in self.phases)


@dataclass
class Reading:
    """The outcome of all reads. `wrong` holds keys whose value is not the one expected."""

    found: int = 0
    retried: int = 0
    missing: list[bytes] = field(default_factory=list)
    wrong: list[bytes] = field(default_factory=list)
    phase: Phase = field(default_factory=lambda: Phase("reads"))

    @property
    def clean(self) -> bool:
        return not self.missing and not self.wrong


def write_all(
    bucket: Bucket[bytes],
    items: Iterable[Item],
    writing: Writing,
    *,
    w: int,
    batch_size: int,
    before_batch: Callable[[int], None] = lambda done: None,
    after_batch: Callable[[Sequence[Item]], None] = lambda batch: None,
    timeout_s: float = 5.0,
) -> None:
    """Write all items in batches until each is acknowledged by `w` nodes.

    Parameters
    ----------
    bucket : Bucket
        Where to.
    items : iterable of (key, value)
        What.
    writing : Writing
        Takes the counts; the last of its phases is the one that time is booked on.
    w : int
        Durable acknowledgements, each from another node.
    batch_size : int
        Records per call of ``put_many``.
    before_batch, after_batch : callable
        Called with the number of acknowledged records, and with the items just acknowledged.
    timeout_s : float, seconds
        Of one batch.

    Raises
    ------
    GaveUp
        A record failed too often.
    DynakvError
        A failure that a second try cannot mend.
    """
    waiting = deque((item, 1) for item in items)
    if not writing.phases:
        writing.phases.append(Phase("all nodes"))
    while waiting:
        before_batch(writing.acknowledged)
        batch = [waiting.popleft() for _ in range(min(batch_size, len(waiting)))]
        started = time.perf_counter()
        outcomes = bucket.put_many([item for item, _ in batch], w=w, timeout=timeout_s)
        elapsed = time.perf_counter() - started
        acknowledged = []
        for (item, tries), outcome in zip(batch, outcomes, strict=True):
            if isinstance(outcome, DynakvError):
                _note_failure(outcome, item[0], tries, writing)
                waiting.append((item, tries + 1))
            else:
                acknowledged.append(item)
                writing.phases[-1].holders.update(outcome.acked)
        writing.acknowledged += len(acknowledged)
        writing.phases[-1].add(len(acknowledged), elapsed)
        after_batch(acknowledged)
        if not acknowledged:
            threading.Event().wait(PAUSE)


def _note_failure(error: DynakvError, key: bytes, tries: int, writing: Writing) -> None:
    if not (error.retryable or error.in_doubt):
        raise error
    if tries >= TRIES_MAX:
        raise GaveUp(f"{key!r} was not acknowledged in {tries} tries") from error
    kinds = writing.in_doubt if error.in_doubt else writing.refused
    kinds[type(error).__name__] += 1
    writing.retried += 1


def read_all(
    bucket: Bucket[bytes],
    expected: Sequence[Item],
    *,
    r: int,
    batch_size: int,
    after_batch: Callable[[int], None] = lambda count: None,
    timeout_s: float = 5.0,
) -> Reading:
    """Read every key at `r` nodes and compare; failed reads are repeated.

    Raises
    ------
    GaveUp
        A key could not be read.
    DynakvError
        A failure that a second try cannot mend.
    """
    reading = Reading()
    waiting = deque((item, 1) for item in expected)
    while waiting:
        batch = [waiting.popleft() for _ in range(min(batch_size, len(waiting)))]
        started = time.perf_counter()
        answers = bucket.get_many([key for (key, _), _ in batch], r=r, timeout=timeout_s)
        elapsed = time.perf_counter() - started
        done = 0
        for (item, tries), answer in zip(
            batch, map(answers.__getitem__, _keys(batch)), strict=True
        ):
            if isinstance(answer, DynakvError):
                if tries >= TRIES_MAX or not answer.retryable:
                    raise GaveUp(f"{item[0]!r} was not read in {tries} tries") from answer
                reading.retried += 1
                waiting.append((item, tries + 1))
                continue
            done += 1
            if not answer.exists:
                reading.missing.append(item[0])
            elif answer.values != [item[1]]:
                reading.wrong.append(item[0])
            else:
                reading.found += 1
        reading.phase.add(done, elapsed)
        after_batch(done)
        if not done:
            threading.Event().wait(PAUSE)
    return reading


def _keys(batch: Iterable[tuple[Item, int]]) -> Iterable[bytes]:
    return (item[0] for item, _ in batch)
