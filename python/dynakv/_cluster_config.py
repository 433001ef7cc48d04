"""The configuration that the nodes of a `LocalCluster` share, and the files beside their data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from dynakv._config import BucketChanges, NodeConfig
from dynakv._core import Member
from dynakv._exceptions import ConfigError

ADDRESSES_FILE = "cluster.json"


class ClusterNode(Protocol):
    """What a node of either kind can do."""

    config: NodeConfig

    def bootstrap(self, members: list[Member] | None = None) -> None: ...
    def start(self) -> object: ...
    def wait_ready(self, timeout: float = 10.0, peers: int = 0) -> None: ...
    def stop(self) -> None: ...
    def kill(self) -> None: ...
    def _pause(self) -> None: ...
    def _resume(self) -> None: ...
    def _set_link_faults(self, rows: list[tuple[str, int, int, float]]) -> None: ...
    @property
    def name(self) -> str: ...
    @property
    def pid(self) -> int | None: ...
    @property
    def running(self) -> bool: ...
    @property
    def member(self) -> Member: ...
    @property
    def address(self) -> str: ...


def cluster_config(
    count: int,
    config: NodeConfig | None,
    buckets: Mapping[str, BucketChanges] | None,
    fields: Mapping[str, Any],
) -> NodeConfig:
    """Make the template of all nodes from the arguments of LocalCluster.

    Raises
    ------
    ConfigError
        They do not fit each other or the number of nodes.
    """
    content: dict[str, Any] = {"data_dir": "-"}  # each node gets its own
    if config is not None:
        content |= config.to_fields()
    else:
        n = fields.get("n", min(3, count))
        small = min(2, n) if isinstance(n, int) else 2
        content |= {"n": n, "r": small, "w": small}
    content |= fields
    content["development"] = True  # it obeys pause, partition, …
    if buckets is not None:
        content["buckets"] = buckets
    template = NodeConfig.from_fields(content, origin="LocalCluster")
    if template.contact_points:
        raise ConfigError(
            "contact_points: a LocalCluster is a cluster of its own; start a dynakv.Node with the "
            "cluster's addresses as its contact_points instead"
        )
    if template.n > count:
        raise ConfigError(
            f"N={template.n} needs as many nodes, but the cluster has {count}; add nodes or lower n"
        )
    return template


def load_addresses(directory: Path) -> dict[str, str]:
    """Return where the nodes of a kept directory listened, by name."""
    try:
        content: dict[str, str] = json.loads((directory / ADDRESSES_FILE).read_text())
    except FileNotFoundError:
        return {}
    return content


def save_addresses(directory: Path, members: list[Member]) -> None:
    """Remember where nodes listen: their layout names these addresses."""
    content = {member.name: member.address for member in members}
    (directory / ADDRESSES_FILE).write_text(json.dumps(content))
