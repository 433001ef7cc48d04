"""The chaos run: its schedules, what its checkers find, and one whole run."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from types import SimpleNamespace

import dynakv
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.chaos.__main__ import storm  # noqa: E402
from tests.chaos.nemesis import Nemesis  # noqa: E402
from tests.chaos.report import GOALS, Report  # noqa: E402
from tests.chaos.schedule import NODES, SHAPES, Fault, make_schedule  # noqa: E402
from tests.chaos.workload import (  # noqa: E402
    BATCH,
    DELETED,
    HELD,
    IN_DOUBT,
    MAYBE_DELETED,
    NOT_APPLIED,
    Worker,
)


@pytest.mark.parametrize("seed", range(5))
def test_a_schedule_comes_from_its_seed_and_meets_the_goals(seed: int) -> None:
    schedule = make_schedule(seed, 50)
    assert schedule == make_schedule(seed, 50)
    assert schedule != make_schedule(seed + 1, 50)
    for kind, goal in GOALS.items():
        assert sum(f"{fault.kind}s" == kind and fault.at < 49 for fault in schedule) >= goal
    assert {fault.shape for fault in schedule if fault.kind == "partition"} == set(SHAPES)
    for fault in schedule:
        assert not set(fault.left) & set(fault.right)
        assert (0 <= fault.node < NODES) == (fault.kind != "partition")
        if fault.kind == "pause":
            assert 1 <= fault.lasts <= 30


@pytest.mark.parametrize(
    ("state", "value", "word"),
    [
        (HELD, None, "lost"),
        (HELD, b"another", "nobody wrote"),
        (DELETED, b"once/0/0", "resurrected"),
        (NOT_APPLIED, b"once/0/0", "refused"),
        (HELD, b"once/0/0", ""),
        (DELETED, None, ""),
        (NOT_APPLIED, None, ""),
        (IN_DOUBT, None, ""),
        (IN_DOUBT, b"once/0/0", ""),
        (MAYBE_DELETED, b"once/0/0", ""),
    ],
)
def test_the_checker_of_once_keys(
    cluster: dynakv.LocalCluster, state: int, value: bytes | None, word: str
) -> None:
    with cluster.client() as client:
        worker = Worker(0, client, 1, exact=True)
        worker.states.append(state)
        client.delete("once/0/0")
        if value is not None:
            client.put("once/0/0", value, overwrite=True)
        worker.check_all(client)
        client.delete("once/0/0")
    assert bool(worker.violations) == bool(word)
    assert word in "".join(worker.violations)
    assert worker.counts["violations"] == len(worker.violations)


@pytest.mark.parametrize("exact", [False, True])
def test_only_exact_workers_delete_and_overwrite(
    cluster: dynakv.LocalCluster, wait_until: Callable[..., None], *, exact: bool
) -> None:
    """A client that tries again may leave two copies of a write, of which a delete meets one."""
    with cluster.client() as client:
        worker = Worker(70 + exact, client, 1, exact=exact)  # keys that no other test writes
        worker.start()
        wait_until(lambda: len(worker.states) >= 2 * BATCH, what="two rounds have begun")
        worker.halt()
        worker.join(60)
        assert not worker.is_alive()
        assert worker.failure is None
        assert worker.counts["gets"] > 0
        assert (worker.counts["deletes"] > 0) == exact
        assert (DELETED in worker.states) == exact
        assert (sum(worker.tried) > 0) == exact
        worker.check_all(client)
        assert not worker.violations


@pytest.mark.parametrize(
    ("acked", "odd", "values", "word"),
    [
        (3, {}, [3], ""),
        (3, {}, [], "lost"),
        (3, {}, [2], "came back"),
        (3, {}, [2, 3], "came back"),
        (3, {2: IN_DOUBT}, [2, 3], ""),
        (3, {2: IN_DOUBT}, [2], "went back"),
        (3, {4: IN_DOUBT}, [4], ""),
        (3, {4: NOT_APPLIED}, [4], "refused"),
        (3, {}, [9], "nobody wrote"),
        (0, {1: IN_DOUBT}, [], ""),
    ],
)
def test_the_checker_of_registers(
    cluster: dynakv.LocalCluster, acked: int, odd: dict[int, int], values: list[int], word: str
) -> None:
    with cluster.client() as client:
        worker = Worker(9, client, 1, exact=True)
        worker.acked[0], worker.tried[0], worker.odd[0] = acked, 5, odd
        client.delete("register/9/0")
        for value in values:  # each has seen nothing of the others
            client.session().put("register/9/0", b"%d" % value)
        worker.check_all(client)
        client.put("register/9/0", b"0", overwrite=True)
        client.delete("register/9/0")
    assert bool(worker.violations) == bool(word)
    assert word in "".join(worker.violations)


def test_a_run_is_judged_by_its_goals() -> None:
    report = Report(seed=1, seconds=60)
    report.judge()
    assert len(report.violations) == 5
    assert "only 0 kills of 40" in report.violations
    report = Report(seed=1, seconds=60, converged_s=31)
    report.kill.puts, report.kill.failed = 1000, 1
    report.faults.update(GOALS)
    report.counts.update(puts=100_000)
    report.judge()
    assert report.violations == ["not converged within 30 s after healing"]
    assert "1 violations; the same schedule again: ./dev chaos --seed 1" in report.lines()[-1]


class SlowCluster:
    """Stands in for a cluster whose nodes take long to start; notes who has two faults."""

    def __init__(self) -> None:
        self.twice: list[int] = []
        self.nodes = [SlowNode(self, index) for index in range(NODES)]

    def kill(self, index: int) -> None:
        if self.nodes[index].has_fault:
            self.twice.append(index)
        self.nodes[index].has_fault = True

    pause = kill

    def resume(self, index: int) -> None:
        self.nodes[index].has_fault = False

    def partition(self, left: Iterable[int], right: Iterable[int], *, one_way: bool) -> None:
        pass

    def heal(self) -> None:
        pass


class SlowNode:
    START_S = 0.05  # longer than the schedule that it slows down

    def __init__(self, cluster: SlowCluster, index: int) -> None:
        self.cluster, self.index, self.has_fault = cluster, index, False

    def stop(self) -> None:
        pass

    def start(self) -> None:
        threading.Event().wait(self.START_S)
        self.has_fault = False


def test_on_a_slow_machine_the_whole_schedule_is_done_in_its_order() -> None:
    cluster = SlowCluster()
    schedule = [Fault(0.004 * i, 0.001, "kill", i % 2) for i in range(20)]
    schedule += [
        Fault(0.09, 0.001, "pause", 0),
        Fault(0.1, 0.2, "partition", -1, "halves", (0, 1), (2, 3, 4)),
        Fault(0.11, 0.001, "partition", -1, "isolate", (0,), (1, 2, 3, 4)),
    ]
    logged: list[str] = []
    nemesis = Nemesis(cluster, log=logged.append)  # type: ignore[arg-type]
    nemesis.run(schedule, 0.25, pace=10)
    assert logged == [str(fault) for fault in schedule]
    assert nemesis.counts["kills"] == 20
    assert nemesis.counts["pauses"] == 1
    assert nemesis.counts["partitions"] == 2
    assert not cluster.twice
    assert not any(node.has_fault for node in cluster.nodes)


@pytest.mark.parametrize(("acknowledged", "rounds"), [(20_000, 1), (8_000, 3)])
def test_there_are_more_faults_until_enough_was_acknowledged(
    acknowledged: int, rounds: int
) -> None:
    class Storm:
        def run(self, schedule: list[Fault], seconds: float, *, pace: float) -> None:
            runs.append((schedule, seconds, pace))
            worker.counts["puts"] += acknowledged

    runs: list[tuple[list[Fault], float, float]] = []
    worker = SimpleNamespace(counts=Counter(gets=5_000))
    report = Report(seed=3, seconds=15)
    storm(Storm(), [worker], report)  # type: ignore[arg-type, list-item]
    assert len(runs) == rounds
    assert runs[0] == (make_schedule(3, 5.0), 5.0, 1.0)
    assert len({str(run) for run in runs}) == rounds


def run_chaos(*arguments: str, timeout: float) -> str:
    """Run ./dev chaos to its end, which must be a good one; return what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.chaos", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_under_load_nobody_alive_is_suspected() -> None:
    printed = run_chaos("--calm", "--seconds", "15", timeout=200)
    assert "live nodes suspected           0" in printed


@pytest.mark.slow
def test_a_minute_of_chaos() -> None:
    run_chaos(timeout=500)  # most machines need a quarter of it
