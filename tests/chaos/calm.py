"""A run without faults: under full load nobody may be suspected (I17)."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import dynakv

from tests.chaos.report import Report
from tests.chaos.workload import Worker


def busy_and_total() -> tuple[int, int]:
    """What all processors did since the start of the machine, in ticks."""
    first = Path("/proc/stat").read_text(encoding="ascii").splitlines()[0]
    ticks = [int(word) for word in first.split()[1:9]]
    idle = ticks[3] + ticks[4]
    return sum(ticks) - idle, sum(ticks)


def suspicions(client: dynakv.Client) -> dict[str, int]:
    """How often each node suspected another since its start."""
    return {status.name: status.counters["suspicions"] for status in client.admin.status()}


@dataclass
class Calm:
    """What a calm run measured.

    Parameters
    ----------
    seconds : float
    busy : float
        The share of all processors that was in use, by whomever.
    suspected : dict[str, int]
        New suspicions, by the node that had them.
    """

    seconds: float
    busy: float = 0.0
    suspected: dict[str, int] = field(default_factory=dict)
    report: Report = field(default_factory=lambda: Report(0, 0))

    def judge(self, nodes: int) -> None:
        """Record what must not be."""
        found = self.report.violations
        if len(self.suspected) != nodes:
            found.append(f"only {len(self.suspected)} of {nodes} nodes answer")
        found += [f"{name} suspected {n} times" for name, n in self.suspected.items() if n]
        if not self.report.acknowledged:
            found.append("nothing was acknowledged")

    def lines(self) -> Sequence[str]:
        """The table."""
        failed = sum(n for name, n in self.report.counts.items() if name.endswith(" failed"))
        return [
            f"  {'seconds':<30} {self.seconds:.0f}",
            f"  {'processors busy':<30} {self.busy:.0%} of {os.cpu_count()}",
            f"  {'acknowledged operations':<30} {self.report.acknowledged:,}",
            f"  {'failed operations':<30} {failed:,}",
            f"  {'live nodes suspected':<30} {sum(self.suspected.values())}",
            *(f"  VIOLATION {text}" for text in self.report.violations),
            f"{len(self.report.violations)} violations",
        ]


def load(clients: Sequence[dynakv.Client], seed: int, seconds: float) -> list[Worker]:
    """Keep two workers at each client; one that has written all its keys is followed by another."""
    end = time.monotonic() + seconds
    workers: list[Worker] = []
    running: list[Worker] = []
    while time.monotonic() < end:
        running = [worker for worker in running if worker.is_alive()]
        while len(running) < 2 * len(clients):
            number = len(workers)
            worker = Worker(number, clients[number % len(clients)], seed, exact=False)
            worker.start()
            workers.append(worker)
            running.append(worker)
        running[0].join(min(1.0, max(0.0, end - time.monotonic())))
    return workers


def run_calm(cluster: dynakv.LocalCluster, seed: int, seconds: float, nodes: int) -> Calm:
    """Load the cluster for a while, and count who was suspected."""
    clients = [cluster.client(max_in_flight=4096) for _ in range(2)]
    with cluster.client() as observer:
        before = suspicions(observer)
        busy, total = busy_and_total()
        began = time.monotonic()
        workers = load(clients, seed, seconds)
        for worker in workers:
            worker.halt()
        for worker in workers:
            worker.join(60)
        busy_now, total_now = busy_and_total()
        calm = Calm(time.monotonic() - began, (busy_now - busy) / max(1, total_now - total))
        calm.suspected = {
            name: count - before.get(name, 0) for name, count in suspicions(observer).items()
        }
        for worker in workers:
            worker.check_all(observer)
    calm.report.add(workers)
    calm.judge(nodes)
    return calm
