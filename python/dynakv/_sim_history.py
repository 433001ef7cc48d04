"""The operations of a simulation's clients, as data for checkers."""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast, overload

from dynakv import _core
from dynakv._core import Context
from dynakv._exceptions import ConditionFailed, ConfigError, DynakvError
from dynakv._siblings import Dot

Verb = Literal["get", "put", "delete"]
Outcome = Literal["ok", "fail", "unknown"]

_CONDITIONS = ("", "overwrite", "if_absent", "if_context")


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of one client, from its call to its return.

    A verb such as `update` makes several. Times are virtual seconds.

    Parameters
    ----------
    client : str
    flow : int
        The session within the client; 0 = none.
    verb : "get", "put" or "delete"
    bucket : str
    key : bytes
    value : bytes or None
        What a put wrote.
    based_on : Context or None
        The caller's context; None = what the flow had seen.
    condition : "", "overwrite", "if_absent" or "if_context"
    start : float
    end : float or None
        None while it is under way.
    outcome : "ok", "fail" or "unknown"
        "fail" never takes effect. "unknown" may have taken effect, or still may.
    error : str or None
        The code of the error.
    siblings : tuple of bytes
        The values that a get was shown; those that a condition met.
    context : Context or None
        The context that was returned.
    dot : Dot or None
        The name of the write.
    """

    client: str
    flow: int
    verb: Verb
    bucket: str
    key: bytes
    value: bytes | None
    based_on: Context | None
    condition: str
    start: float
    end: float | None
    outcome: Outcome
    error: str | None = None
    siblings: tuple[bytes, ...] = ()
    context: Context | None = None
    dot: Dot | None = None

    def __repr__(self) -> str:
        end = "…" if self.end is None else f"{self.end:.6f}"
        asked = f"{self.verb} {self.key!r}" + ("" if self.value is None else f" = {self.value!r}")
        told = self.outcome if self.error is None else f"{self.outcome} ({self.error})"
        if self.verb == "get" and self.outcome == "ok":
            told += f" {list(self.siblings)!r}"
        return f"<{self.start:.6f}–{end} {self.client}: {asked} → {told}>"


class History(Sequence[Operation]):
    """Operations in the order of their start; `Simulation.history` makes one.

    Examples
    --------
    >>> sim = dynakv.Simulation(nodes=3, seed=1)
    >>> _ = sim.client("alice").put("k", b"1"), sim.client("bob").get("k")
    >>> sim.history
    <History of 2 operations>
    >>> sim.history[1].siblings
    (b'1',)
    >>> print(sim.history.to_edn(form="register"))
    {:index 0, :process 0, :type :invoke, :f :write, :value ["k" "1"], :time ...}
    {:index 1, :process 0, :type :ok, :f :write, :value ["k" "1"], :time ...}
    {:index 2, :process 1, :type :invoke, :f :read, :value ["k" nil], :time ...}
    {:index 3, :process 1, :type :ok, :f :read, :value ["k" "1"], :time ...}
    <BLANKLINE>
    """

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._operations = tuple(operations)

    def of_key(self, key: str | bytes, *, bucket: str = "default") -> History:
        """Return the operations on one key."""
        wanted = key.encode() if isinstance(key, str) else key
        return History(op for op in self if op.key == wanted and op.bucket == bucket)

    def to_edn(self, *, form: Literal["siblings", "register", "txn"] = "siblings") -> str:
        """Return the history as Jepsen writes one: an invocation and a completion, a line each.

        A process is one thread of control: operations that overlap are of different ones, and one
        whose operation ended ``:info`` is not used again. Bytes that are no text, and text that
        begins with 0x, are written as 0x and hexadecimal digits. Times are nanoseconds.

        Parameters
        ----------
        form : str
            "siblings": ``:get``, ``:put`` and ``:delete`` with ``:key``; a get's value is the
            vector of all siblings. "register": ``:read`` and ``:write`` of ``[key value]``, for
            Knossos. "txn": one micro-operation each, for Elle's ``rw-register``.

        Raises
        ------
        ConfigError
            The form is unknown; or the history is none of registers: a read met siblings.
        """
        if form not in ("siblings", "register", "txn"):
            raise ConfigError(f'form is {form!r}; use "siblings", "register" or "txn"')
        if form != "siblings":
            self._check_registers()
        lines = []
        for index, (at, process, op, is_end) in enumerate(self._moments()):
            kind = {"ok": "ok", "fail": "fail", "unknown": "info"}[op.outcome]
            event: dict[str, Any] = {
                "index": index,
                "process": process,
                "type": Keyword(kind if is_end else "invoke"),
                **_FORMS[form](op, is_end and op.outcome == "ok"),
                "time": at,
            }
            if is_end and op.error is not None:
                event["error"] = Keyword(op.error.replace("_", "-"))
            lines.append(edn(event) + "\n")
        return "".join(lines)

    def to_jsonl(self) -> str:
        """Return a JSON object for each operation, a line each: for porcupine and scripts.

        ``call`` and ``return`` are nanoseconds, ``return`` is null for one on its way; ``process``
        and bytes are as in `to_edn`. A checker gives an unknown write an open end.
        """
        return "".join(
            json.dumps(_as_json(op, process), ensure_ascii=False) + "\n"
            for op, process in zip(self, self._processes(), strict=True)
        )

    def _check_registers(self) -> None:
        for op in self:
            if op.verb == "get" and len(op.siblings) > 1:
                raise ConfigError(
                    f"{op!r} met siblings, so this is no history of registers; use "
                    'form="siblings", or an lww bucket'
                )

    def _processes(self) -> list[int]:
        """Give each operation a process that is free from its start to its end."""
        free: dict[str, list[int]] = {}
        busy: list[tuple[float, int, str]] = []
        count = 0
        processes = []
        for op in self:
            while busy and busy[0][0] <= op.start:
                _, process, client = heapq.heappop(busy)
                heapq.heappush(free.setdefault(client, []), process)
            if free.get(op.client):
                process = heapq.heappop(free[op.client])
            else:
                process, count = count, count + 1
            processes.append(process)
            if op.end is not None and op.outcome != "unknown":
                heapq.heappush(busy, (op.end, process, op.client))
        return processes

    def _moments(self) -> list[tuple[int, int, Operation, bool]]:
        """(nanoseconds, process, operation, is its end), in order; of equal times ends first."""
        moments = []
        for number, (op, process) in enumerate(zip(self, self._processes(), strict=True)):
            start = _nanoseconds(op.start)
            moments.append(((start, 1, number, 0), (start, process, op, False)))
            if op.end is not None:
                end = _nanoseconds(op.end)
                # One that ended when it began ends right after it began.
                place = (end, 1, number, 1) if end == start else (end, 0, number, 0)
                moments.append((place, (end, process, op, True)))
        moments.sort(key=lambda moment: moment[0])
        return [moment for _, moment in moments]

    @overload
    def __getitem__(self, index: int) -> Operation: ...
    @overload
    def __getitem__(self, index: slice) -> History: ...
    def __getitem__(self, index: int | slice) -> Operation | History:
        if isinstance(index, slice):
            return History(self._operations[index])
        return self._operations[index]

    def __len__(self) -> int:
        return len(self._operations)

    def __iter__(self) -> Iterator[Operation]:
        return iter(self._operations)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, History) and self._operations == other._operations

    def __hash__(self) -> int:
        return hash(self._operations)

    def __repr__(self) -> str:
        return f"<History of {len(self)} operation{'s' * (len(self) != 1)}>"


class Keyword(str):
    """A keyword of EDN."""

    __slots__ = ()


def edn(value: Any) -> str:
    """Write a value as EDN; the keys of a mapping become keywords.

    Examples
    --------
    >>> edn({"f": Keyword("get"), "value": [None, True, 1, 'a"b']})
    '{:f :get, :value [nil true 1 "a\\\\"b"]}'
    """
    if value is None:
        return "nil"
    if isinstance(value, Keyword):
        return f":{value}"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _edn_string(value)
    if isinstance(value, bytes):
        return _edn_string(text_of(value))
    if isinstance(value, Mapping):
        return "{" + ", ".join(f":{name} {edn(each)}" for name, each in value.items()) + "}"
    if isinstance(value, Sequence):
        return "[" + " ".join(edn(each) for each in value) + "]"
    return repr(value)


_ESCAPES = {i: f"\\u{i:04x}" for i in range(0x20)} | {
    ord(character): escape
    for character, escape in [
        ("\\", "\\\\"),
        ('"', '\\"'),
        ("\n", "\\n"),
        ("\r", "\\r"),
        ("\t", "\\t"),
    ]
}


def _edn_string(text: str) -> str:
    return f'"{text.translate(_ESCAPES)}"'


def text_of(raw: bytes) -> str:
    """Write bytes as text, different bytes as different texts.

    Examples
    --------
    >>> text_of("é".encode()), text_of(b"\\xff\\x00"), text_of(b"0x1")
    ('é', '0xff00', '0x307831')
    """
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return "0x" + raw.hex()
    return "0x" + raw.hex() if text.startswith("0x") else text


def _nanoseconds(seconds: float) -> int:
    return round(seconds * 1e9)


def _as_siblings(op: Operation, is_ok: bool) -> dict[str, Any]:  # noqa: FBT001
    value = list(op.siblings) if is_ok and op.verb == "get" else op.value
    return {"f": Keyword(op.verb), "bucket": op.bucket, "key": op.key, "value": value}


def _only(op: Operation, is_ok: bool) -> bytes | None:  # noqa: FBT001
    if op.verb != "get":
        return op.value
    return op.siblings[0] if is_ok and op.siblings else None


def _as_register(op: Operation, is_ok: bool) -> dict[str, Any]:  # noqa: FBT001
    verb = Keyword("read" if op.verb == "get" else "write")
    return {"f": verb, "value": [op.key, _only(op, is_ok)]}


def _as_txn(op: Operation, is_ok: bool) -> dict[str, Any]:  # noqa: FBT001
    verb = Keyword("r" if op.verb == "get" else "w")
    return {"f": Keyword("txn"), "value": [[verb, op.key, _only(op, is_ok)]]}


_FORMS = {"siblings": _as_siblings, "register": _as_register, "txn": _as_txn}


def _as_json(op: Operation, process: int) -> dict[str, Any]:
    return {
        "client": op.client,
        "process": process,
        "flow": op.flow,
        "op": op.verb,
        "bucket": op.bucket,
        "key": text_of(op.key),
        "value": None if op.value is None else text_of(op.value),
        "condition": op.condition,
        "based_on": None if op.based_on is None else bytes(op.based_on).hex(),
        "call": _nanoseconds(op.start),
        "return": None if op.end is None else _nanoseconds(op.end),
        "outcome": op.outcome,
        "error": op.error,
        "siblings": [text_of(value) for value in op.siblings],
        "context": None if op.context is None else bytes(op.context).hex(),
        "dot": None if op.dot is None else str(op.dot),
    }


def operation_from(row: _core._HistoryRow, names: Sequence[str]) -> Operation | None:
    """Make an operation of what the native module kept; None for one that is not about data."""
    client, flow, verb, bucket, key, value, based_on, condition, start, end, told = row
    if verb == "status" or bucket is None or key is None:
        return None
    outcome: Outcome = "unknown"
    error = context = dot = None
    siblings: tuple[bytes, ...] = ()
    if isinstance(told, DynakvError):
        # A read that failed told nothing; a write may have been applied only when in doubt.
        outcome = "unknown" if told.in_doubt else "fail"
        error = told.code
        if isinstance(told, ConditionFailed) and isinstance(told.result, _core.Got):
            siblings = tuple(fields[0] for fields in told.result.siblings())
    elif isinstance(told, _core.Got):
        outcome, context = "ok", told.context
        siblings = tuple(fields[0] for fields in told.siblings())
    elif isinstance(told, _core.Wrote):
        outcome, context = "ok", told.context
        actor, counter = told.dot
        dot = Dot(actor, counter) if counter else None
    return Operation(
        client=names[client],
        flow=flow,
        verb=cast(Verb, verb),
        bucket=bucket.decode(errors="backslashreplace"),
        key=key,
        value=value,
        based_on=based_on,
        condition=_CONDITIONS[condition],
        start=start,
        end=end,
        outcome=outcome,
        error=error,
        siblings=siblings,
        context=context,
        dot=dot,
    )
