"""One run of the demo: the cluster, the records, the screen, and what was claimed so far."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from dynakv import Bucket, LocalCluster, RetryPolicy
from dynakv.demo._figures import Claim, Summary
from dynakv.demo._packages import Dataset
from dynakv.demo._screen import Screen
from dynakv.demo._traffic import Item, Reading, read_all

__all__ = ["NODE_COUNT", "R", "Run", "W"]

NODE_COUNT = 3
R = W = 2
_BATCH_SIZE_MAX = 512
# So that even a small load meets the dead node in several batches.
_BATCH_COUNT_MIN = 24


@dataclass
class Run:
    """What the chapters share."""

    cluster: LocalCluster
    data: Dataset
    screen: Screen
    seed: int
    durability: str
    summary: Summary = field(default_factory=Summary)

    def __post_init__(self) -> None:
        self.draw = random.Random(self.seed)
        # What the store must hold, as far as it was acknowledged; a dict keeps the order.
        self.expected: dict[bytes, bytes] = dict(self.data.base)
        self.batch_size = max(8, min(_BATCH_SIZE_MAX, len(self.expected) // _BATCH_COUNT_MIN))
        # One is killed during the load, another one at the end, the third never.
        self.victim, self.second_victim, self.survivor = self.draw.sample(
            range(NODE_COUNT), NODE_COUNT
        )

    def name(self, index: int) -> str:
        """Return the name of a node."""
        return self.cluster.nodes[index].name

    def pid(self, index: int) -> int | None:
        """Return the process number of a node while it runs."""
        return self.cluster.nodes[index].pid

    def claim(self, text: str, detail: str, *, ok: bool) -> None:
        """Assert something in public."""
        self.summary.claims.append(Claim(text, detail, ok))
        self.screen.verdict(text, detail, ok=ok)

    def bucket(self, via: int, *, retries: bool = True) -> Bucket[bytes]:
        """Return the bucket through a new client, which has seen nothing yet."""
        retry = None if retries else RetryPolicy(attempts=1)
        return self.cluster.client(via=via, retry=retry).bucket("packages")

    def read_everything(self, via: int) -> Reading:
        """Read all that is expected, at R nodes, and compare."""
        items: Sequence[Item] = list(self.expected.items())
        with self.screen.progress("reading", len(items)) as bar:
            return read_all(
                self.bucket(via), items, r=R, batch_size=self.batch_size, after_batch=bar.advance
            )

    def claim_complete(self, text: str, reading: Reading) -> None:
        """Claim that a reading of everything brought everything."""
        count = len(self.expected)
        detail = f"{reading.found:,} of {count:,} read and equal at R={R}"
        if not reading.clean:
            detail += f"; missing {reading.missing[:3]}, wrong {reading.wrong[:3]}"
        self.claim(text, detail, ok=reading.clean and reading.found == count)
        per_second = f"{reading.phase.per_second:,.0f} reads per second"
        self.screen.say(f"  in batches of {self.batch_size}: {per_second}")
