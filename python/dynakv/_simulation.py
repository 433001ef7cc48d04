"""A whole cluster on virtual time: no sockets, no waiting, and one seed that repeats the run."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal

from dynakv import _core
from dynakv._cluster_config import cluster_config
from dynakv._codecs import bytes_codec
from dynakv._config import BucketChanges
from dynakv._exceptions import ArgumentTypeError, ConfigError, InternalError
from dynakv._options import DEFAULT_TIMEOUT, Quorum, RequestOptions, check_timeout
from dynakv._requests import Connection, Key, bucket_name, encode_key
from dynakv._sim_client import SimClient, SimEvent, SimNode, check_choice, check_number, permille

Host = int | str | SimClient

_START_LIMIT = 60.0  # virtual seconds until every node has found every other
_CONNECT_TIME = 0.02  # virtual seconds in which a new client has dialled
_PAUSE = 0.02  # between two attempts of an update
_FLOW = 1 << 62  # a client is one session; beyond the numbers of real flows


class Simulation:
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
    buckets : mapping, optional
        Buckets with properties of their own, such as ``{"votes": {"conflict": "lww"}}``.
    zones : sequence of str
        Zones of the nodes, in turn.
    network : "stream" or "hostile"
        As TCP behaves; or each message is lost, repeated and reordered by itself.
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
        check_number("nodes", nodes, 1, 256)
        check_number("seed", seed, 0, 2**64 - 1)
        check_choice("network", network, ("stream", "hostile"))
        check_timeout("timeout", timeout)
        check_timeout("delay", delay)
        check_number("attempts", attempts, 1, 100)
        hostile = network == "hostile"
        if not hostile and (loss is not None or repeat is not None):
            raise ConfigError('loss and repeat need network="hostile"; a stream loses nothing')
        small = min(2, n) if isinstance(n, int) else 2
        fields = {"n": n, "r": r or small, "w": w or small, "durability": durability}
        config = cluster_config(nodes, None, buckets, fields)
        self._native = _core.Simulation(
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
        self._count = nodes
        self._timeout = timeout
        self._clients: dict[str, SimClient] = {}
        self._actions: dict[int, Callable[[], object]] = {}
        self._action_count = 0
        self._trace: list[SimEvent] = []
        self._native.set_runner(weakref.WeakMethod(self._run_due))
        if not self._native.run_until_ready(_START_LIMIT):
            raise InternalError(f"the nodes did not find each other in {_START_LIMIT:g} s")

    def client(self, name: str = "client") -> SimClient:
        """Return the client of that name; the first call makes it."""
        if not isinstance(name, str) or not name:
            raise ArgumentTypeError(f'a client\'s name is a str, not {name!r}; use "alice"')
        if name not in self._clients:
            client = SimClient()
            client._connection = Connection(
                self._native.client(), self._timeout, 4096, lambda _: self.run_for(_PAUSE)
            )
            client._name = b"default"
            client._codec = bytes_codec
            client._resolver = None
            client._options = RequestOptions(timeout=self._timeout)
            client._flow = lambda: _FLOW
            client._is_owner = True
            client.client_name = name
            self._clients[name] = client
            self.run_for(_CONNECT_TIME)
        return self._clients[name]

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
        """Call `fn()` when virtual time has come to `t`; it may use the simulation as you do."""
        if not t >= self.now:
            raise ConfigError(f"t is {t!r} and now is {self.now}; use sim.now + seconds")
        self._action_count += 1
        self._actions[self._action_count] = fn
        self._native.at(t, self._action_count)

    def _run_due(self, numbers: list[int]) -> None:
        for number in numbers:
            self._actions.pop(number)()

    def partition(
        self, a: Host | Iterable[Host], b: Host | Iterable[Host], *, one_way: bool = False
    ) -> None:
        """Cut hosts `a` off from hosts `b`; `one_way`: only what `a` sends is lost.

        Hosts are indices of nodes, and clients or their names. Who is in neither reaches both.
        """
        self._native.partition(self._hosts(a), self._hosts(b), one_way)

    def heal(self) -> None:
        """End all partitions."""
        self._native.heal()

    def crash(self, i: int, *, lose_unsynced: bool = False) -> None:
        """End a node's process; `lose_unsynced`: its machine loses power."""
        self._native.crash(self._node(i), lose_unsynced)

    def restart(self, i: int) -> None:
        """Start a node that is down on what its disk holds."""
        self._native.restart(self._node(i))

    def wipe(self, i: int) -> None:
        """End a node's process and empty its disk: it comes back as a stranger to its cluster."""
        self._native.wipe(self._node(i))

    def pause(self, i: int) -> None:
        """Stop a node's process where it is, until `resume`."""
        self._native.pause(self._node(i))

    def resume(self, i: int) -> None:
        """Let a paused node go on."""
        self._native.resume(self._node(i))

    def slow(self, i: int, factor: int) -> None:
        """Multiply the time that a node, its disk and its messages take; 1 is normal."""
        check_number("factor", factor, 1, 1_000_000)
        self._native.slow(self._node(i), factor)

    def skew(self, i: int, seconds: float) -> None:
        """Set a node's calendar clock wrong by so much; 0 is right."""
        if not abs(seconds) <= 1e9:
            raise ConfigError(f"seconds is {seconds!r}; use -1e9 to 1e9")
        self._native.skew(self._node(i), seconds)

    def disk_full(self, i: int, *, on: bool = True) -> None:
        """Fill a node's disk, or make room again."""
        self._native.disk_full(self._node(i), on)

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

    def _node(self, i: int) -> int:
        check_number("node", i, 0, self._count - 1)
        return i

    def _hosts(self, given: Host | Iterable[Host]) -> list[int]:
        single = isinstance(given, (int, str, SimClient))
        hosts: Iterable[Host] = [given] if single else given  # type: ignore[list-item,assignment]
        return [self._host(host) for host in hosts]

    def _host(self, host: Host) -> int:
        name = host.client_name if isinstance(host, SimClient) else host
        if not isinstance(name, str):
            return self._node(name)
        names = list(self._clients)
        if name not in names:
            raise ConfigError(f"there is no client {name!r}; make it first: sim.client({name!r})")
        return self._count + names.index(name)

    def _host_name(self, host: int) -> str | None:
        if host < self._count:
            return f"n{host}" if host >= 0 else None
        return list(self._clients)[host - self._count]
