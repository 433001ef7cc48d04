"""./dev chaos: five processes under load while they are killed, stopped and cut off.

The run has three parts. First one node is killed while all else is well, and what clients notice
of it is measured. Then the nemesis does what its schedule says, and goes on while too little was
acknowledged for the run to mean anything: a slow machine takes longer. At last everything is
healed, must converge, and each key is compared with what its writer was promised. The seed decides
the schedule and what workers choose; how threads and processes interleave is up to the machine, so
the same seed repeats the faults and not each outcome.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Sequence
from types import FrameType

import dynakv

from tests.chaos.calm import run_calm
from tests.chaos.nemesis import Nemesis, wait
from tests.chaos.report import CONVERGED_GOAL_S, FULL_RUN_S, KillFigures, Report
from tests.chaos.schedule import NODES, make_schedule
from tests.chaos.workload import HELD, TIMEOUT_S, Worker

KILL_PHASE_S = 10.0  # five before the kill, five after
RETURN_S = 3.0  # measured after the return
ROUND_S, ROUND_PACE = 5.0, 0.25  # of faults added while too little was acknowledged
STRETCH = 5  # a slow machine may take so many times the seconds; more is as if it hung
SAMPLE = 2000  # once keys that must be equal at all owners
PATIENCE_S = 150.0  # beyond that, for starting, converging and checking


def say(text: str) -> None:
    print(text, flush=True)


def hint_counters(client: dynakv.Client) -> tuple[int, int, int]:
    """Hints pending, their bytes, and hints delivered, over all nodes that answer."""
    names = ("hints_pending", "hints_pending_bytes", "hints_delivered")
    statuses = client.admin.status()
    pending, size, delivered = (
        sum(status.counters.get(name, 0) for status in statuses) for name in names
    )
    return pending, size, delivered


def rate(workers: Sequence[Worker], begin: float, end: float) -> float:
    """Puts acknowledged per second between two times."""
    acked = sum(n for worker in workers for at, n in worker.acked_puts_at if begin <= at < end)
    return acked / (end - begin)


def kill_phase(cluster: dynakv.LocalCluster, workers: Sequence[Worker], victim: int) -> KillFigures:
    """Kill one node while all else is well, and bring it back."""
    figures = KillFigures()
    with cluster.client() as observer:
        wait(1.0)  # until all connections are made
        began = time.monotonic()
        killed = wait(KILL_PHASE_S / 2)
        cluster.kill(victim)
        ended = wait(KILL_PHASE_S / 2)
        figures.hints, figures.hint_bytes, delivered = hint_counters(observer)
        back = time.monotonic()
        cluster.restart(victim)
        returned = time.monotonic()
        measured = wait(RETURN_S)
        for worker in workers:
            worker.halt()
        for worker in workers:
            worker.join(60)
        cluster.wait_until("hints_drained", timeout=60)
        figures.drained_s = time.monotonic() - back
        figures.delivered = hint_counters(observer)[2] - delivered
    outcomes = [good for w in workers for at, good in w.put_outcomes_at if began <= at < ended]
    figures.puts, figures.failed = len(outcomes), outcomes.count(False)
    figures.before = rate(workers, began, killed)
    figures.during = rate(workers, killed, ended)
    figures.after = rate(workers, returned, measured)
    return figures


def start_workers(
    retrying: Sequence[dynakv.Client],
    exact: Sequence[dynakv.Client],
    seed: int,
    *,
    first: int = 0,
    timeout: float | None = None,
) -> list[Worker]:
    """Start a worker for each client named."""
    clients = [(client, False) for client in retrying] + [(client, True) for client in exact]
    workers = [
        Worker(first + number, client, seed, exact=is_exact, timeout=timeout)
        for number, (client, is_exact) in enumerate(clients)
    ]
    for worker in workers:
        worker.start()
    return workers


def converge(cluster: dynakv.LocalCluster, workers: Sequence[Worker], report: Report) -> None:
    """Wait until the owners of a sample of all keys, and of all registers, are equal."""
    draw = random.Random(report.seed)
    held = [
        worker.once_key(number)
        for worker in workers
        for number, state in enumerate(worker.states)
        if state == HELD
    ]
    keys = draw.sample(held, min(SAMPLE, len(held)))
    keys += [w.register_key(number) for w in workers for number in range(len(w.acked))]
    report.converged_keys = len(keys)
    began = time.monotonic()
    try:
        cluster.wait_until("converged", keys=keys, timeout=CONVERGED_GOAL_S)
    except dynakv.RequestTimeout as error:
        report.violations.append(str(error))
    report.converged_s = time.monotonic() - began


def storm(nemesis: Nemesis, workers: Sequence[Worker], report: Report) -> None:
    """Do the faults of the run, and more of them while too little was acknowledged."""
    began = time.monotonic()
    seconds = max(5.0, report.seconds - KILL_PHASE_S)
    seed, pace = report.seed, 1.0
    while True:
        schedule = make_schedule(seed, seconds)
        say(f"the nemesis has {len(schedule)} faults in {seconds / pace:g} s")
        nemesis.run(schedule, seconds, pace=pace)
        report.storm_s = time.monotonic() - began
        if report.is_enough(workers) or report.storm_s > STRETCH * report.seconds:
            return
        # Where nodes take long to start, faults that follow each other fast leave no room for work.
        seed, seconds, pace = seed + 1, ROUND_S, ROUND_PACE


def run(cluster: dynakv.LocalCluster, report: Report, *, verbose: bool) -> None:
    """Do all three parts."""
    log = say if verbose else lambda text: None
    retrying = [cluster.client(max_in_flight=4096) for _ in range(2)]
    exact = [cluster.client(max_in_flight=4096, retry=dynakv.RetryPolicy(attempts=1))]
    say(f"one of {NODES} nodes is killed")
    calm = start_workers([*retrying, *retrying], [], report.seed)
    report.kill = kill_phase(cluster, calm, random.Random(report.seed).randrange(NODES))

    workers = start_workers(
        retrying, [*exact, *exact], report.seed, first=len(calm), timeout=TIMEOUT_S
    )
    nemesis = Nemesis(cluster, log=log)
    try:
        storm(nemesis, [*calm, *workers], report)
    finally:
        for worker in workers:
            worker.halt()
    healed = time.monotonic()
    for worker in workers:
        worker.join(60)
    report.faults, report.longest_pause = nemesis.counts, nemesis.longest_pause

    say("healed; the cluster must converge, then every key is checked")
    converge(cluster, [*calm, *workers], report)
    report.converged_s = time.monotonic() - healed
    with cluster.client() as client:
        for worker in [*calm, *workers]:
            worker.check_all(client)
    report.add([*calm, *workers])


def end_on_signal(number: int, frame: FrameType | None) -> None:
    del frame
    raise SystemExit(128 + number)


def end_late(cluster: dynakv.LocalCluster) -> None:
    """The last resort: nothing may be left behind, not even a process that is stopped."""
    say("VIOLATION the run did not end in time")
    for index in range(NODES):
        cluster.kill(index)
    os._exit(1)


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**9))
    parser.add_argument("--seconds", type=float, default=FULL_RUN_S, help="of load, 15 at least")
    parser.add_argument("--durability", choices=("group", "os"), default="group")
    parser.add_argument("--calm", action="store_true", help="no faults: nobody may be suspected")
    parser.add_argument("--verbose", action="store_true", help="print each fault")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, end_on_signal)
    report = Report(arguments.seed, max(15.0, arguments.seconds))
    say(f"seed {report.seed}, {report.seconds:g} s, durability {arguments.durability}")
    with dynakv.LocalCluster(
        NODES, mode="process", durability=arguments.durability, start_timeout=60
    ) as cluster:
        pids = [node.pid for node in cluster.nodes]
        longest_s = report.seconds * (1 if arguments.calm else STRETCH)
        guard = threading.Timer(longest_s + PATIENCE_S, end_late, [cluster])
        guard.daemon = True
        guard.start()
        if arguments.calm:
            calm = run_calm(cluster, report.seed, report.seconds, NODES)
        else:
            run(cluster, report, verbose=arguments.verbose)
        pids += [node.pid for node in cluster.nodes]
    guard.cancel()
    if arguments.calm:
        say("\n".join(calm.lines()))
        return 1 if calm.report.violations else 0
    report.violations += [f"process {pid} is left" for pid in pids if pid and is_alive(pid)]
    report.judge()
    say("\n".join(report.lines()))
    return 1 if report.violations else 0


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
