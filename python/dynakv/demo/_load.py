"""The chapter in which everything is written while a node is killed and started again."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict

from dynakv.demo._run import R, Run, W
from dynakv.demo._screen import Progress
from dynakv.demo._traffic import Item, Phase, Writing, read_all, write_all

__all__ = ["load_and_kill"]

# When, in parts of the load, the node is killed and started again.
KILL_AT, RESTART_AT = 0.30, 0.65


class _Background:
    """A call on a thread of its own, so that the load does not wait for it."""

    def __init__(self, call: Callable[[], object], delay_s: float = 0.0) -> None:
        self._call = call
        self._error: BaseException | None = None
        self.seconds = 0.0
        self._thread = threading.Timer(delay_s, self._run)
        self._thread.start()

    def _run(self) -> None:
        started = time.perf_counter()
        try:
            self._call()
        except BaseException as error:  # handed to finish()
            self._error = error
        self.seconds = time.perf_counter() - started

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def finish(self) -> None:
        self._thread.join()
        if self._error is not None:
            raise self._error


class _Weather:
    """What happens to the victim during the load, and the reads that go on meanwhile."""

    def __init__(self, run: Run, bar: Progress) -> None:
        self.run = run
        self.bar = bar
        self.writing = Writing(phases=[Phase("all three nodes run")])
        self.victim = run.name(run.victim)
        self.dead = Phase(f"{self.victim} is dead")
        self.away = [self.dead]
        """Phases in which the victim misses writes."""
        self.killing: _Background | None = None
        self.restarting: _Background | None = None
        self.back = False
        self.reads_found = 0
        self.reads_clean = True
        self.pid_killed = 0
        self._reader = run.bucket(via=run.survivor)
        self._written: list[Sequence[Item]] = []

    def before_batch(self, done: int) -> None:
        cluster, victim, total = self.run.cluster, self.run.victim, len(self.run.expected)
        if self.killing is None and done >= KILL_AT * total:
            self.pid_killed = self.run.pid(victim) or 0
            self.run.screen.event(f"kill -9 {self.pid_killed} ({self.victim}), {done:,} written")
            # In the middle of a batch, as far as one can aim.
            phase = self.writing.phases[-1]
            delay_s = phase.seconds * self.run.batch_size / max(phase.operations, 1) / 2
            self.killing = _Background(lambda: cluster.kill(victim), delay_s)
            self._begin(self.dead)
        elif self.killing and not self.restarting and done >= RESTART_AT * total:
            self.killing.finish()
            self.run.screen.event(f"{self.victim} is started again, {done:,} written")
            self.restarting = _Background(lambda: cluster.restart(victim))
            self.away.append(Phase(f"{self.victim} is starting"))
            self._begin(self.away[-1])
        elif self.restarting and not self.back and not self.restarting.running:
            self._is_back(f"{done:,} written")
            self._begin(Phase("all three run again"))

    def _begin(self, phase: Phase) -> None:
        self.writing.phases.append(phase)
        self.bar.note(phase.name)

    def _is_back(self, when: str) -> None:
        assert self.restarting is not None
        self.restarting.finish()
        self.back = True
        self.run.screen.event(
            f"{self.victim} serves again after {self.restarting.seconds:.1f} s, {when}"
        )

    def after_batch(self, batch: Sequence[Item]) -> None:
        self.bar.advance(len(batch))
        self._written.append(batch)
        if self.writing.phases[-1] is not self.dead:
            return
        reading = read_all(
            self._reader,
            self.run.draw.choice(self._written),
            r=R,
            batch_size=self.run.batch_size,
        )
        self.reads_found += reading.found
        self.reads_clean &= reading.clean

    def finish(self) -> None:
        if self.killing and not self.back:
            self.killing.finish()
            if self.restarting is None:
                self.restarting = _Background(lambda: self.run.cluster.restart(self.run.victim))
            self._is_back("all written")


def load_and_kill(run: Run) -> None:
    """Write all records with W=2; one node dies on the way and comes back."""
    screen = run.screen
    screen.stage(f"Loading with W={W}, and kill -9 of {run.name(run.victim)} on the way")
    with screen.progress("writing", len(run.expected)) as bar:
        weather = _Weather(run, bar)
        write_all(
            run.bucket(via=run.survivor, retries=False),  # so that every failure is seen here
            run.expected.items(),
            weather.writing,
            w=W,
            batch_size=run.batch_size,
            before_batch=weather.before_batch,
            after_batch=weather.after_batch,
        )
        weather.finish()
    _show(run, weather)
    _claim(run, weather)
    writing = weather.writing
    run.summary.figures["load"] = {
        "acknowledged": writing.acknowledged,
        "seconds": round(writing.seconds, 3),
        "writes_per_s": round(writing.acknowledged / writing.seconds, 1),
        "batch_size": run.batch_size,
        "retried": writing.retried,
        "refused": dict(writing.refused),
        "in_doubt": dict(writing.in_doubt),
        "killed": weather.victim,
        "acknowledged_without_victim": sum(
            phase.operations - phase.holders[weather.victim] for phase in weather.away
        ),
        "restart_seconds": round(weather.restarting.seconds if weather.restarting else 0.0, 3),
        "reads_while_dead": weather.reads_found,
        "phases": [
            asdict(phase) | {"holders": dict(sorted(phase.holders.items()))}
            for phase in writing.phases
        ],
    }


def _kinds(counts: Counter[str]) -> str:
    if not counts:
        return "none"
    return ", ".join(f"{count:,} {name}" for name, count in sorted(counts.items()))


def _show(run: Run, weather: _Weather) -> None:
    writing = weather.writing
    run.screen.say()
    names = [node.name for node in run.cluster.nodes]
    run.screen.table(
        ["while", ">writes", ">per second", ">slowest batch", *(f">on {name}" for name in names)],
        [
            [
                phase.name,
                f"{phase.operations:,}",
                f"{phase.per_second:,.0f}",
                f"{phase.slowest_batch_seconds * 1e3:,.0f} ms",
                *(f"{phase.holders[name]:,}" for name in names),
            ]
            for phase in writing.phases
            if phase.operations
        ],
    )
    run.screen.say()
    run.screen.say(
        f"Batches of {run.batch_size}. On a node: durable there when the client was told so."
    )
    if not writing.retried:
        run.screen.say("No write failed: none was on its way through the node that was killed.")
        return
    run.screen.say(f"{writing.retried:,} writes were tried again, each with the same value:")
    run.screen.say(f"  refused, so not written: {_kinds(writing.refused)}")
    run.screen.say(f"  in doubt, perhaps written: {_kinds(writing.in_doubt)}")


def _claim(run: Run, weather: _Weather) -> None:
    writing, victim, total = weather.writing, weather.victim, len(run.expected)
    run.claim(
        f"every write was acknowledged by {W} nodes",
        f"{writing.acknowledged:,} of {total:,}",
        ok=writing.acknowledged == total,
    )
    run.claim(
        f"writes went on while {victim} was dead",
        f"{weather.dead.operations:,} acknowledged",
        ok=weather.dead.operations > 0,
    )
    run.claim(
        f"reads went on while {victim} was dead",
        f"{weather.reads_found:,} read and equal at R={R}",
        ok=weather.reads_clean and weather.reads_found > 0,
    )
    run.claim(
        f"{victim} came back as a new process",
        f"{weather.pid_killed} died, {run.pid(run.victim)} runs",
        ok=weather.back and run.pid(run.victim) not in (None, weather.pid_killed),
    )
