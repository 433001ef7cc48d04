"""Clients that write, read and delete in sessions, and remember what they were promised.

Each worker has a session and keys of its own, so it knows what every key may show:

- *once* keys are written once, and some of them deleted later. Acknowledged and not deleted: the
  value must be there. Deletion acknowledged: it must never be seen again. Refused as not applied:
  it must never appear. In doubt: both are right.
- *register* keys are overwritten again and again with growing numbers. A number that an
  acknowledged later one has replaced must never be seen again, and the last one must be there.

Registers and deletions are for *exact* workers, whose client tries each write once. A client that
tries again after a lost reply can leave two copies of one write, with two dots, of which its
session knows one: what it then replaces or deletes is that one, and the other comes to light as a
sibling. Copies are shown once, so that once keys are the same for both.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter

import dynakv

BATCH = 64
DELETES = 8  # of each round; there is no call that deletes many
REGISTERS = 128
RECENT = 1000  # once keys that a session reads again: within what a client remembers
KEYS_MAX = 400_000  # of one worker; bounds memory and the time of the last check
TIMEOUT_S = 2.0  # of a call during the faults; the default would spend the run on waiting

IN_DOUBT, HELD, NOT_APPLIED, DELETED, MAYBE_DELETED = range(5)


class Worker:
    """One session under load; `violations` says what it saw that must not be.

    It has a thread and is none: `threading.Thread` calls private methods of its own, and one that
    a subclass names alike takes the place of it.
    """

    def __init__(
        self,
        number: int,
        client: dynakv.Client,
        seed: int,
        *,
        exact: bool,
        timeout: float | None = None,
    ) -> None:
        self.name = f"worker {number}"
        self.number = number
        self.exact = exact
        self.timeout = timeout  # of each call; None: the client's
        self.states = bytearray()  # of the once keys, by their numbers
        self.acked = [0] * REGISTERS  # newest acknowledged number of each register
        self.tried = [0] * REGISTERS
        self.odd: list[dict[int, int]] = [{} for _ in range(REGISTERS)]  # not acknowledged: why
        self.counts: Counter[str] = Counter()
        self.violations: list[str] = []
        self.acked_puts_at: list[tuple[float, int]] = []  # when, how many
        self.put_outcomes_at: list[tuple[float, bool]] = []
        self.failure: BaseException | None = None
        self._kv = client.session()
        self._draw = random.Random(seed * 1009 + number)
        self._halt = threading.Event()
        self._deletable: list[int] = []
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)

    def once_key(self, number: int) -> bytes:
        return b"once/%d/%d" % (self.number, number)

    def register_key(self, number: int) -> bytes:
        return b"register/%d/%d" % (self.number, number)

    def start(self) -> None:
        self._thread.start()

    def halt(self) -> None:
        """Ask it to end after the round that it is in."""
        self._halt.set()

    def join(self, timeout: float) -> None:
        self._thread.join(timeout)

    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def _run(self) -> None:
        try:
            while not self._halt.is_set() and len(self.states) < KEYS_MAX:
                self._write_once()
                self._read_once()
                if self.exact:
                    self._write_registers()
                    self._read_registers()
                    self._delete()
        except BaseException as error:
            self.failure = error

    def _note(self, kind: str, outcome: object) -> None:
        failed = isinstance(outcome, dynakv.DynakvError)
        self.counts[f"{kind} failed" if failed else kind] += 1
        if isinstance(outcome, dynakv.DynakvError):
            self.counts[f"error {outcome.code}"] += 1
        elif isinstance(outcome, dynakv.PutResult) and not outcome.strict:
            self.counts["sloppy writes"] += 1

    def _put(self, items: list[tuple[bytes, bytes]]) -> list[dynakv.PutResult | dynakv.DynakvError]:
        outcomes = self._kv.put_many(items, timeout=self.timeout)
        now = time.monotonic()
        good = sum(isinstance(outcome, dynakv.PutResult) for outcome in outcomes)
        self.acked_puts_at.append((now, good))
        self.put_outcomes_at.extend((now, isinstance(o, dynakv.PutResult)) for o in outcomes)
        for outcome in outcomes:
            self._note("puts", outcome)
        return outcomes

    def _write_once(self) -> None:
        first = len(self.states)
        numbers = range(first, first + BATCH)
        self.states.extend(bytes(BATCH))  # in doubt until there is an outcome
        keys = [self.once_key(number) for number in numbers]
        for number, outcome in zip(numbers, self._put([(key, key) for key in keys]), strict=True):
            if isinstance(outcome, dynakv.PutResult):
                self.states[number] = HELD
            elif not outcome.in_doubt:
                self.states[number] = NOT_APPLIED
        self._deletable = [n for n in numbers if self.states[n] == HELD]

    def _write_registers(self) -> None:
        chosen = self._draw.sample(range(REGISTERS), BATCH)
        items = []
        for number in chosen:
            self.tried[number] += 1
            items.append((self.register_key(number), b"%d" % self.tried[number]))
        tried = [self.tried[number] for number in chosen]
        for number, value, outcome in zip(chosen, tried, self._put(items), strict=True):
            if isinstance(outcome, dynakv.PutResult):
                self.acked[number] = value
            else:
                self.odd[number][value] = IN_DOUBT if outcome.in_doubt else NOT_APPLIED

    def _read_registers(self) -> None:
        chosen = self._draw.sample(range(REGISTERS), BATCH)
        keys = {self.register_key(number): number for number in chosen}
        for key, outcome in self._kv.get_many(list(keys), timeout=self.timeout).items():
            self._note("gets", outcome)
            if isinstance(outcome, dynakv.GetResult):
                self.check_register(keys[key], outcome, "its session read")

    def _read_once(self) -> None:
        count = len(self.states)
        chosen = self._draw.sample(range(max(0, count - RECENT), count), BATCH)
        keys = {self.once_key(number): number for number in chosen}
        for key, outcome in self._kv.get_many(list(keys), timeout=self.timeout).items():
            self._note("gets", outcome)
            if isinstance(outcome, dynakv.GetResult):
                self.check_once(keys[key], outcome, "its session read")

    def _delete(self) -> None:
        for number in self._draw.sample(self._deletable, min(DELETES, len(self._deletable))):
            try:
                outcome = self._kv.delete(self.once_key(number), timeout=self.timeout)
            except dynakv.DynakvError as error:
                self._note("deletes", error)
                if error.in_doubt:
                    self.states[number] = MAYBE_DELETED
            else:
                self._note("deletes", outcome)
                self.states[number] = DELETED

    def check_once(
        self, number: int, found: dynakv.GetResult[bytes], who: str, *, final: bool = False
    ) -> None:
        """Compare a read with what was promised.

        A delete makes no event, so its session cannot tell that a sloppy read is behind it: such
        reads are counted. Once all is healed and converged, there is no such excuse.
        """
        key, state = self.once_key(number), self.states[number]
        if found.exists and found.values != [key]:
            self._violate(f"{key!r}: {who} {found.values!r}, which nobody wrote")
        elif state == HELD and not found.exists:
            self._violate(f"{key!r}: acknowledged, and {who} nothing: lost")
        elif state == DELETED and found.exists and not final:
            self.counts["stale after a delete"] += 1
        elif state == DELETED and found.exists:
            self._violate(f"{key!r}: deleted, and {who} its value: resurrected")
        elif state == NOT_APPLIED and found.exists:
            self._violate(f"{key!r}: refused as not applied, and {who} it")

    def check_register(self, number: int, found: dynakv.GetResult[bytes], who: str) -> None:
        """Compare a read with what was promised: only this worker writes the key."""
        key, acked = self.register_key(number), self.acked[number]
        values = sorted(int(value) for value in found.values)
        if values and values[-1] > self.tried[number]:
            self._violate(f"{key!r}: {who} {values}, which nobody wrote")
        elif any(self.odd[number].get(value) == NOT_APPLIED for value in values):
            self._violate(f"{key!r}: {who} {values}, of which one was refused as not applied")
        elif any(v < acked and self.odd[number].get(v) != IN_DOUBT for v in values):
            self._violate(f"{key!r}: {acked} acknowledged, and {who} {values}: came back")
        elif acked and (not values or values[-1] < acked):
            self._violate(f"{key!r}: {acked} acknowledged, and {who} {values}: lost, or went back")

    def _violate(self, text: str) -> None:
        if len(self.violations) < 20:
            self.violations.append(text)
        self.counts["violations"] += 1

    def check_all(self, client: dynakv.Client) -> None:
        """Read every key of this worker at a strict quorum and compare."""
        options: dict[str, object] = {"sloppy": False, "timeout": 10.0}
        size = 2048
        for first in range(0, len(self.states), size):
            numbers = range(first, min(first + size, len(self.states)))
            keys = [self.once_key(number) for number in numbers]
            found = client.get_many(keys, **options)  # type: ignore[arg-type]
            for number, key in zip(numbers, keys, strict=True):
                outcome = found[key]
                if isinstance(outcome, dynakv.DynakvError):
                    self._violate(f"{key!r}: not readable at the end: {outcome}")
                else:
                    self.check_once(number, outcome, "at the end there was", final=True)
        keys = [self.register_key(number) for number in range(REGISTERS)]
        found = client.get_many(keys, **options)  # type: ignore[arg-type]
        for number, key in enumerate(keys):
            outcome = found[key]
            if isinstance(outcome, dynakv.DynakvError):
                self._violate(f"{key!r}: not readable at the end: {outcome}")
            else:
                self.check_register(number, outcome, "at the end there was")
