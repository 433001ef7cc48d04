"""The asyncio client."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack, overload

from dynakv import _core
from dynakv._admin import NodeStatus, Placement, node_status, placement
from dynakv._async_bucket import AsyncBucket
from dynakv._client import flows_of, open_native
from dynakv._codecs import Codec, bytes_codec
from dynakv._core import Layout
from dynakv._flows import Flow
from dynakv._lifecycle import close_at_exit
from dynakv._loop import Wakeup
from dynakv._options import OptionArguments, RequestOptions, RetryPolicy
from dynakv._requests import Key, bucket_name, encode_key
from dynakv._results import Resolver

V = TypeVar("V")


class AsyncClient(AsyncBucket[bytes]):
    """A connection to a cluster for one event loop; its own verbs act on the bucket "default".

    `connect_async` makes one. Each task is a session of its own. An async context manager: leaving
    the block closes it.
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
    ) -> AsyncBucket[V]: ...
    @overload
    def bucket(
        self,
        name: str,
        *,
        resolver: Resolver[bytes] | None = None,
        **options: Unpack[OptionArguments],
    ) -> AsyncBucket[bytes]: ...
    def bucket(
        self,
        name: str,
        *,
        codec: Codec[Any] = bytes_codec,
        resolver: Resolver[Any] | None = None,
        **options: Unpack[OptionArguments],
    ) -> AsyncBucket[Any]:
        """Return a handle on a bucket; see `Client.bucket`."""
        bucket: AsyncBucket[Any] = AsyncBucket()
        bucket._become(self, codec)
        bucket._name = bucket_name(name)
        bucket._resolver = resolver or self._resolver
        bucket._options = self._merged(options)
        bucket._wakeup = self._wakeup
        return bucket

    def with_options(self, **options: Unpack[OptionArguments]) -> Self:
        """Return a handle on the same connections with other defaults; closing it does nothing."""
        derived = super().with_options(**options)
        derived._is_owner = False
        return derived

    def session(self) -> AsyncSession:
        """Return a handle with a memory of its own, to be handed from task to task."""
        session = AsyncSession()
        session._become(self, self._codec)
        session._wakeup = self._wakeup
        session._is_owner = False
        flow = session._own_flow = Flow(self._connection.native.forget_flow)
        session._flow = lambda: flow.number
        return session

    @property
    def admin(self) -> AsyncAdmin:
        """Members, health and placement."""
        return AsyncAdmin(self)

    @property
    def layout(self) -> Layout:
        """The newest layout that this client knows."""
        return self._connection.native.layout()

    @property
    def closed(self) -> bool:
        """True after `aclose`."""
        return self._connection.native.closed

    async def aclose(self) -> None:
        """End all requests with `ClosedError` and give the connections back."""
        self._close_at_exit()

    def _close_at_exit(self) -> None:
        if self._is_owner:
            self._connection.native.close()
            self._wakeup.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        state = "closed" if self.closed else f"{len(self.layout.members)} members"
        return f"<{type(self).__name__} {state}>"


class AsyncSession(AsyncClient):
    """An explicit session; see `Session`."""

    _own_flow: Flow

    async def aclose(self) -> None:
        """Forget what this session saw."""
        self._own_flow.forget()


class AsyncAdmin:
    """Members, health and placement, seen through a client; see `Admin`."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client

    async def status(self, *, timeout: float = 1.0) -> list[NodeStatus]:
        """Ask each member how it is; see `Admin.status`."""
        return await self._ask(self.layout().members, timeout)

    def layout(self) -> Layout:
        """Return the newest layout that the client knows."""
        return self._client.layout

    async def where(self, key: Key, *, bucket: str = "default", timeout: float = 1.0) -> Placement:
        """Return the nodes that hold a key, and how they are; see `Admin.where`."""
        encoded = encode_key(key)
        layout = self.layout()
        walk = set(layout.walk(encoded))
        members = [member for member in layout.members if member.name in walk]
        return placement(layout, encoded, bucket, await self._ask(members, timeout))

    async def _ask(self, members: Iterable[_core.Member], timeout: float) -> list[NodeStatus]:
        asked = list(members)
        wakeup = self._client._wakeup
        native = self._client._connection.native
        batch = native.status([member.id for member in asked], timeout, wakeup.next_tag())
        await wakeup.finished(batch)
        outcomes = batch.take_statuses()
        return [node_status(m, outcome) for m, outcome in zip(asked, outcomes, strict=True)]


async def connect_async(
    contact_points: str | Sequence[str] = "127.0.0.1:7400",
    *,
    options: RequestOptions | None = None,
    retry: RetryPolicy | None = None,
    resolver: Resolver[Any] | None = None,
    sessions: bool = True,
    connect_timeout: float = 5.0,
    max_in_flight: int = 16384,
    prefer: str | None = None,
) -> AsyncClient:
    """Connect to a cluster from the running event loop; see `connect`.

    Returns
    -------
    AsyncClient
        It belongs to the running event loop.
    """
    connection, chosen = await asyncio.to_thread(
        open_native, contact_points, options, retry, connect_timeout, max_in_flight, prefer
    )
    client = AsyncClient()
    client._connection = connection
    client._name = b"default"
    client._codec = bytes_codec
    client._resolver = resolver
    client._options = chosen
    client._flow = flows_of(connection, sessions=sessions)
    client._wakeup = Wakeup(connection.native)
    client._is_owner = True
    close_at_exit(client)
    return client
