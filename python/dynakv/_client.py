"""The sync client."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self, TypedDict, TypeVar, Unpack, overload

from dynakv import _core
from dynakv._admin import Admin
from dynakv._bucket import Bucket
from dynakv._codecs import Codec, bytes_codec
from dynakv._exceptions import ArgumentTypeError, ConfigError
from dynakv._flows import Flow, ImplicitFlows, no_flow
from dynakv._lifecycle import close_at_exit
from dynakv._options import (
    DEFAULT_TIMEOUT,
    OptionArguments,
    RequestOptions,
    RetryPolicy,
    check_timeout,
    parse_contact_points,
)
from dynakv._requests import Connection, bucket_name
from dynakv._results import Resolver

V = TypeVar("V")


class ConnectArguments(TypedDict, total=False):
    """The keywords of `connect`."""

    options: RequestOptions | None
    retry: RetryPolicy | None
    resolver: Resolver[Any] | None
    sessions: bool
    connect_timeout: float
    max_in_flight: int
    prefer: str | None


WINDOW = 4096  # operations of one call that are on their way together


class Client(Bucket[bytes]):
    """A connection to a cluster; its own verbs act on the bucket "default".

    `connect` makes one. Safe to use from any thread. Each thread (or asyncio task) is a session of
    its own: what it saw of a key goes with its next put of that key. A context manager: leaving the
    block closes it.
    """

    _is_owner: bool

    @overload
    def bucket(
        self,
        name: str,
        *,
        codec: Codec[V],
        resolver: Resolver[V] | None = None,
        **options: Unpack[OptionArguments],
    ) -> Bucket[V]: ...
    @overload
    def bucket(
        self,
        name: str,
        *,
        resolver: Resolver[bytes] | None = None,
        **options: Unpack[OptionArguments],
    ) -> Bucket[bytes]: ...
    def bucket(
        self,
        name: str,
        *,
        codec: Codec[Any] = bytes_codec,
        resolver: Resolver[Any] | None = None,
        **options: Unpack[OptionArguments],
    ) -> Bucket[Any]:
        """Return a handle on a bucket.

        Parameters
        ----------
        name : str
            A bucket that the layout does not name has the cluster's default properties.
        codec : Codec
            How values become bytes: `bytes_codec`, `str_codec`, `json_codec` or one of your own.
        resolver : callable, optional
            Reconciles siblings, see `dynakv.resolvers`.

        Examples
        --------
        >>> carts = kv.bucket("carts", codec=dynakv.json_codec, resolver=dynakv.resolvers.union)
        >>> carts.put("42", ["milk"])
        PutResult(...)
        >>> carts["42"]
        ['milk']
        """
        bucket: Bucket[Any] = Bucket()
        bucket._become(self, codec)
        bucket._name = bucket_name(name)
        bucket._resolver = resolver or self._resolver
        bucket._options = self._merged(options)
        return bucket

    def with_options(self, **options: Unpack[OptionArguments]) -> Self:
        """Return a handle on the same connections with other defaults; closing it does nothing."""
        derived = super().with_options(**options)
        derived._is_owner = False
        return derived

    def session(self) -> Session:
        """Return a handle with a memory of its own, to be handed from thread to thread.

        Examples
        --------
        >>> with kv.session() as session:
        ...     session.put("k", b"1") and session.get("k").value
        b'1'
        """
        session = Session()
        session._become(self, self._codec)
        session._is_owner = False
        flow = session._own_flow = Flow(self._connection.native.forget_flow)
        session._flow = lambda: flow.number
        return session

    @property
    def admin(self) -> Admin:
        """Members, health and placement."""
        return Admin(self._connection)

    @property
    def layout(self) -> _core.Layout:
        """The newest layout that this client knows."""
        return self._connection.native.layout()

    @property
    def closed(self) -> bool:
        """True after `close`."""
        return self._connection.native.closed

    def close(self) -> None:
        """End all requests with `ClosedError` and give the connections back."""
        if self._is_owner:
            self._connection.native.close()

    def _close_at_exit(self) -> None:
        self.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "closed" if self.closed else f"{len(self.layout.members)} members"
        return f"<{type(self).__name__} {state}>"


class Session(Client):
    """An explicit session: reads within it never go back, writes carry what it has seen.

    `Client.session` makes one. Leaving its block forgets what it saw; the client stays open.
    """

    _own_flow: Flow

    def close(self) -> None:
        """Forget what this session saw."""
        self._own_flow.forget()


def open_native(
    contact_points: str | Sequence[str],
    options: RequestOptions | None,
    retry: RetryPolicy | None,
    connect_timeout: float,
    max_in_flight: int,
    prefer: str | None,
) -> tuple[Connection, RequestOptions]:
    """Connect; shared by both faces."""
    addresses, chosen = parse_contact_points(contact_points, options or RequestOptions())
    retry = retry or RetryPolicy()
    check_timeout("connect_timeout", connect_timeout)
    if not isinstance(max_in_flight, int) or not 1 <= max_in_flight <= 1 << 20:
        raise ConfigError(f"max_in_flight is {max_in_flight!r}; use 1 to {1 << 20}")
    timeout = chosen.timeout or DEFAULT_TIMEOUT
    if prefer is not None and not isinstance(prefer, str):
        raise ArgumentTypeError(f'prefer is {prefer!r}; use a member\'s name, such as "n2"')
    native = _core.Client.connect(
        addresses,
        timeout,
        retry.attempts,
        retry.pause,
        max_in_flight,
        connect_timeout,
        prefer or "",
    )
    names = [member.name for member in native.layout().members]
    if prefer is not None and prefer not in names:
        native.close()
        raise ConfigError(f"prefer is {prefer!r}, no member; there are: {', '.join(sorted(names))}")
    return Connection(native, timeout, min(WINDOW, max_in_flight)), chosen


def flows_of(connection: Connection, *, sessions: bool) -> Callable[[], int]:
    """Return what tells the current flow."""
    return ImplicitFlows(connection.native.forget_flow).current if sessions else no_flow


def connect(
    contact_points: str | Sequence[str] = "127.0.0.1:7400",
    *,
    options: RequestOptions | None = None,
    retry: RetryPolicy | None = None,
    resolver: Resolver[Any] | None = None,
    sessions: bool = True,
    connect_timeout: float = 5.0,
    max_in_flight: int = 16384,
    prefer: str | None = None,
) -> Client:
    """Connect to a cluster.

    Parameters
    ----------
    contact_points : str or sequence of str
        Addresses of any of its nodes: "host:port", several with commas between, or a URL such as
        "dynakv://host1,host2/?r=2&w=2". The other nodes are found through them.
    options : RequestOptions, optional
        Defaults of all requests.
    retry : RetryPolicy, optional
    resolver : callable, optional
        Reconciles siblings wherever a bucket or a request names no other.
    sessions : bool
        Whether each thread and task remembers what it saw. Without it, a put without a context
        replaces nothing.
    connect_timeout : float, seconds
    max_in_flight : int
        Requests on their way at a time; beyond it, `Overloaded`.
    prefer : str, optional
        Name of the member that every request goes to first; it forwards what it does not own, and
        while it cannot be reached the others are asked. Default: an owner of the key.

    Returns
    -------
    Client

    Raises
    ------
    ConfigError
        An argument cannot be used.
    NoNodesAvailable
        No contact point answers; the error says why for each.

    Examples
    --------
    >>> with dynakv.connect(cluster.addresses) as client:
    ...     len(client.layout.members)
    3
    """
    connection, chosen = open_native(
        contact_points, options, retry, connect_timeout, max_in_flight, prefer
    )
    client = Client()
    client._connection = connection
    client._name = b"default"
    client._codec = bytes_codec
    client._resolver = resolver
    client._options = chosen
    client._flow = flows_of(connection, sessions=sessions)
    client._is_owner = True
    close_at_exit(client)
    return client
