"""The errors of DynaKV: one tree, whose codes come from one table in C++ (base/error_code.h).

::

    DynakvError(Exception): code, in_doubt, retryable, node_errors
     ├ ConfigError(ValueError) ─ ArgumentTypeError(TypeError)
     ├ ClosedError ─ ForkedError
     ├ NoNodesAvailable(ConnectionError)
     ├ RequestTimeout(TimeoutError)
     ├ QuorumError: op, required, received, acked, alive, explain
     │  ├ QuorumUnavailable          never in doubt
     │  └ QuorumTimeout              in doubt for writes
     ├ NotFound(KeyError)
     ├ SiblingsError: result
     ├ ConditionFailed: result
     ├ TooManySiblings
     ├ KeyTooLarge(ValueError)
     ├ ValueTooLarge(ValueError)
     ├ ContextError(ValueError)      damaged, or read from another key
     ├ StaleError                    the session saw more than the owners that answer
     ├ Overloaded
     ├ StorageError
     │  ├ CorruptionError
     │  └ DiskFull
     ├ ClockSkewError
     ├ AuthError
     ├ ProtocolError ─ VersionMismatch
     └ InternalError

A write that failed *in doubt* may have been applied, or may still be; otherwise it never will be.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dynakv._explain import Explain

if TYPE_CHECKING:
    from dynakv._core import _ExplainFields


class DynakvError(Exception):
    """Base of all errors of this package.

    Parameters
    ----------
    message : str
        What happened, and what to do about it.
    code : str
        The name of the error in the table of codes.
    in_doubt : bool
        True when a write may have been applied all the same. False: it never will be.
    retryable : bool
        The same request may succeed on another node or later.
    node_errors : mapping of str to str
        For each node that was tried, by name, the code of its error.

    Examples
    --------
    >>> DynakvError("no reply", code="timeout", in_doubt=True).in_doubt
    True
    """

    code: str = "internal"
    retryable: bool = False

    def __init__(
        self,
        message: str = "",
        *,
        code: str | None = None,
        in_doubt: bool = False,
        retryable: bool | None = None,
        node_errors: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.in_doubt = in_doubt
        self.node_errors: dict[str, str] = dict(node_errors or {})
        if code is not None:
            self.code = code
        if retryable is not None:
            self.retryable = retryable

    def __str__(self) -> str:
        if not self.node_errors:
            return self.message
        nodes = ", ".join(f"{name}: {code}" for name, code in self.node_errors.items())
        return f"{self.message} [{nodes}]"

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.message), self.__dict__


def _rebuild(cls: type[DynakvError], message: str) -> DynakvError:
    return cls(message)


class ConfigError(DynakvError, ValueError):
    """An argument or option cannot be used; nothing was started or sent."""

    code = "invalid_argument"


class ArgumentTypeError(ConfigError, TypeError):
    """A key, value or option has the wrong type."""


class ClosedError(DynakvError):
    """The client, node or cluster was closed."""

    code = "closed"


class ForkedError(ClosedError):
    """The handle was made before a fork, in the parent; open a new one in the child."""


class NoNodesAvailable(DynakvError, ConnectionError):
    """No node could be reached, or none of them is ready."""

    code = "no_nodes_available"
    retryable = True


class RequestTimeout(DynakvError, TimeoutError):
    """No reply before the deadline. A write is then in doubt, unless the error says otherwise."""

    code = "timeout"
    retryable = True


class QuorumError(DynakvError):
    """Too few owners took part.

    Attributes
    ----------
    op : str
        "get", "put" or "delete".
    required, received : int
        Owners needed, and owners that answered.
    acked : tuple of str
        Names of the nodes that answered; for a write, those that hold it.
    alive : int
        Owners that could be reached, according to the node that refused or gave up.
    explain : Explain or None
        With the option ``explain=True``, where the request was begun.
    """

    retryable = True

    def __init__(
        self,
        message: str = "",
        *,
        op: str = "",
        required: int = 0,
        received: int = 0,
        acked: tuple[str, ...] = (),
        alive: int = 0,
        explain: _ExplainFields | None = None,
        code: str | None = None,
        in_doubt: bool = False,
        retryable: bool | None = None,
        node_errors: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(
            message, code=code, in_doubt=in_doubt, retryable=retryable, node_errors=node_errors
        )
        self.op = op
        self.required = required
        self.received = received
        self.acked = acked
        self.alive = alive
        self.explain = Explain._from_core(explain) if explain is not None else None


class QuorumUnavailable(QuorumError):
    """Too few owners could be reached, so nothing was done: never in doubt."""

    code = "quorum_unavailable"


class QuorumTimeout(QuorumError):
    """Too few owners answered. A write is in doubt: some owners may hold it."""

    code = "quorum_timeout"


class NotFound(DynakvError, KeyError):
    """The key has no value."""

    code = "not_found"


class _WithResult(DynakvError):
    def __init__(self, message: str = "", *, result: Any = None, **fields: Any) -> None:
        super().__init__(message, **fields)
        self.result = result


class SiblingsError(_WithResult):
    """The key has several values and nothing to reconcile them with.

    Attributes
    ----------
    result : GetResult
        The result of the read. Its ``siblings`` are the values, and its ``context`` goes with the
        put that reconciles them.
    """

    code = "siblings"


class ConditionFailed(_WithResult):
    """The condition of a put did not hold; nothing was written.

    Attributes
    ----------
    result : GetResult or None
        The values that the condition met.
    """

    code = "condition_failed"


class TooManySiblings(DynakvError):
    """The put would leave more siblings than a key may have; read, reconcile, put with context."""

    code = "too_many_siblings"


class KeyTooLarge(DynakvError, ValueError):
    """A key has 1 to 4096 bytes."""

    code = "key_too_large"


class ValueTooLarge(DynakvError, ValueError):
    """The value is larger than the nodes allow."""

    code = "value_too_large"


class ContextError(DynakvError, ValueError):
    """A context that is damaged, cut short, or was read from another key."""

    code = "context_mismatch"


class StaleError(DynakvError):
    """The owners that answer are behind what this session has seen; a later read may succeed."""

    code = "stale"
    retryable = True


class Overloaded(DynakvError):
    """Too many requests are waiting, here or at a node."""

    code = "overloaded"
    retryable = True


class StorageError(DynakvError):
    """A node could not read or write its disk."""

    code = "storage"
    retryable = True


class CorruptionError(StorageError):
    """Stored or received bytes fail their checks."""

    code = "corruption"


class DiskFull(StorageError):
    """A node's disk is nearly full; reads and deletes still work."""

    code = "disk_full"


class ClockSkewError(DynakvError):
    """A node's calendar clock is too far from the others' to order values by time."""

    code = "clock_skew"


class AuthError(DynakvError):
    """The node does not accept who we are."""

    code = "auth"


class ProtocolError(DynakvError):
    """The other side does not speak this protocol."""

    code = "protocol"


class VersionMismatch(ProtocolError):
    """The other side speaks another version of the protocol."""

    code = "version_mismatch"


class InternalError(DynakvError):
    """A broken invariant, that is, a bug. The node or client concerned has stopped."""

    code = "internal"
