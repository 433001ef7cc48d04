"""Does what the schedule says, at its time."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import dynakv

from tests.chaos.schedule import NODES, Fault


class Nemesis:
    """Runs a schedule against a cluster; a fault that lasts has a thread while it does.

    A node has one fault of its own at a time: one that comes too early waits for the other's end.
    """

    def __init__(self, cluster: dynakv.LocalCluster, *, log: Callable[[str], None]) -> None:
        self.cluster = cluster
        self.counts: Counter[str] = Counter()
        self.longest_pause = 0.0
        self._log = log
        self._nodes = [threading.Lock() for _ in range(NODES)]
        self._network = threading.Lock()
        self._over = threading.Event()

    def run(self, schedule: list[Fault], seconds: float) -> None:
        """Return after `seconds`, with every node started and going on, and the network whole."""
        began = time.monotonic()
        with ThreadPoolExecutor(max_workers=3 * NODES) as pool:
            running: list[Future[None]] = []
            for fault in schedule:
                self._over.wait(max(0.0, began + fault.at - time.monotonic()))
                running.append(pool.submit(self._do, fault, began + seconds))
            self._over.wait(max(0.0, began + seconds - time.monotonic()))
            self._over.set()
        for future in running:
            future.result()
        self.cluster.heal()

    def _do(self, fault: Fault, end: float) -> None:
        act = {"kill": self._kill, "pause": self._pause, "partition": self._cut}[fault.kind]
        lock = self._network if fault.kind == "partition" else self._nodes[fault.node]
        with lock:
            if time.monotonic() >= end:
                return  # it waited for too long
            self._log(str(fault))
            act(fault)

    def _kill(self, fault: Fault) -> None:
        self.cluster.kill(fault.node)
        self.counts["kills"] += 1
        self._over.wait(fault.lasts)
        node = self.cluster.nodes[fault.node]
        node.stop()
        node.start()

    def _pause(self, fault: Fault) -> None:
        began = time.monotonic()
        self.cluster.pause(fault.node)
        self._over.wait(fault.lasts)
        self.cluster.resume(fault.node)
        self.longest_pause = max(self.longest_pause, time.monotonic() - began)
        self.counts["pauses"] += 1

    def _cut(self, fault: Fault) -> None:
        self.cluster.partition(fault.left, fault.right, one_way=fault.shape.startswith("one-way"))
        self.counts["partitions"] += 1
        self.counts[f"partitions: {fault.shape}"] += 1
        self._over.wait(fault.lasts)
        self.cluster.heal()
