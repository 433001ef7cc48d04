"""sim run and sim shrink: whole clusters on virtual time, each drawn from a seed."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Annotated, Any

import typer

from dynakv import sim
from dynakv.cli._output import FAILED, Json, print_data, reports_errors, say

__all__ = ["app"]

app = typer.Typer(
    help="Run simulated clusters with faults, under the eyes of an oracle.", no_args_is_help=True
)

_SHOWN_MAX = 5  # failing seeds, and violations of each, that are printed in words

Seed = Annotated[int, typer.Option("--seed", metavar="S", help="Decides everything.")]
Operations = Annotated[
    int, typer.Option("--operations", metavar="N", help="Of all clients together.")
]
Length = Annotated[
    float,
    typer.Option("--length", metavar="SECONDS", help="Virtual time of operations and faults."),
]


def _as_data(result: sim.SeedResult, replay: str) -> dict[str, Any]:
    hashed = f"{result.trace_hash:016x}"  # most readers of JSON have no integers of 64 bits
    return asdict(result) | {"trace_hash": hashed, "replay": replay}


def _describe(result: sim.SeedResult, replay: str) -> None:
    say(f"seed {result.seed}: {result.kind}; {result.setup}")
    for violation in result.violations[:_SHOWN_MAX]:
        say(f"  {violation.at:.6f} s  {violation.invariant} violated: {violation.detail}")
    more = len(result.violations) - _SHOWN_MAX
    if more > 0:
        say(f"  and {more} more")
    say(f"replay: {replay}")


def _counts(result: sim.SeedResult) -> str:
    return (
        f"{result.acked_writes} writes acknowledged, {result.answered_gets} gets answered, "
        f"{result.failed_operations} operations failed, {result.events} events, "
        f"hash {result.trace_hash:016x}"
    )


@app.command()
@reports_errors
def run(
    seed: Seed,
    seeds: Annotated[int, typer.Option("--seeds", metavar="N", help="This one and the next.")] = 1,
    operations: Operations = 1500,
    length: Length = 120.0,
    *,
    verbose: Annotated[bool, typer.Option("--verbose", help="A line for each seed.")] = False,
    as_json: Json = False,
) -> None:
    """Run a seed, or several; exit code 1 when one violates an invariant."""
    start = time.monotonic()
    results: list[sim.SeedResult] = []
    failed = []
    for result in sim.iter_seeds(seed, seeds, operations=operations, length=length):
        results.append(result)
        replay = sim.replay_command(result.seed, operations=operations, length=length)
        if result.kind != "clean":
            failed.append(result.seed)
            if not as_json and len(failed) <= _SHOWN_MAX:
                _describe(result, replay)
        if verbose and not as_json:
            say(f"seed {result.seed}: {result.kind}; {result.setup}; {_counts(result)}")
    seconds = time.monotonic() - start
    if as_json:
        rows = [
            _as_data(r, sim.replay_command(r.seed, operations=operations, length=length))
            for r in results
        ]
        print_data({"failed": failed, "seconds": round(seconds, 3), "seeds": rows})
    else:
        _summarise(results, len(failed), seconds)
    if failed:
        raise typer.Exit(FAILED)


def _summarise(results: list[sim.SeedResult], failed: int, seconds: float) -> None:
    if len(results) == 1:
        say(f"seed {results[0].seed}: {results[0].kind}; {_counts(results[0])}")
        return
    virtual = sum(result.virtual_seconds for result in results)
    per_second = len(results) / seconds if seconds else 0.0
    say(
        f"{len(results)} seeds, {failed} failed; {per_second:.1f} seeds/s, "
        f"{virtual / seconds if seconds else 0:.0f} times faster than real time"
    )


@app.command()
@reports_errors
def shrink(
    seed: Seed,
    operations: Operations = 1500,
    length: Length = 120.0,
    runs: Annotated[int, typer.Option("--runs", metavar="N", help="It may take so many.")] = 400,
    *,
    as_json: Json = False,
) -> None:
    """Reduce a failing seed to what it takes to fail; exit code 2 when it does not fail."""
    shrunk = sim.shrink(seed, operations=operations, length=length, runs=runs)
    if as_json:
        print_data(asdict(shrunk) | {"original": _as_data(shrunk.original, shrunk.replay)})
    else:
        say(
            f"seed {seed}: {len(shrunk.operations)} operations and {len(shrunk.faults)} faults "
            f"are left after {shrunk.runs} runs"
        )
        say(shrunk.setup)
        say(shrunk.table.rstrip("\n"))
        say(f"replay: {shrunk.replay}")
    raise typer.Exit(FAILED)
