"""What is known of the versions of a key, and which had seen which."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from dynakv._core import Context
from dynakv._results import GetResult, PutResult
from dynakv._siblings import Dot
from dynakv.viz._recorder import Recorded, operation_of
from dynakv.viz._sources import readable

DRAWN_MAX = 300
_BRANCHES_MAX = 6  # more are drawn side by side on one line


@dataclass
class Version:
    """A write as far as it is known; a delete has no dot."""

    dot: Dot | None
    context: Context | None
    value: str = ""
    writer: str = ""
    node: str = ""
    present: bool = False
    parents: list[int] = field(default_factory=list)
    superseded: bool = False
    seen: int = 0  # a bit for each write before it that it had seen
    branch: int = 0  # within its actor


def collect(
    items: Iterable[object], wanted: bytes | None, show: Callable[[object], str]
) -> tuple[list[Version], bool, bytes | None, int]:
    """Return the writes, whether there was a read, the key, and how many writes were left out."""
    found: list[Version] = []
    by_dot: dict[Dot, Version] = {}
    read = False
    first_key: bytes | None = None
    for given in items:
        item = given if isinstance(given, (PutResult, GetResult)) else operation_of(given)
        if item is None:
            continue
        if wanted is not None and item.key != wanted:
            continue
        first_key = first_key or item.key
        if isinstance(item, GetResult) or (
            isinstance(item, Recorded) and item.verb == "get" and item.context is not None
        ):
            siblings = (
                [(each.dot, each.value, each.context) for each in item.siblings]
                if isinstance(item, GetResult)
                else list(item.siblings)
            )
            if siblings and all(dot is None for dot, _, _ in siblings):
                continue  # it does not tell which writes it found
            read = True
            for version in found:
                version.present = False
            for dot, value, context in siblings:
                if dot is None:
                    continue
                if dot not in by_dot:
                    by_dot[dot] = Version(dot, context)
                    found.append(by_dot[dot])
                by_dot[dot].present = True
                by_dot[dot].value = by_dot[dot].value or _told(show, value)
            continue
        if item.context is None:  # failed
            continue
        if item.dot is not None and item.dot in by_dot:
            version = by_dot[item.dot]
        else:
            version = Version(item.dot, item.context)
            found.append(version)
        version.context = item.context
        version.node = item.acked[0] if item.acked else ""
        if isinstance(item, Recorded):
            version.writer = item.client
            version.value = "" if item.verb == "delete" else _told(show, item.value)
        if item.dot is not None:
            by_dot[item.dot] = version
        if read:  # what a later write did to the siblings is not read yet
            read = False
            for each in found:
                each.present = False
    dropped = max(0, len(found) - DRAWN_MAX)
    return found[dropped:], read, first_key, dropped


def _told(show: Callable[[object], str], value: object) -> str:
    """Use the caller's words; a value that they do not fit, such as raw bytes, has its own."""
    try:
        return str(show(value))
    except (TypeError, ValueError, LookupError, AttributeError):
        return shown(value)


def relate(found: list[Version]) -> None:
    """Find for each write those it had seen, without those that these had seen already."""
    seen: list[int] = []  # for each write, a bit for each that it had seen
    for i, version in enumerate(found):
        mask = 0
        for j in range(i):
            other = found[j].context
            context = version.context
            if context is not None and other is not None and context.descends(other):
                mask |= 1 << j
        seen.append(mask)
        version.seen = mask
        near = mask
        for j in range(i):
            if mask >> j & 1:
                near &= ~seen[j]
        version.parents = [j for j in range(i) if near >> j & 1]
        for j in version.parents:
            found[j].superseded = True


def branch(found: list[Version]) -> None:
    """Put writes of one actor that had not seen each other on branches of its lane."""
    tips: dict[int, list[int]] = {}
    for i, version in enumerate(found):
        if version.dot is None:
            continue
        lane = tips.setdefault(version.dot.actor, [])
        free = [k for k, tip in enumerate(lane) if version.seen >> tip & 1]
        version.branch = free[0] if free else len(lane)
        lane[version.branch : version.branch + 1] = [i]
    for version in found:
        if version.dot is not None and len(tips[version.dot.actor]) > _BRANCHES_MAX:
            version.branch = 0


def actors_of(found: list[Version]) -> dict[int, str]:
    """Return a letter for each actor, in the order of appearance."""
    actors: dict[int, str] = {}
    for version in found:
        if version.dot is not None and version.dot.actor not in actors:
            number = len(actors)
            actors[version.dot.actor] = chr(65 + number) if number < 26 else f"A{number}"
    return actors


def name_of(version: Version, lanes: dict[int, str]) -> str:
    if version.dot is None:
        return "delete"
    return f"{lanes[version.dot.actor]}:{version.dot.counter}"


def shown(value: object) -> str:
    if isinstance(value, bytes):
        return readable(value)
    return value if isinstance(value, str) else repr(value)
