"""When a `LocalCluster` is settled, according to its nodes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

from dynakv._admin import NodeStatus
from dynakv._client import Client
from dynakv._cluster_faults import ClusterFaults
from dynakv._exceptions import ConfigError, DynakvError, RequestTimeout
from dynakv._requests import Key, encode_key
from dynakv._results import GetResult

STATUS_TIMEOUT = 1.0
READ_TIMEOUT = 5.0


def missing_hints(statuses: Sequence[NodeStatus], running: set[str]) -> str:
    """Say which node still holds hints, or cannot be asked; "" when none does."""
    for status in statuses:
        if status.name not in running:
            continue
        if status.state != "up":
            return f"{status.name} does not answer"
        if status.hints_pending:
            return f"{status.name} holds {status.hints_pending} hints"
    return ""


def missing_peers(statuses: Sequence[NodeStatus], running: set[str]) -> str:
    """Say which running node is not ready or doubts another one; "" when none does."""
    for status in statuses:
        if status.name not in running:
            continue
        if not status.ready:
            return f"{status.name} is not ready"
        if status.recovering:
            return f"{status.name} recovers what it lost"
        for peer in status.peers:
            if peer.name in running and (peer.state != "alive" or not peer.connected):
                link = "connected" if peer.connected else "not connected"
                return f"{peer.name} is {peer.state} to {status.name}, {link}"
    return ""


def differing(client: Client, bucket: str, keys: Sequence[bytes]) -> list[bytes]:
    """Read keys from all their owners; return those whose owners did not all say the same.

    The read repairs what differs, so that a later one can find them equal.
    """
    outcomes = client.bucket(bucket).get_many(
        keys,
        r="all",
        sloppy=False,
        read_repair="background",
        explain=True,
        timeout=READ_TIMEOUT,
    )
    return [key for key in keys if not _owners_are_equal(outcomes[key])]


def _owners_are_equal(outcome: GetResult[bytes] | DynakvError) -> bool:
    if isinstance(outcome, DynakvError) or outcome.explain is None:
        return False
    kinds = {event.event for event in outcome.explain.events}
    # An owner that has nothing sends no digest; that it is behind is known when all have answered.
    return outcome.all_answered and not kinds & {"digest_differs", "repair_planned"}


class ClusterWaits(ClusterFaults):
    """The part of `LocalCluster` that waits."""

    def wait_until(
        self,
        condition: Literal["ready", "hints_drained", "converged"] | Callable[[], object],
        *,
        timeout: float = 30.0,
        keys: Iterable[Key] = (),
        bucket: str = "default",
    ) -> None:
        """Wait for a state of the cluster, or until `condition()` is true.

        "ready"
            All running nodes are ready and connected to all that they can reach.
        "hints_drained"
            All running nodes say that they hold no hint. Hints on nodes that are down are not seen,
            and while writes go on, new hints may be made at any moment.
        "converged"
            No running node holds a hint, recovers lost data, or doubts another one, all are
            connected, and each of `keys` was read from all its owners, who said the same. What
            differs is repaired by that read and read again. This covers only `keys`: nothing yet
            compares keys that are not read.

        Parameters
        ----------
        timeout : float, seconds
        keys, bucket : iterable of str or bytes, str
            The keys that "converged" reads, and their bucket.

        Raises
        ------
        RequestTimeout
            Not within `timeout` seconds; it says what was missing.

        Examples
        --------
        >>> cluster.wait_until("converged", keys=["cart:42"])
        """
        end = time.monotonic() + timeout
        if callable(condition):
            while not condition():
                if time.monotonic() > end:
                    raise RequestTimeout(f"{condition!r} was not true within {timeout:g} s")
                time.sleep(0.01)
        elif condition == "ready":
            for index, node in enumerate(self._nodes):
                if node.running and index not in self._paused:
                    node.wait_ready(max(0.01, end - time.monotonic()), self._reachable(index))
        elif condition in ("hints_drained", "converged"):
            with self._observer() as client:
                pending = [encode_key(key) for key in keys] if condition == "converged" else []
                while missing := self._missing(client, condition, bucket, pending):
                    if time.monotonic() > end:
                        raise RequestTimeout(f"not {condition} within {timeout:g} s: {missing}")
                    time.sleep(0.02)
        else:
            raise ConfigError(
                f'condition is {condition!r}; use "ready", "hints_drained", "converged" or a '
                "function"
            )

    def _missing(self, client: Client, condition: str, bucket: str, pending: list[bytes]) -> str:
        """Say what a state lacks; takes keys whose owners are equal out of `pending`."""
        running = {node.name for node in self._nodes if node.running}
        statuses = client.admin.status(timeout=STATUS_TIMEOUT)
        missing = missing_hints(statuses, running)
        if condition == "converged":
            missing = missing or missing_peers(statuses, running)
            if not missing and pending:
                pending[:] = differing(client, bucket, pending)
                missing = f"the owners of {len(pending)} keys differ" if pending else ""
        return missing

    def _observer(self) -> Client:
        raise NotImplementedError
