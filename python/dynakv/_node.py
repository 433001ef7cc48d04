"""One node inside this process."""

from __future__ import annotations

import os
import weakref
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self

from dynakv import _core
from dynakv._admin import NodeStatus, node_status
from dynakv._config import NodeConfig
from dynakv._core import Member
from dynakv._exceptions import ClosedError, ConfigError, DynakvError
from dynakv._lifecycle import close_at_exit
from dynakv._options import check_timeout

# Which running node of this process has which data directory.
_directories: weakref.WeakValueDictionary[str, Node] = weakref.WeakValueDictionary()


class Node:
    """A real node: sockets, a store, a thread of its own. A context manager: it starts and stops.

    Parameters
    ----------
    config : NodeConfig

    Examples
    --------
    >>> config = dynakv.NodeConfig(name="solo", storage="memory", n=1, r=1, w=1)
    >>> with dynakv.Node(config) as node:
    ...     node.bootstrap()
    ...     node.wait_ready()
    ...     dynakv.connect(node.address).put("k", b"v")
    PutResult(...)
    """

    def __init__(self, config: NodeConfig) -> None:
        if not isinstance(config, NodeConfig):
            raise ConfigError(f"config is {config!r}; use dynakv.NodeConfig(...)")
        self.config = config
        self._native: _core.Node | None = None
        self._address = ""
        self._listen = config.listen
        self._link_faults: list[tuple[str, int, int, float]] = []

    def start(self) -> Self:
        """Open the store, listen, and take up what the data directory holds.

        A node without a layout then waits for `bootstrap`, or forms a cluster with the others that
        ``config.members`` names, or takes the layout over from ``config.contact_points``; see
        `wait_ready`. Started again after `stop` or `kill`,
        it keeps its address.

        Raises
        ------
        ConfigError
            An option cannot be used; the address or the data directory is in use; the directory
            belongs to another node.
        StorageError, CorruptionError
            The store cannot be opened.
        """
        if self.running:
            raise ConfigError(f"{self!r} runs already; stop() it first")
        config = self.config
        directory = os.path.realpath(config.data_dir) if os.fspath(config.data_dir) else ""
        holder = _directories.get(directory) if directory else None
        if holder is not None and holder.running:
            raise ConfigError(
                f"data directory {directory} is in use in this process by {holder!r}; call its "
                "stop(), or leave its with block, or choose another directory"
            )
        self._native = _core.Node.start(
            name=config.name,
            data_dir=os.fspath(config.data_dir),
            listen=self._listen,
            advertise=config.advertise,
            contact_points=list(config.contact_points),
            insecure=config.insecure,
            rejoin=config.rejoin,
            durability=config.durability,
            storage=config.storage,
            zone=config.zone,
            capacity_percent=round(config.capacity * 100),
            value_bytes_max=config.value_bytes_max,
            sibling_count_max=config.sibling_count_max,
            log_level=config.log_level,
            development=config.development,
            link_faults=self._link_faults,
        )
        self._address = self._native.address
        if not config.advertise:
            self._listen = self._address
        if directory:
            _directories[directory] = self
        close_at_exit(self)
        if config.members:
            try:
                self.bootstrap([Member("", name, at) for name, at in config.members.items()])
            except BaseException:
                self.kill()
                raise
        return self

    def bootstrap(self, members: Sequence[Member] | None = None) -> None:
        """Give a node without a layout its first one; all first members take the same list.

        Parameters
        ----------
        members : sequence of Member, optional
            The `member` of each first node, or `Member` with an empty id for each: the nodes then
            learn the ids from each other. Default: this node alone.

        Raises
        ------
        ConfigError
            N is larger than the number of members, R or W is larger than N, a bucket property is
            unknown, or the node has another layout.
        """
        native = self._running()
        native.bootstrap(
            [native.member] if members is None else list(members),
            self.config.default_properties(),
            self.config.bucket_properties(),
        )

    def wait_ready(self, timeout: float = 10.0, peers: int = 0) -> None:
        """Wait until the node may coordinate writes and is connected to `peers` others.

        Raises
        ------
        RequestTimeout
            Not within `timeout` seconds.
        """
        self._running().wait_ready(timeout, peers)

    def stop(self, *, graceful: bool = True, timeout: float | None = None) -> None:
        """Write and sync everything, and stop; ``graceful=False`` is `kill`.

        Parameters
        ----------
        graceful : bool
        timeout : float, seconds, optional
            How long a graceful stop is waited for. Default: as long as its disk takes.

        Raises
        ------
        RequestTimeout
            Not within `timeout`. The node goes on stopping; `stop` again waits for it.
        StorageError
            The last write failed.
        """
        check_timeout("timeout", timeout)
        if self._native is not None:
            if graceful:
                self._native.stop(timeout)
            else:
                self._native.kill()

    def kill(self) -> None:
        """Drop everything at once, as the end of the process would."""
        self.stop(graceful=False)

    def _pause(self) -> None:
        self._running().pause()

    def _resume(self) -> None:
        self._running().resume()

    def _set_link_faults(self, rows: list[tuple[str, int, int, float]]) -> None:
        """Lose or delay messages; a node that does not run begins with it when it is started."""
        self._link_faults = rows
        with suppress(ClosedError):
            self._running().set_link_faults(rows)

    @property
    def running(self) -> bool:
        """True between start and the end, whatever ended it."""
        return self._native is not None and self._native.running

    @property
    def failure(self) -> DynakvError | None:
        """Why the node stopped by itself."""
        return self._native.failure if self._native is not None else None

    @property
    def name(self) -> str:
        """Its name in the layout."""
        return self.config.name

    @property
    def pid(self) -> int | None:
        """The number of the process it runs in; None when it does not run."""
        return os.getpid() if self.running else None

    @property
    def address(self) -> str:
        """Where peers and clients reach it, with the real port."""
        self._known()
        return self._address

    @property
    def member(self) -> Member:
        """What a layout says of this node."""
        return self._known().member

    @property
    def layout(self) -> _core.Layout | None:
        """The layout it has; None before the first."""
        return self._known().layout()

    def status(self) -> NodeStatus:
        """Return how it is."""
        native = self._known()
        return node_status(native.member, native.status())

    def metrics(self) -> dict[str, int]:
        """Return its counters by name."""
        return dict(self._known().status()["counters"])

    def _known(self) -> _core.Node:
        if self._native is None:
            raise ClosedError(f"{self!r} was never started; call start()")
        return self._native

    def _running(self) -> _core.Node:
        native = self._known()
        if not native.running:
            raise self.failure or ClosedError(f"{self!r} does not run; call start()")
        return native

    def _close_at_exit(self) -> None:
        self.stop()

    def __enter__(self) -> Self:
        return self if self.running else self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        if self._native is None:
            return f"<Node {self.config.name!r} not started>"
        state = f"at {self._address}" if self.running else "stopped"
        return f"<Node {self.config.name!r} {state}>"
