"""The demo's command line."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from dynakv import DynakvError, LocalCluster
from dynakv.demo._chapters import (
    introduce,
    lose_another_node,
    measure_single_operations,
    read_back,
)
from dynakv.demo._conflicts import disagree_and_reconcile
from dynakv.demo._figures import Summary
from dynakv.demo._load import load_and_kill
from dynakv.demo._packages import Dataset, load_dataset
from dynakv.demo._run import NODE_COUNT, Run
from dynakv.demo._screen import Screen, make_screen
from dynakv.demo._traffic import GaveUp

CHAPTERS = (
    introduce,
    load_and_kill,
    read_back,
    disagree_and_reconcile,
    measure_single_operations,
    lose_another_node,
)
RECORDS_MIN = 100


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the options of a command line."""
    parser = argparse.ArgumentParser(
        prog="python -m dynakv.demo",
        description="Three node processes, the package lists of this machine, and kill -9.",
    )
    parser.add_argument("--records", type=int, metavar="N", help="write at most N records")
    parser.add_argument("--seed", type=int, default=1, help="draws the order and the victims")
    parser.add_argument("--quiet", action="store_true", help="print the claims only")
    parser.add_argument("--json", action="store_true", help="print one JSON object only")
    parser.add_argument("--lists", type=Path, metavar="DIR", help="package lists to read")
    parsed = parser.parse_args(arguments)
    if parsed.records is not None and parsed.records < RECORDS_MIN:
        parser.error(f"--records must be at least {RECORDS_MIN}")
    return parsed


def run_demo(data: Dataset, screen: Screen, seed: int, durability: str = "group") -> Summary:
    """Start a cluster, tell the story, and return what it measured and claimed."""
    started = time.perf_counter()
    with LocalCluster(NODE_COUNT, mode="process") as cluster:
        run = Run(cluster, data, screen, seed, durability)
        run.summary.figures["start_seconds"] = round(time.perf_counter() - started, 3)
        for chapter in CHAPTERS:
            chapter(run)
    seconds = time.perf_counter() - started
    run.summary.figures["seconds"] = round(seconds, 3)
    return run.summary


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo; 0 if every claim held, 1 if not."""
    options = parse_arguments(arguments)
    screen = make_screen(quiet=options.quiet, silent=options.json)
    data = load_dataset(options.lists).take(options.records, options.seed)
    try:
        summary = run_demo(data, screen, options.seed)
    except (DynakvError, GaveUp) as error:
        reason = f"{type(error).__name__}: {error}"
        screen.verdict("the demo came to its end", reason, ok=False)
        if options.json:
            print(json.dumps({"ok": False, "error": reason}, indent=2))
        return 1
    except KeyboardInterrupt:
        screen.say("stopped; all nodes are down")
        return 130
    if options.json:
        print(json.dumps(summary.as_data(), indent=2))
        return 0 if summary.ok else 1
    screen.stage("In short")
    held = sum(claim.ok for claim in summary.claims)
    screen.verdict(
        "claims that held",
        f"{held} of {len(summary.claims)}, in {summary.figures['seconds']:.0f} s",
        ok=summary.ok,
    )
    return 0 if summary.ok else 1


if __name__ == "__main__":
    sys.exit(main())
