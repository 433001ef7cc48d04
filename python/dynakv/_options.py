"""How a request may be made: options, deadlines, retries, contact points."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, TypedDict
from urllib.parse import parse_qsl, urlsplit

from dynakv._exceptions import ArgumentTypeError, ConfigError, RequestTimeout

Quorum = int | Literal["quorum", "all"]
ReadRepair = Literal["off", "background", "blocking"]

DEFAULT_PORT = 7400
DEFAULT_TIMEOUT = 5.0
_NAMED_QUORUMS = {"quorum": -1, "all": -2}
# The numbers of QuorumMode and ReadRepair in domain/bucket.h; None is the bucket's default.
_MODES = {None: 0, False: 1, True: 2}
_REPAIRS = {None: 0, "off": 1, "background": 2, "blocking": 3}


class OptionArguments(TypedDict, total=False):
    """The keywords that every verb takes; see `RequestOptions`."""

    r: Quorum | None
    w: Quorum | None
    sloppy: bool | None
    timeout: float | None
    read_repair: ReadRepair | None
    explain: bool


@dataclass(frozen=True)
class RequestOptions:
    """How requests are made; ``None`` leaves it to the bucket or the client.

    Parameters
    ----------
    r, w : int, "quorum", "all" or None
        Owners that must answer a read, or hold a write, before it succeeds.
    sloppy : bool or None
        Nodes that stand in for owners count towards R and W too. False: only owners count.
    timeout : float, seconds, or None
        Time for a whole request, retries included; 5 s by default.
    read_repair : "off", "background", "blocking" or None
        When a read updates owners that answered with less: never, after the reply, or before it.
        Blocking, with R + W > N and ``sloppy=False``, reads never go back in time.
    explain : bool
        Fill ``explain`` of results and of `QuorumError`.

    Raises
    ------
    ConfigError
        A value out of range.

    Examples
    --------
    >>> RequestOptions(r="all", timeout=0.5)
    RequestOptions(r='all', w=None, sloppy=None, timeout=0.5, read_repair=None, explain=False)
    """

    r: Quorum | None = None
    w: Quorum | None = None
    sloppy: bool | None = None
    timeout: float | None = None
    read_repair: ReadRepair | None = None
    explain: bool = False

    def __post_init__(self) -> None:
        quorum_number("r", self.r)
        quorum_number("w", self.w)
        check_sloppy(self.sloppy, optional=True)
        check_read_repair(self.read_repair, optional=True)
        check_timeout("timeout", self.timeout)

    @cached_property
    def read_choices(self) -> tuple[int, int, int, bool]:
        """How the core takes them for a get: R, mode, read repair, explain."""
        return (
            quorum_number("r", self.r),
            _MODES[self.sloppy],
            _REPAIRS[self.read_repair],
            bool(self.explain),
        )

    @cached_property
    def write_choices(self) -> tuple[int, int, int, bool]:
        """How the core takes them for a put or delete: W, mode, no read repair, explain."""
        return quorum_number("w", self.w), _MODES[self.sloppy], 0, bool(self.explain)

    def merged(self, changes: OptionArguments) -> RequestOptions:
        """Return these options with `changes` on top.

        Raises
        ------
        ConfigError
            An unknown option, or a value out of range.
        """
        if not changes:
            return self
        unknown = changes.keys() - self.__dataclass_fields__.keys()
        if unknown:
            raise ArgumentTypeError(
                f"unknown option {', '.join(sorted(unknown))}; there are: "
                + ", ".join(self.__dataclass_fields__)
            )
        return replace(self, **changes)


@dataclass(frozen=True)
class RetryPolicy:
    """How often a client tries again what is safe to repeat.

    Parameters
    ----------
    attempts : int
        Tries in all, on different owners where there are any.
    pause : float, seconds
        Before a try on a node that just failed; doubled each time.

    Raises
    ------
    ConfigError
        A value out of range.
    """

    attempts: int = 4
    pause: float = 0.02

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise ConfigError(f"attempts is {self.attempts}; use at least 1")
        if self.pause < 0:
            raise ConfigError(f"pause is {self.pause}; use 0 or more seconds")


def quorum_number(name: str, quorum: Quorum | None) -> int:
    """The form in which the core takes it: 0 is the bucket's default."""
    if quorum is None:
        return 0
    if isinstance(quorum, str):
        number = _NAMED_QUORUMS.get(quorum)
        if number is not None:
            return number
    elif isinstance(quorum, int) and not isinstance(quorum, bool) and 1 <= quorum <= 7:
        return quorum
    raise ConfigError(f'{name} is {quorum!r}; use a number from 1 to 7, "quorum" or "all"')


