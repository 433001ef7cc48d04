"""Does what the schedule says, at its time."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import dynakv

from tests.chaos.schedule import NODES, Fault


def wait(seconds: float) -> float:
    """Let the load go on; return the time after it."""
    threading.Event().wait(max(0.0, seconds))
    return time.monotonic()


class Nemesis:
    """Runs a schedule against a cluster; a fault that lasts has a thread while it does.

    A node has one fault of its own at a time, and the network has one. Where a machine is slow, a
    fault ends late, mostly since its node takes long to start: then the next one there waits for
    it, and all that follow come later by as much. So each machine runs the whole schedule, in its
    order.
    """

    def __init__(self, cluster: dynakv.LocalCluster, *, log: Callable[[str], None]) -> None:
        self.cluster = cluster
        self.counts: Counter[str] = Counter()
        self.longest_pause = 0.0
        self._log = log

    def run(self, schedule: list[Fault], seconds: float, *, pace: float = 1.0) -> None:
        """Do all faults of a schedule, at its pace or a slower one; each lasts as long as it says.

        When this returns, `seconds` / `pace` are over or more, every node is started and goes on,
        and the network is whole.
        """
        began = time.monotonic()  # of the schedule: later by what came late
        with ThreadPoolExecutor(max_workers=NODES + 1) as pool:
            running: dict[int, Future[None]] = {}
            for fault in schedule:
                wait(began + fault.at / pace - time.monotonic())
                if fault.node in running:
                    running[fault.node].result()
                began = max(began, time.monotonic() - fault.at / pace)
                self._log(str(fault))
                running[fault.node] = pool.submit(self._do, fault)
            wait(began + seconds / pace - time.monotonic())
            for future in running.values():
                future.result()
        self.cluster.heal()

    def _do(self, fault: Fault) -> None:
        {"kill": self._kill, "pause": self._pause, "partition": self._cut}[fault.kind](fault)

    def _kill(self, fault: Fault) -> None:
        self.cluster.kill(fault.node)
        self.counts["kills"] += 1
        wait(fault.lasts)
        node = self.cluster.nodes[fault.node]
        node.stop()
        node.start()

    def _pause(self, fault: Fault) -> None:
        began = time.monotonic()
        self.cluster.pause(fault.node)
        wait(fault.lasts)
        self.cluster.resume(fault.node)
        self.longest_pause = max(self.longest_pause, time.monotonic() - began)
        self.counts["pauses"] += 1

    def _cut(self, fault: Fault) -> None:
        self.cluster.partition(fault.left, fault.right, one_way=fault.shape.startswith("one-way"))
        self.counts["partitions"] += 1
        self.counts[f"partitions: {fault.shape}"] += 1
        wait(fault.lasts)
        self.cluster.heal()
