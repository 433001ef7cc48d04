"""The chapters around load and conflict: who is there, what is there, how fast, how safe."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict

from dynakv.demo._figures import Latency, latency
from dynakv.demo._run import NODE_COUNT, R, Run, W
from dynakv.demo._traffic import Reading

__all__ = ["introduce", "lose_another_node", "measure_single_operations", "read_back"]

SINGLE_OPERATIONS_MAX = 1000
_BAR_COLUMNS = 60

DURABILITY = {
    "group": "group: acknowledged after fsync, one for all that came together",
    "os": "os: acknowledged after the kernel has it: outlives kill -9, not power loss",
}


def introduce(run: Run) -> None:
    """Show the nodes, the ring, and what will be written."""
    screen, data = run.screen, run.data
    screen.stage("A cluster of three processes")
    layout = run.cluster.layout()
    first = Counter(layout.owners(key)[0] for key in data.base)
    screen.table(
        ["node", "address", ">process", ">first owner of", ""],
        [
            [
                run.name(index),
                address,
                str(run.pid(index)),
                f"{first[run.name(index)]:,} records",
                "█" * round(first[run.name(index)] / len(data.base) * _BAR_COLUMNS),
            ]
            for index, address in enumerate(run.cluster.addresses)
        ],
    )
    screen.say()
    screen.say(
        f"N={NODE_COUNT}: every record lives on three nodes; its first owner is asked first."
    )
    screen.say(f"W={W}: two must hold a write before it counts. R={R}: two must answer a read.")
    screen.say("R + W > N, so a read meets at least one node that has the last write.")
    screen.say(f"Durability {DURABILITY[run.durability]}.")
    screen.say(f"To write: {len(data.base):,} records, {data.record_bytes / 1e6:.1f} MB,")
    screen.say(f"from {data.source}.")
    run.summary.figures |= {
        "source": data.source,
        "records": len(data.base),
        "record_bytes": data.record_bytes,
        "seed": run.seed,
        "durability": run.durability,
        "n": NODE_COUNT,
        "r": R,
        "w": W,
        "first_owner_of": dict(sorted(first.items())),
    }


def _reading_figures(reading: Reading) -> dict[str, float]:
    return {
        "found": reading.found,
        "missing": len(reading.missing),
        "wrong": len(reading.wrong),
        "retried": reading.retried,
        "reads_per_s": round(reading.phase.per_second, 1),
    }


def read_back(run: Run) -> None:
    """Read everything with a client that knows only the node that was dead."""
    run.screen.stage(f"Reading everything back through {run.name(run.victim)}")
    reading = run.read_everything(run.victim)
    run.claim_complete("no acknowledged write is missing", reading)
    run.summary.figures["read_back"] = _reading_figures(reading)


def measure_single_operations(run: Run) -> None:
    """Time reads and writes one by one, as a client that waits for each would see them."""
    run.screen.stage("One operation at a time")
    keys = run.draw.sample(list(run.expected), min(SINGLE_OPERATIONS_MAX, len(run.expected)))
    bucket = run.bucket(via=run.survivor)

    def timed(operation: Callable[[bytes], object]) -> Latency:
        seconds = []
        for key in keys:
            started = time.perf_counter()
            operation(key)
            seconds.append(time.perf_counter() - started)
        return latency(seconds)

    # The reads come first: then each write replaces what its session has seen.
    measured = {
        f"get, R={R}": timed(lambda key: bucket.get(key, r=R)),
        f"put, W={W}": timed(lambda key: bucket.put(key, run.expected[key], w=W)),
    }
    run.screen.table(
        ["", ">operations", ">p50", ">p95", ">p99", ">slowest"],
        [
            [
                name,
                f"{row.count:,}",
                *(f"{ms:.2f} ms" for ms in (row.p50_ms, row.p95_ms, row.p99_ms, row.max_ms)),
            ]
            for name, row in measured.items()
        ],
    )
    run.summary.figures["latency"] = {
        name.partition(",")[0]: asdict(row) for name, row in measured.items()
    }


def lose_another_node(run: Run) -> None:
    """Kill a node that has everything; those that are left must have it too."""
    victim, second = run.name(run.victim), run.name(run.second_victim)
    run.screen.stage(f"kill -9 of {second} as well: what do the others know?")
    run.cluster.kill(run.second_victim)
    reading = run.read_everything(run.survivor)
    run.claim_complete(f"nothing is missing without {second} either", reading)
    missed = run.summary.figures["load"]["acknowledged_without_victim"]
    run.screen.say(f"  {missed:,} of them were acknowledged without {victim}, while it was away.")
    run.summary.figures["read_without_second"] = _reading_figures(reading)
