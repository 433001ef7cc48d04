"""A whole cluster on virtual time: no sockets, no waiting, and one seed that repeats the run."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple

from dynakv import _core
from dynakv._cluster_config import cluster_config
from dynakv._codecs import bytes_codec
from dynakv._config import BucketChanges
from dynakv._exceptions import ArgumentTypeError, ConfigError, InternalError
from dynakv._options import DEFAULT_TIMEOUT, Quorum, ReadRepair, RequestOptions, check_timeout
from dynakv._requests import Connection, Key, bucket_name, encode_key
from dynakv._sim_client import SimClient, SimEvent, SimNode, check_choice, check_number, permille
from dynakv._sim_faults import SimFaults
from dynakv._sim_history import History, Operation, operation_from

_START_LIMIT = 60.0  # virtual seconds until every node has found every other
_CONNECT_TIME = 0.02  # virtual seconds in which a new client has dialled
_PAUSE = 0.02  # between two attempts of an update
_FLOW = 1 << 62  # a client is one session; beyond the numbers of real flows


class _Face(NamedTuple):
    """What the native simulation does not know."""

    nodes: int
    timeout: float
    names: tuple[str, ...] = ()
    action_count: int = 0


class Snapshot:
    """Where a simulation was, and all calls made on it until then; `Simulation.snapshot`.

    Attributes
    ----------
    now : float
        The virtual time.
    trace_hash : int
    calls : int
        How many calls `fork` makes again.
    """

    __slots__ = ("_face", "_native")

    def __init__(self, native: _core.SimSnapshot, face: _Face) -> None:
        self._native = native
        self._face = face

    @property
    def now(self) -> float:
        return self._native.now

    @property
    def trace_hash(self) -> int:
        return self._native.trace_hash

    @property
    def calls(self) -> int:
        return self._native.calls

    def fork(self) -> Simulation:
        """Return a new, independent simulation that is where this one was.

        It has the same clients, by name, and what their sessions have seen; take them with
        ``fork.client(name)``. See `Simulation.fork`.

        Raises
        ------
        InternalError
            The run did not repeat itself: a bug.
        """
        fork = Simulation.__new__(Simulation)
        fork._become(self._native.fork(), self._face)
        return fork

    def __repr__(self) -> str:
        return f"<Snapshot of {self._face.nodes} nodes at {self.now:.3f} s, {self.calls} calls>"


class Simulation(SimFaults):
    """Nodes that run the very code of real ones, with every fault at hand.

    The same arguments and calls give the same run, to the `trace_hash`. Use it from one thread.

    Parameters
    ----------
    nodes : int
    seed : int
        Decides everything that is random.
    n : int
        Copies of each key.
    r, w : int, "quorum" or "all", optional
        Owners that a read and a write need; default 2, or 1 when ``n`` is 1.
    sloppy : bool
        Nodes that stand in for owners count towards R and W; see `NodeConfig`.
    read_repair : "off", "background" or "blocking"
        When reads update owners that answered with less.
    buckets : mapping, optional
        Buckets with properties of their own, such as ``{"votes": {"conflict": "lww"}}``.
    zones : sequence of str
        Zones of the nodes, in turn.
    network : "stream" or "hostile"
        "stream" behaves like TCP; "hostile" loses, repeats and reorders single messages.
    loss, repeat : float
        Chances of a message in the hostile network.
    delay : float, seconds
        Mean of a message's delay.
    durability : "group" or "os"
        Whether an acknowledgement waits for the disk's sync.
    timeout : float, virtual seconds
        Time for a request that names none.
    attempts : int
        Tries of a request; 1 = a write whose node is lost fails in doubt, and is not repeated.

    Raises
    ------
    ConfigError
        An argument cannot be used.

    Examples
    --------
    >>> sim = dynakv.Simulation(nodes=3, seed=7)
    >>> left, right = sim.client("left"), sim.client("right")
    >>> sim.partition([0, "left"], [1, 2, "right"])
    >>> left.put("cart", b"milk", w=1, timeout=20) and right.put("cart", b"eggs", timeout=20)
    PutResult(...)
    >>> sim.heal()
    >>> sim.run_for(10)
    >>> found = sim.client("reader").get("cart", r="all")
    >>> sorted(found.values)
    [b'eggs', b'milk']
    """

    def __init__(
        self,
        nodes: int = 5,
        *,
        seed: int,
        n: int = 3,
        r: Quorum | None = None,
        w: Quorum | None = None,
        sloppy: bool = True,
        read_repair: ReadRepair = "background",
        buckets: Mapping[str, BucketChanges] | None = None,
        zones: Sequence[str] = (),
        network: Literal["stream", "hostile"] = "stream",
        loss: float | None = None,
        repeat: float | None = None,
        delay: float = 0.0003,
        durability: Literal["group", "os"] = "group",
        timeout: float = DEFAULT_TIMEOUT,
        attempts: int = 4,
    ) -> None:
        check_number("nodes", nodes, 1, 1000)
        check_number("seed", seed, 0, 2**64 - 1)
        check_choice("network", network, ("stream", "hostile"))
        check_timeout("timeout", timeout)
        check_timeout("delay", delay)
        check_number("attempts", attempts, 1, 100)
        hostile = network == "hostile"
        if not hostile and (loss is not None or repeat is not None):
            raise ConfigError('loss and repeat need network="hostile"; a stream loses nothing')
        small = min(2, n) if isinstance(n, int) else 2
        fields: dict[str, object] = {
            "n": n,
            "r": r or small,
            "w": w or small,
            "durability": durability,
        }
        fields |= {"sloppy": sloppy, "read_repair": read_repair}
        config = cluster_config(nodes, None, buckets, fields)
        native = _core.Simulation(
            nodes=nodes,
            seed=seed,
            defaults=config.default_properties(),
            buckets=config.bucket_properties(),
            zones=list(zones),
            hostile=hostile,
            group=durability == "group",
            timeout=timeout,
            delay=delay,
            loss_permille=permille("loss", loss) if hostile else 0,
            repeat_permille=permille("repeat", repeat) if hostile else 0,
            attempts=attempts,
        )
        self._become(native, _Face(nodes, timeout))
        if not self._native.run_until_ready(_START_LIMIT):
            raise InternalError(f"the nodes did not find each other in {_START_LIMIT:g} s")

    def _become(self, native: _core.Simulation, face: _Face) -> None:
        self._native = native
        self._names = list(face.names)
        self._count = face.nodes
        self._timeout = face.timeout
        self._clients: dict[str, SimClient] = {}
        self._actions: dict[int, Callable[[], object]] = {}
        self._action_count = face.action_count  # numbers before it are those of another's actions
        self._trace: list[SimEvent] = []
        self._ended: list[Operation | None] = []
        self._native.set_runner(weakref.WeakMethod(self._run_due))

    def client(self, name: str = "client") -> SimClient:
        """Return the client of that name; the first call makes it."""
        if not isinstance(name, str) or not name:
            raise ArgumentTypeError(f'a client\'s name is a str, not {name!r}; use "alice"')
        if name not in self._clients:
            is_new = name not in self._names
            if is_new:
                native = self._native.client()
                self._names.append(name)
            else:
                native = self._native.take_client(self._names.index(name))
            self._clients[name] = self._made_client(name, native)
            if is_new:
                self.run_for(_CONNECT_TIME)
        return self._clients[name]

    def _made_client(self, name: str, native: _core.Client) -> SimClient:
        client = SimClient()
        client._connection = Connection(native, self._timeout, 4096, lambda _: self.run_for(_PAUSE))
        client._name = b"default"
        client._codec = bytes_codec
        client._resolver = None
        client._options = RequestOptions(timeout=self._timeout)
        client._flow = lambda: _FLOW
        client._is_owner = True
        client.client_name = name
        return client

    @property
    def now(self) -> float:
        """Virtual seconds since the start."""
        return self._native.now

    def run_for(self, seconds: float) -> None:
        """Let virtual time pass."""
        check_timeout("seconds", seconds)
        self._native.run_for(seconds)

    def run_until(self, condition: Callable[[], object], *, timeout: float = 60.0) -> bool:
        """Run until `condition()` is true, or `timeout` has passed; say whether it is."""
        check_timeout("timeout", timeout)
        end = self.now + timeout
        while not condition():
            if self.now >= end or not self._native.step(end - self.now):
                return bool(condition())
        return True

    def step(self, *, within: float = 1.0) -> bool:
        """Run the next event, if there is one in that many seconds; otherwise they pass."""
        check_timeout("within", within)
        return self._native.step(within)

    def at(self, t: float, fn: Callable[[], object]) -> None:
        """Call `fn()` when virtual time has come to `t`; it may use the simulation as you do.

        A fork makes the calls of `fn` again, at their time, and does not call `fn`. An action that
        is not due yet stays with this simulation, for which it was written.
        """
        if not t >= self.now:
            raise ConfigError(f"t is {t!r} and now is {self.now}; use sim.now + seconds")
        self._action_count += 1
        self._actions[self._action_count] = fn
        self._native.at(t, self._action_count)

    def _run_due(self, numbers: list[int]) -> None:
        for number in numbers:
            action = self._actions.pop(number, None)  # a fork has none of before
            if action is not None:
                action()

    def snapshot(self) -> Snapshot:
        """Return what it takes to make this simulation again as it is now; cheap."""
        face = _Face(self._count, self._timeout, tuple(self._names), self._action_count)
        return Snapshot(self._native.snapshot(), face)

    def fork(self) -> Simulation:
        """Return a new, independent simulation that is where this one is.

        The same calls give the same run on both, to the `trace_hash`. A simulation is a function of
        its arguments and of the calls made on it, so a fork makes all of them again. It takes as
        long as the run took, without the Python in between, and as much memory. Its history and
        trace begin where those of this one began.

        Two things stay behind: actions of `at` that are not due yet, and `Pending` requests, which
        go on in the fork although nothing there asks for their results.

        Raises
        ------
        InternalError
            The run did not repeat itself: a bug.

        Examples
        --------
        >>> sim = dynakv.Simulation(nodes=3, seed=1)
        >>> _ = sim.client().put("k", b"1")
        >>> other = sim.fork()
        >>> other.trace_hash == sim.trace_hash
        True
        >>> other.crash(0)
        >>> [node.state for node in sim.nodes]
        ['running', 'running', 'running']
        >>> other.client().get("k").value
        b'1'
        """
        return self.snapshot().fork()

    @property
    def layout(self) -> _core.Layout:
        """The members and where keys belong."""
        return self._native.layout

    def where(self, key: Key, *, bucket: str = "default") -> tuple[int, ...]:
        """Return the indices of the key's owners, in the order of preference."""
        return tuple(self._native.where(encode_key(key), bucket_name(bucket)))

    @property
    def nodes(self) -> tuple[SimNode, ...]:
        """How each node is now."""
        return tuple(self._node_state(i) for i in range(self._count))

    @property
    def metrics(self) -> dict[str, dict[str, int]]:
        """The counters of each node, by its name; none of one that is down."""
        return {node.name: dict(node.counters) for node in self.nodes}

    @property
    def history(self) -> History:
        """The operations of all clients so far; those that are under way have no end."""
        native, names = self._native, self._names
        rows = native.history(len(self._ended))
        operations = [operation_from(row, names) for row in rows]
        known = next((i for i, row in enumerate(rows) if row[-1] is None), len(rows))
        self._ended += operations[:known]  # these will not change
        return History(op for op in (*self._ended, *operations[known:]) if op is not None)

    @property
    def trace(self) -> tuple[SimEvent, ...]:
        """What happened so far."""
        for at, kind, host, peer, detail in self._native.trace(len(self._trace)):
            event = SimEvent(at, kind, self._host_name(host), self._host_name(peer), detail)
            self._trace.append(event)
        return tuple(self._trace)

    @property
    def trace_hash(self) -> int:
        """Grows with every message delivered and every fault: equal runs have equal hashes."""
        return self._native.trace_hash

    def __repr__(self) -> str:
        return f"<Simulation of {self._count} nodes at {self.now:.3f} s>"

    def _node_state(self, i: int) -> SimNode:
        fields = self._native.node(i)
        state: Literal["running", "paused", "down"] = "running" if fields["running"] else "down"
        if fields["running"] and fields["paused"]:
            state = "paused"
        return SimNode(
            i, fields["name"], fields["id"], state, fields["ready"], dict(fields["counters"])
        )

    def _host_name(self, host: int) -> str | None:
        if host < self._count:
            return f"n{host}" if host >= 0 else None
        return self._names[host - self._count]
