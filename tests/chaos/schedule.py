"""What befalls the cluster, and when: drawn from a seed before anything runs."""

from __future__ import annotations

import random
from dataclasses import dataclass

NODES = 5
OUT_MAX = 3  # killed or paused at a time
RESTART_S = 1.0  # what a process takes to come back, about

KILLS_PER_S = 46 / 50
PAUSES_PER_S = 23 / 50
PARTITIONS_PER_S = 23 / 50
PAUSE_MIN_S, PAUSE_MAX_S = 1.0, 30.0
SHAPES = ("halves", "isolate", "bridge", "one-way in", "one-way out", "one-way halves")


@dataclass(frozen=True)
class Fault:
    """One fault: its begin in seconds of the run, and how long it lasts.

    Parameters
    ----------
    kind : "kill", "pause" or "partition"
    node : int
        That is killed or paused.
    shape : str
        Of a partition.
    left, right : tuple of int
        The sides of a partition; one-way: what `left` sends is lost.
    """

    at: float
    lasts: float
    kind: str
    node: int = -1
    shape: str = ""
    left: tuple[int, ...] = ()
    right: tuple[int, ...] = ()

    def __str__(self) -> str:
        what = f"n{self.node}" if self.node >= 0 else f"{self.shape} {self.left}|{self.right}"
        return f"{self.at:7.2f} s  {self.kind} {what} for {self.lasts:.2f} s"


def make_schedule(seed: int, seconds: float) -> list[Fault]:
    """Return the faults of a run in the order of their begin."""
    draw = random.Random(seed)
    faults = _partitions(draw, seconds)
    begins = [("kill", at) for at in _spread(draw, seconds, KILLS_PER_S)]
    begins += [("pause", at) for at in _spread(draw, seconds, PAUSES_PER_S)]
    out_until = [0.0] * NODES
    pauses = 0
    for kind, wished in sorted(begins, key=lambda begin: begin[1]):
        # A time at which few enough are out; the wish is only where to look first.
        at = max(wished, sorted(out_until, reverse=True)[OUT_MAX - 1])
        node = draw.choice([i for i in range(NODES) if out_until[i] <= at])
        if kind == "kill":
            lasts = draw.uniform(0.02, 0.5)
            out_until[node] = at + lasts + RESTART_S
        else:
            # All but two are short, or there would be no room for so many.
            pauses += 1
            is_long = pauses in (3, 9)
            lasts = draw.uniform(3, PAUSE_MAX_S) if is_long else draw.uniform(PAUSE_MIN_S, 1.5)
            lasts = max(PAUSE_MIN_S, min(lasts, seconds - at))
            out_until[node] = at + lasts
        faults.append(Fault(at, lasts, kind, node))
    return sorted(faults, key=lambda fault: fault.at)


def _spread(draw: random.Random, seconds: float, per_second: float) -> list[float]:
    count = round(seconds * per_second)
    return [seconds * (i + draw.random()) / count for i in range(count)]


def _partitions(draw: random.Random, seconds: float) -> list[Fault]:
    """One after the other, with all shapes; each lasts up to its successor's begin."""
    count = max(1, round(seconds * PARTITIONS_PER_S))
    weights = [draw.uniform(1, 4) for _ in range(count)]
    faults = []
    at = 0.3
    for number, weight in enumerate(weights):
        room = (seconds - 0.5) * weight / sum(weights)
        shape = SHAPES[number % len(SHAPES)]
        left, right = _sides(draw, shape)
        faults.append(Fault(at, room * 0.85, "partition", -1, shape, left, right))
        at += room
    return faults


def _sides(draw: random.Random, shape: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    nodes = list(range(NODES))
    draw.shuffle(nodes)
    one, others = tuple(nodes[:1]), tuple(nodes[1:])
    if shape in ("isolate", "one-way out"):
        return one, others
    if shape == "one-way in":
        return others, one
    if shape == "bridge":  # the last one sees both sides
        return tuple(nodes[:2]), tuple(nodes[2:4])
    return tuple(nodes[:2]), tuple(nodes[2:])
