"""Ways to reconcile siblings.

A resolver takes the siblings of a key, two or more, and returns the one value that stands for all
of them. It runs in the caller's thread or task. It should not depend on the siblings' order, so
that everyone who reconciles comes to the same value.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, NoReturn, TypeVar

from dynakv._exceptions import ArgumentTypeError, SiblingsError
from dynakv._results import Resolver
from dynakv._siblings import Sibling

__all__ = ["Resolver", "fail", "lww", "max_by", "merge_counters", "union"]

V = TypeVar("V")
K = TypeVar("K", bound=Hashable)


def lww(siblings: Sequence[Sibling[V]]) -> V:
    """Take the value with the latest timestamp ("last write wins"); the others are lost.

    Examples
    --------
    >>> from dynakv import Sibling
    >>> lww([Sibling("old", written_at_packed=1 << 16), Sibling("new", written_at_packed=2 << 16)])
    'new'
    """
    return max(siblings, key=lambda s: (s.written_at_packed, s.dot or (0, 0))).value


def max_by(key: Callable[[V], Any]) -> Resolver[V]:
    """Take the value for which `key` is largest; equal ones by their bytes.

    Examples
    --------
    >>> from dynakv import Sibling
    >>> max_by(len)([Sibling("aa", raw=b"aa"), Sibling("b", raw=b"b")])
    'aa'
    """

    def resolver(siblings: Sequence[Sibling[V]]) -> V:
        return max(siblings, key=lambda s: (key(s.value), s.raw)).value

    return resolver


def union(siblings: Sequence[Sibling[V]]) -> V:
    """Take everything that is in any value: sets, lists (each item once, in order) or dicts.

    An item that one writer removed and another kept comes back; a set that must remember removals
    needs a value that does.

    Raises
    ------
    ArgumentTypeError
        The values are no collections of one kind.

    Examples
    --------
    >>> from dynakv import Sibling
    >>> union([Sibling(["milk", "eggs"]), Sibling(["milk", "tea"])])
    ['milk', 'eggs', 'tea']
    """
    values: list[Any] = [sibling.value for sibling in siblings]
    if all(isinstance(value, (set, frozenset)) for value in values):
        return type(values[0])().union(*values)  # type: ignore[no-any-return]
    if all(isinstance(value, (list, tuple)) for value in values):
        items: list[Any] = []
        for value in values:
            items.extend(item for item in value if item not in items)
        return type(values[0])(items)  # type: ignore[no-any-return]
    if all(isinstance(value, Mapping) for value in values):
        merged: dict[Any, Any] = {}
        for value in values:
            merged.update(value)
        return merged  # type: ignore[return-value]
    kinds = ", ".join(sorted({type(value).__name__ for value in values}))
    raise ArgumentTypeError(
        f"union() takes sets, lists or dicts, not {kinds}; choose a codec that makes them, for "
        "example json_codec, or write a resolver"
    )


def merge_counters(siblings: Sequence[Sibling[Mapping[K, int]]]) -> dict[K, int]:
    """Merge counters that are kept as one count per writer: the highest count of each.

    The counter's value is the sum of the counts; each writer only ever raises its own.

    Examples
    --------
    >>> from dynakv import Sibling
    >>> merge_counters([Sibling({"a": 2, "b": 1}), Sibling({"a": 1, "c": 5})])
    {'a': 2, 'b': 1, 'c': 5}
    """
    merged: dict[K, int] = {}
    for sibling in siblings:
        for writer, count in sibling.value.items():
            merged[writer] = max(count, merged.get(writer, count))
    return merged


def fail(siblings: Sequence[Sibling[Any]]) -> NoReturn:
    """Reconcile nothing: raise `SiblingsError`. It switches a bucket's resolver off for a request.

    Raises
    ------
    SiblingsError
        Always.
    """
    raise SiblingsError(f"the key has {len(siblings)} siblings")