def check_sloppy(sloppy: object, *, optional: bool = False) -> None:
    """Refuse anything but a bool."""
    if not isinstance(sloppy, bool) and not (optional and sloppy is None):
        raise ArgumentTypeError(f"sloppy is {sloppy!r}; use True or False")


def check_read_repair(mode: object, *, optional: bool = False) -> None:
    """Refuse an unknown mode of read repair."""
    if mode is None and optional:
        return
    if not isinstance(mode, str) or mode not in _REPAIRS:
        raise ConfigError(f'read_repair is {mode!r}; use "off", "background" or "blocking"')


def check_timeout(name: str, timeout: float | None) -> None:
    """Refuse anything but a positive number of seconds."""
    if timeout is None:
        return
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)):
        raise ArgumentTypeError(f"{name} is {timeout!r}; use a number of seconds")
    if not 0 < timeout <= 86400:
        raise ConfigError(f"{name} is {timeout!r}; use more than 0 and at most 86400 seconds")


_deadline: ContextVar[float | None] = ContextVar("dynakv_deadline", default=None)


@contextmanager
def deadline(timeout: float) -> Iterator[None]:
    """Give all requests of a block one deadline, `timeout` seconds from now.

    Nested blocks only ever shorten it. Works across ``await`` and in tasks started inside.

    Parameters
    ----------
    timeout : float, seconds

    Raises
    ------
    ConfigError
        `timeout` is not positive.
    RequestTimeout
        By a request that starts after the deadline; it is not sent.

    Examples
    --------
    >>> with deadline(0.2):
    ...     with deadline(60):
    ...         time_left(default=5.0) <= 0.2
    True
    """
    check_timeout("timeout", timeout)
    end = time.monotonic() + timeout
    outer = _deadline.get()
    token = _deadline.set(end if outer is None else min(outer, end))
    try:
        yield
    finally:
        _deadline.reset(token)


def time_left(default: float) -> float:
    """Seconds that a request may take now: `default`, or less inside a deadline block.

    Raises
    ------
    RequestTimeout
        The deadline is over.
    """
    end = _deadline.get()
    if end is None:
        return default
    left = end - time.monotonic()
    if left <= 0:
        raise RequestTimeout("the deadline of the block is over; the request was not sent")
    return min(default, left)


def parse_contact_points(
    contact_points: str | Sequence[str], options: RequestOptions
) -> tuple[list[str], RequestOptions]:
    """Split "a:7400,b" or "dynakv://a,b/?r=2&w=2" into addresses with ports, and options.

    Raises
    ------
    ConfigError
        No address, or one that is malformed.

    Examples
    --------
    >>> parse_contact_points("dynakv://a,b:81/?r=1&w=all", RequestOptions())[0]
    ['a:7400', 'b:81']
    """
    if isinstance(contact_points, str):
        if contact_points.startswith("dynakv://"):
            contact_points, options = _parse_url(contact_points, options)
        contact_points = contact_points.split(",")
    addresses = []
    for point in contact_points:
        if not isinstance(point, str):
            raise ArgumentTypeError(f'contact point {point!r} is no str; use "host:port"')
        if point.strip():
            addresses.append(_with_port(point.strip()))
    if not addresses:
        raise ConfigError('there is no contact point; use "host:port", several with commas between')
    return addresses, options


def _with_port(point: str) -> str:
    host, separator, port = point.rpartition(":")
    if not separator or point.endswith("]"):
        return f"{point}:{DEFAULT_PORT}"
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ConfigError(f'contact point {point!r} is malformed; use "host:port"')
    return point


_FLAGS = {"true": True, "1": True, "false": False, "0": False}


def _parse_url(url: str, options: RequestOptions) -> tuple[str, RequestOptions]:
    parts = urlsplit(url)
    changes: dict[str, Any] = {}
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if name in ("r", "w"):
            changes[name] = int(value) if value.isdecimal() else value
        elif name == "timeout":
            try:
                changes[name] = float(value)
            except ValueError as error:
                raise ConfigError(f"timeout={value!r} in {url!r} is no number") from error
        elif name in ("sloppy", "explain"):
            if value not in _FLAGS:
                raise ConfigError(f"{name}={value!r} in {url!r}; use true or false")
            changes[name] = _FLAGS[value]
        elif name == "read_repair":
            changes[name] = value
        else:
            raise ConfigError(
                f"unknown option {name!r} in {url!r}; use r, w, sloppy, timeout, read_repair or "
                "explain"
            )
    return parts.netloc, replace(options, **changes)
