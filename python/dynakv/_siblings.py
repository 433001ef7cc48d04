"""One of the values that a key has at the same time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Generic, NamedTuple, TypeVar, cast

from dynakv import _core
from dynakv._codecs import Codec
from dynakv._core import Context

V = TypeVar("V")
V_co = TypeVar("V_co", covariant=True)


class Dot(NamedTuple):
    """The name of one write event: the counter of an actor."""

    actor: int
    counter: int

    def __str__(self) -> str:
        return f"{self.actor >> 32:08x}:{self.counter}"


_NOT_DECODED: Any = object()


class Sibling(Generic[V_co]):
    """One of the values that a key has at the same time.

    Attributes
    ----------
    value : V
        Decoded when first asked for.
    raw : bytes
        As stored.
    dot : Dot or None
        The write event that made it; None for a value that was made here.
    context : Context or None
        Covers this sibling and no other: a put with it replaces only this one.
    written_at : datetime or None
        When a coordinator took the write, by its clock; for people, it orders nothing.
    content_type : str
    """

    __slots__ = (
        "_codec",
        "_content_type",
        "_context",
        "_dot",
        "_key",
        "_raw",
        "_value",
        "_write_id",
        "_written_at",
    )

    def __init__(
        self,
        value: V_co,
        *,
        raw: bytes = b"",
        dot: Dot | None = None,
        context: Context | None = None,
        written_at_packed: int = 0,
        content_type: str = "",
    ) -> None:
        self._value: Any = value
        self._raw = raw
        self._dot = dot
        self._context = context
        self._written_at = written_at_packed
        self._content_type = content_type
        self._write_id = 0
        self._codec: Codec[Any] | None = None
        self._key = b""

    @staticmethod
    def _from_core(fields: _core.SiblingFields, key: bytes, codec: Codec[V]) -> Sibling[V]:
        raw, (actor, counter), context, written_at, content_type, write_id = fields
        sibling: Sibling[V] = Sibling(
            _NOT_DECODED,
            raw=raw,
            dot=Dot(actor, counter),
            context=context,
            written_at_packed=written_at,
            content_type=content_type,
        )
        sibling._write_id = write_id
        sibling._codec = codec
        sibling._key = key
        return sibling

    @property
    def value(self) -> V_co:
        if self._value is _NOT_DECODED and self._codec is not None:
            self._value = self._codec.load(self._raw, self._key)
        return cast(V_co, self._value)

    @property
    def raw(self) -> bytes:
        return self._raw

    @property
    def dot(self) -> Dot | None:
        return self._dot

    @property
    def context(self) -> Context | None:
        return self._context

    @property
    def written_at(self) -> datetime | None:
        if self._written_at == 0:
            return None
        return datetime.fromtimestamp((self._written_at >> 16) / 1000, UTC)

    @property
    def written_at_packed(self) -> int:
        """Milliseconds since 1970 shifted left by 16, plus a logical counter."""
        return self._written_at

    @property
    def content_type(self) -> str:
        return self._content_type

    @property
    def write_id(self) -> int:
        """The same in each try of one put; 0 when it is not known."""
        return self._write_id

    def _shown(self) -> object:
        """For people: the value, or its bytes if it has not been decoded yet."""
        return self._raw if self._value is _NOT_DECODED else self._value

    def __repr__(self) -> str:
        return f"Sibling({self._shown()!r}, dot={self._dot})"
