"""What requests return: frozen values with a useful ``repr``; no native handle in sight."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple, TypeVar

from dynakv import _core
from dynakv._codecs import Codec
from dynakv._core import Context
from dynakv._exceptions import NotFound, SiblingsError
from dynakv._explain import Explain
from dynakv._siblings import Dot, Sibling

V = TypeVar("V")


class StandIn(NamedTuple):
    """A node that keeps a write for an owner that is away, and brings it when the owner is back."""

    node: str
    owner: str

    def __str__(self) -> str:
        return f"{self.node} for {self.owner}"


Resolver = Callable[[Sequence[Sibling[V]]], V]


class GetResult(Generic[V]):
    """The result of a read: no value, one, or several siblings; never None.

    Attributes
    ----------
    key : bytes
    exists : bool
        There is a value.
    in_conflict : bool
        There are several.
    siblings : tuple of Sibling
        Copies of one write, and equal values, are shown once.
    values : list of V
        The siblings' values.
    value : V
        The one value.
    context : Context
        What this read saw; pass it to the put or delete that is based on it.
    answered : tuple of str
        Names of the owners whose answers are in the result.
    fallbacks : tuple of str
        Names of the nodes that stood in for owners, and whose hints are in the result.
    strict : bool
        R was met by owners alone. Then a read that began after an acknowledged strict write
        returns it, or something newer, where R + W > N; otherwise it may miss the write.
    all_answered : bool
        Every owner answered: nothing that exists can be missing, but for hints on their way.
    explain : Explain or None
        With the option ``explain=True``.
    """

    __slots__ = ("_codec", "_context", "_got", "_key", "_resolver", "_siblings")

    def __init__(
        self,
        key: bytes,
        got: _core.Got | None,
        codec: Codec[V],
        resolver: Resolver[V] | None = None,
    ) -> None:
        self._key = key
        self._got = got
        self._codec = codec
        self._resolver = resolver
        self._siblings: tuple[Sibling[V], ...] | None = None
        self._context: Context | None = None

    @staticmethod
    def _made(
        result: GetResult[V],
        value: V,
        raw: bytes,
        context: Context,
        got: _core.Got | None = None,
    ) -> GetResult[V]:
        made = GetResult(result._key, got, result._codec, result._resolver)
        made._siblings = (Sibling(value, raw=raw, content_type=result._codec.content_type),)
        made._context = context
        return made

    @property
    def key(self) -> bytes:
        return self._key

    @property
    def exists(self) -> bool:
        return bool(self.siblings)

    @property
    def in_conflict(self) -> bool:
        return len(self.siblings) > 1

    @property
    def siblings(self) -> tuple[Sibling[V], ...]:
        if self._siblings is None:
            key, codec = self._key, self._codec
            fields = self._got.siblings() if self._got is not None else []
            self._siblings = tuple(Sibling._from_core(field, key, codec) for field in fields)
        return self._siblings

    @property
    def context(self) -> Context:
        if self._context is None:
            assert self._got is not None
            self._context = self._got.context
        return self._context

    @property
    def explain(self) -> Explain | None:
        fields = self._got.explain if self._got is not None else None
        return Explain._from_core(fields) if fields is not None else None

    @property
    def answered(self) -> tuple[str, ...]:
        return tuple(self._got.answered) if self._got is not None else ()

    @property
    def fallbacks(self) -> tuple[str, ...]:
        return tuple(self._got.fallbacks) if self._got is not None else ()

    @property
    def strict(self) -> bool:
        return self._got is not None and self._got.strict

    @property
    def all_answered(self) -> bool:
        return self._got is not None and self._got.all_answered

    @property
    def values(self) -> list[V]:
        return [sibling.value for sibling in self.siblings]

    @property
    def value(self) -> V:
        """The value; of several, what the bucket's or client's resolver makes of them.

        Raises
        ------
        NotFound
            There is none.
        SiblingsError
            There are several and no resolver; the error carries this result.
        """
        if self._siblings is None and self._got is not None:  # most reads want only this
            raw = self._got.only_value()
            if raw is not None:
                return self._codec.load(raw, self._key)
        siblings = self.siblings
        if len(siblings) == 1:
            return siblings[0].value
        return self._reconciled(self._resolver)

    def resolve(self, resolver: Resolver[V] | None = None) -> GetResult[V]:
        """Reconcile the siblings, here and not yet in the store.

        Parameters
        ----------
        resolver : callable, optional
            Default: the bucket's or the client's.

        Returns
        -------
        GetResult
            With one value and the same context: ``put(key, result.value,
            context=result.context)`` stores it in place of the siblings.

        Raises
        ------
        NotFound
            There is no value.
        SiblingsError
            There is no resolver, or it gives up.
        """
        if len(self.siblings) == 1:
            return self
        value = self._reconciled(resolver or self._resolver)
        return GetResult._made(self, value, self._codec.encode(value), self.context, self._got)

    def _reconciled(self, resolver: Resolver[V] | None) -> V:
        siblings = self.siblings
        if not siblings:
            raise NotFound(f"key {self._key!r} has no value")
        if resolver is None:
            raise SiblingsError(
                f"key {self._key!r} has {len(siblings)} siblings; take .values, or reconcile them "
                "with .resolve(resolver) and put the result back with its .context",
                result=self,
            )
        try:
            return resolver(siblings)
        except SiblingsError as error:
            if error.result is None:
                error.result = self
            raise

    def __repr__(self) -> str:
        siblings = self.siblings
        if not siblings:
            return f"GetResult(key={self._key!r}, exists=False)"
        if len(siblings) > 1:
            return f"GetResult(key={self._key!r}, siblings={list(siblings)!r})"
        return f"GetResult(key={self._key!r}, value={siblings[0]._shown()!r})"


class PutResult:
    """A put or delete that succeeded.

    Attributes
    ----------
    key : bytes
    context : Context
        What the request had seen, plus its own write: the next put with it replaces this one.
    dot : Dot or None
        The write event; None for a delete, which makes none.
    acked : tuple of str
        Names of the owners that hold it durably, the coordinator first where it is one.
    hinted : tuple of StandIn
        The nodes that hold it durably as a hint, and the owners it is for: ``node`` and ``owner``
        by name.
    strict : bool
        W was met by owners alone. False: the write is on W nodes and will reach its owners, but
        reads may miss it until then.
    explain : Explain or None
        With the option ``explain=True``.
    """

    __slots__ = ("_key", "_wrote")

    def __init__(self, key: bytes, wrote: _core.Wrote) -> None:
        self._key = key
        self._wrote = wrote

    @property
    def key(self) -> bytes:
        return self._key

    @property
    def context(self) -> Context:
        return self._wrote.context

    @property
    def dot(self) -> Dot | None:
        actor, counter = self._wrote.dot
        return Dot(actor, counter) if counter else None

    @property
    def acked(self) -> tuple[str, ...]:
        return tuple(self._wrote.acked)

    @property
    def hinted(self) -> tuple[StandIn, ...]:
        return tuple(StandIn(*pair) for pair in self._wrote.hinted)

    @property
    def strict(self) -> bool:
        return self._wrote.strict

    @property
    def explain(self) -> Explain | None:
        fields = self._wrote.explain
        return Explain._from_core(fields) if fields is not None else None

    def __repr__(self) -> str:
        text = f"PutResult(key={self._key!r}, dot={self.dot}, acked={list(self.acked)!r}"
        hinted = self.hinted
        if hinted:
            text += f", hinted={[str(each) for each in hinted]!r}"
        if self.strict:
            return f"{text}, strict: on W owners)"
        owners = ", ".join(dict.fromkeys(each.owner for each in hinted))
        return f"{text}, sloppy: reads may miss it until it reached {owners})"
