"""A whole cluster on this machine: real nodes, real sockets."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
import weakref
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, Unpack

from dynakv._async_client import AsyncClient, connect_async
from dynakv._client import Client, ConnectArguments, connect
from dynakv._cluster_config import (
    ClusterNode,
    cluster_config,
    load_addresses,
    save_addresses,
)
from dynakv._cluster_waits import ClusterWaits
from dynakv._config import BucketChanges, NodeConfig
from dynakv._core import Layout
from dynakv._exceptions import ClosedError, ConfigError, DynakvError, ForkedError
from dynakv._lifecycle import close_at_exit
from dynakv._node import Node
from dynakv._process import ProcessNode


class LocalCluster(ClusterWaits):
    """Nodes n0, n1, … on this machine. It runs when the constructor returns; a context manager.

    Parameters
    ----------
    nodes : int
        How many.
    mode : "thread" or "process"
        Threads of this process, or a process each, which `kill` ends with SIGKILL.
    config : NodeConfig, optional
        A template; name, data_dir and listen are set for each node.
    data_dir : path, optional
        Keeps the data, a folder for each node; started again there, the cluster goes on with it.
        Default: a temporary directory that goes with the cluster.
    buckets : mapping, optional
        Buckets with properties of their own: ``{"votes": {"conflict": "lww"}}``.
    start_timeout : float, seconds
        For all nodes to be ready.
    **fields
        Fields of `NodeConfig`, on top of `config`: ``LocalCluster(5, storage="memory", w=3)``.
        Where neither names n, r and w, they are 3, 2 and 2, or as much of that as the number of
        nodes allows.

    Raises
    ------
    ConfigError
        N is larger than the cluster, R or W is larger than N, a bucket property is unknown, the
        directory is in use, …
    RequestTimeout
        Not ready in time.

    Examples
    --------
    >>> with dynakv.LocalCluster(nodes=3, storage="memory") as local:
    ...     client = local.client()
    ...     client.put("cart:42", b"milk")
    ...     client.get("cart:42").value
    PutResult(...)
    b'milk'
    """

    def __init__(
        self,
        nodes: int = 3,
        *,
        mode: Literal["thread", "process"] = "thread",
        config: NodeConfig | None = None,
        data_dir: str | os.PathLike[str] | None = None,
        buckets: Mapping[str, BucketChanges] | None = None,
        start_timeout: float = 30.0,
        **fields: Any,
    ) -> None:
        if isinstance(nodes, bool) or not isinstance(nodes, int) or not 1 <= nodes <= 64:
            raise ConfigError(f"nodes is {nodes!r}; use 1 to 64")
        if mode not in ("thread", "process"):
            raise ConfigError(f'mode is {mode!r}; use "thread" or "process"')
        self._mode = mode
        self._owner_pid = os.getpid()
        self._clients: weakref.WeakSet[Client | AsyncClient] = weakref.WeakSet()
        self._nodes: list[ClusterNode] = []
        self._begin_faults()
        template = cluster_config(nodes, config, buckets, fields)
        self._temporary = data_dir is None
        self._directory = Path(
            tempfile.mkdtemp(prefix="dynakv-") if data_dir is None else os.fspath(data_dir)
        )
        self._directory.mkdir(parents=True, exist_ok=True)
        close_at_exit(self)
        try:
            self._start(nodes, template, start_timeout)
        except BaseException:
            self.stop()
            raise

    def _start(self, count: int, template: NodeConfig, timeout: float) -> None:
        end = time.monotonic() + timeout
        addresses = load_addresses(self._directory)
        configs = [
            template.changed(
                name=f"n{index}",
                data_dir=str(self._directory / f"n{index}"),
                listen=addresses.get(f"n{index}", template.listen),
            )
            for index in range(count)
        ]
        if self._mode == "thread":
            for config in configs:
                self._nodes.append(Node(config))
                self._nodes[-1].start()
        else:
            processes = [ProcessNode(config) for config in configs]
            self._nodes.extend(processes)
            for process in processes:
                process.launch()
            for process in processes:
                process.finish_start()
        members = [node.member for node in self._nodes]
        for node in self._nodes:
            node.bootstrap(members)
        if not self._temporary:
            save_addresses(self._directory, members)
        self.wait_until("ready", timeout=max(0.1, end - time.monotonic()))

    def client(self, via: int | None = None, **arguments: Unpack[ConnectArguments]) -> Client:
        """Connect a new client; it is closed with the cluster.

        Parameters
        ----------
        via : int, optional
            Ask this node: every request goes to it first, and it forwards what it does not own.
            While it cannot be reached, others are asked. Default: an owner of the key.
        **arguments
            See `dynakv.connect`.
        """
        client = connect(self._contact_points(via), **self._asking(via, arguments))
        self._clients.add(client)
        return client

    async def client_async(
        self, via: int | None = None, **arguments: Unpack[ConnectArguments]
    ) -> AsyncClient:
        """Connect a new client of the running event loop; see `client`."""
        client = await connect_async(self._contact_points(via), **self._asking(via, arguments))
        self._clients.add(client)
        return client

    def kill(self, index: int) -> None:
        """End a node at once; in process mode with SIGKILL. Acknowledged writes are on its disk."""
        self._node(index).kill()
        self._paused.discard(index)

    def restart(self, index: int, *, timeout: float = 30.0) -> None:
        """Stop a node if it runs, start it with its data and address, and wait until it is ready.

        Raises
        ------
        ConfigError
            With storage "memory": such a node would come back as a stranger.
        """
        node = self._node(index)
        if node.config.storage == "memory":
            raise ConfigError(
                'a node with storage="memory" has nothing to come back with; use '
                'LocalCluster(storage="rocksdb"), the default'
            )
        node.stop()
        self._paused.discard(index)
        if not Path(node.config.data_dir).exists():  # it was wiped: the others know the layout
            points = [other.address for other in self._nodes if other.running]
            node.config = node.config.changed(contact_points=tuple(points))
        node.start()
        node.wait_ready(timeout, self._reachable(index))

    def stop(self) -> None:
        """Close the cluster's clients, stop all nodes, and remove the temporary directory."""
        if os.getpid() != self._owner_pid:
            return
        for client in list(self._clients):
            client._close_at_exit()
        errors = []
        for node in self._nodes:
            try:
                node.stop()
            except DynakvError as error:  # the others must stop too
                errors.append(error)
        if self._temporary:
            shutil.rmtree(self._directory, ignore_errors=True)
        if errors:
            raise errors[0]

    def layout(self) -> Layout:
        """Return the members and where keys belong."""
        self._check_process()
        for node in self._nodes:
            if isinstance(node, Node) and node.running and node.layout is not None:
                return node.layout
        with connect(self._contact_points(None)) as client:
            return client.layout

    @property
    def addresses(self) -> list[str]:
        """Where each node listens, whether it runs or not."""
        return [node.address for node in self._nodes]

    @property
    def nodes(self) -> tuple[ClusterNode, ...]:
        """The nodes: name, address, member, running, and pid where each has a process."""
        return tuple(self._nodes)

    def shares(self, bucket: str = "default") -> dict[str, float]:
        """Return the part of a bucket's copies that each node holds.

        Examples
        --------
        >>> round(sum(cluster.shares().values()), 6)
        1.0
        """
        counts = self.layout().slots_owned(bucket.encode())
        total = sum(counts.values())
        return {name: count / total for name, count in counts.items()}

    @property
    def running(self) -> list[bool]:
        """Which nodes run."""
        return [node.running for node in self._nodes]

    @property
    def data_dir(self) -> Path:
        """The directory that holds a folder for each node."""
        return self._directory

    def _check_process(self) -> None:
        if os.getpid() != self._owner_pid:
            raise ForkedError(
                "this cluster was started before a fork and belongs to the parent process; "
                "dynakv.connect(cluster.addresses) opens a new client in this one"
            )

    def _node(self, index: int) -> ClusterNode:
        self._check_process()
        if not isinstance(index, int) or not 0 <= index < len(self._nodes):
            raise ConfigError(f"there is no node {index!r}; use 0 to {len(self._nodes) - 1}")
        return self._nodes[index]

    def _contact_points(self, via: int | None) -> list[str]:
        self._check_process()
        if via is not None:
            return [self._node(via).address]
        points = [node.address for node in self._nodes if node.running]
        if not points:
            raise ClosedError("no node of this cluster runs")
        return points

    def _asking(self, via: int | None, arguments: ConnectArguments) -> ConnectArguments:
        return arguments if via is None else {"prefer": self._node(via).name, **arguments}

    def _observer(self) -> Client:
        return self.client()

    def _close_at_exit(self) -> None:
        self.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def __len__(self) -> int:
        return len(self._nodes)

    def __repr__(self) -> str:
        up = sum(self.running)
        return f"<LocalCluster {up} of {len(self._nodes)} nodes up, mode={self._mode!r}>"
