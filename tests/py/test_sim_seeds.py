"""Whole seeds from Python and from the command line: results, failures, shrinking, Ctrl-C."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from typing import Any

import dynakv
import pytest
from dynakv import _core, sim
from dynakv.sim import PlannedFault, PlannedOperation, Violation

typer_testing = pytest.importorskip("typer.testing")
pytest.importorskip("rich")

from dynakv.cli._app import app  # noqa: E402

SMALL = ["--operations", "100", "--length", "20"]
FAILED, USAGE = 1, 2
RunPython = Callable[..., subprocess.CompletedProcess[str]]


def command(*arguments: str) -> Any:
    return typer_testing.CliRunner().invoke(app, ["sim", *arguments])


def data_of(*arguments: str, exits: int = 0) -> Any:
    result = command(*arguments, "--json")
    assert result.exit_code == exits, result.output
    return json.loads(result.stdout)


# ------------------------------------------------------------------ seeds that are clean


def test_results_come_one_by_one() -> None:
    results = sim.iter_seeds(5, 2**40, operations=100, length=20)
    assert [next(results).seed, next(results).seed] == [5, 6]


def test_run_says_what_it_did() -> None:
    result = command("run", "--seed", "3", *SMALL)
    assert result.exit_code == 0
    assert result.stdout.startswith("seed 3: clean; ")
    assert "hash " in result.stdout
    several = command("run", "--seed", "3", "--seeds", "3", *SMALL, "--verbose")
    assert several.exit_code == 0
    assert [line.split(":")[0] for line in several.stdout.splitlines()[:3]] == [
        "seed 3",
        "seed 4",
        "seed 5",
    ]
    assert "3 seeds, 0 failed" in several.stdout


def test_run_repeats_itself_and_agrees_with_python() -> None:
    first = data_of("run", "--seed", "3", "--seeds", "2", *SMALL)
    again = data_of("run", "--seed", "3", "--seeds", "2", *SMALL)
    assert first["seeds"] == again["seeds"]
    assert first["failed"] == []
    (expected, _) = sim.run_seeds(3, 2, operations=100, length=20)
    row = first["seeds"][0]
    assert int(row["trace_hash"], 16) == expected.trace_hash
    assert (row["seed"], row["kind"], row["setup"]) == (3, "clean", expected.setup)
    assert row["replay"] == "dynakv sim run --seed 3 --operations 100 --length 20"


def test_wrong_use_exits_2() -> None:
    for arguments in (["run"], ["run", "--seed", "-1"], ["shrink", "--seed", "1", "--runs", "0"]):
        assert command(*arguments).exit_code == USAGE, arguments


def test_a_clean_seed_has_nothing_to_shrink() -> None:
    with pytest.raises(sim.SeedIsClean, match="seed 3 does not fail") as error:
        sim.shrink(3, operations=100, length=20)
    assert isinstance(error.value, dynakv.ConfigError)
    result = command("shrink", "--seed", "3", *SMALL)
    assert (result.exit_code, result.stdout) == (USAGE, "")
    assert "dynakv sim run --seed 3 --operations 100 --length 20" in result.stderr
    assert data_of("shrink", "--seed", "3", *SMALL, exits=USAGE)["error"]["code"]


# ------------------------------------------------------------------ seeds that fail
#
# Healthy code has none, so the native module is made to say so. That shrinking as such works is
# tested in C++, with planted bugs.


def failing_fields(seed: int, violations: int = 1) -> _core._SeedFields:
    fields = _core.run_seed(seed, 100, 20.0)
    found = tuple(("I3", f"lost write {i}", 12.5 + i) for i in range(violations))
    return fields | {"kind": "safety", "violations": found}  # type: ignore[return-value]


@pytest.fixture
def seed_4_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    real = _core.run_seed
    bad = failing_fields(4, 7)
    monkeypatch.setattr(
        _core, "run_seed", lambda seed, *limits: bad if seed == 4 else real(seed, *limits)
    )


@pytest.mark.usefixtures("seed_4_fails")
def test_a_failing_seed_exits_1_and_says_how_to_replay_it() -> None:
    result = command("run", "--seed", "3", "--seeds", "3", *SMALL)
    assert result.exit_code == FAILED
    assert "seed 4: safety; " in result.stdout
    assert "I3 violated: lost write 0" in result.stdout
    assert "and 2 more" in result.stdout
    assert "replay: dynakv sim run --seed 4 --operations 100 --length 20\n" in result.stdout
    assert "3 seeds, 1 failed" in result.stdout
    data = data_of("run", "--seed", "3", "--seeds", "3", *SMALL, exits=FAILED)
    assert data["failed"] == [4]
    assert data["seeds"][1]["violations"][0]["invariant"] == "I3"


TABLE = "   seconds  c0  n0\n 11.000000  put k3  .\n"


def shrunk(monkeypatch: pytest.MonkeyPatch) -> sim.ShrunkRun:
    asked: list[tuple[Any, ...]] = []

    def shrink_seed(*arguments: Any) -> Any:
        asked.append(arguments)
        operations = [(11.0, 0, "put", 3, "1"), (12.0, 2, "get", 3, "default")]
        faults = [(11.5, "split", 0, 0, 0b101, 4.0), (11.25, "crash", 1, 0, 0, 0.5)]
        return failing_fields(4, 2), failing_fields(4), operations, faults, 57, TABLE

    monkeypatch.setattr(_core, "shrink_seed", shrink_seed)
    result = sim.shrink(4, operations=100, length=20.0, runs=99)
    assert asked == [(4, 100, 20.0, 99)]
    return result


def test_what_is_left_is_data_and_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    left = shrunk(monkeypatch)
    assert left.operations[0] == PlannedOperation(11.0, 0, "put", 3, "1")
    assert left.faults[1] == PlannedFault(11.25, "crash", 1, 0, 0, 0.5)
    assert left.violations == (Violation("I3", "lost write 0", 12.5),)
    assert len(left.original.violations) == 2
    assert left.table == TABLE
    assert repr(left) == "<ShrunkRun of seed 4: 2 operations, 2 faults, 1 violations>"


def test_shrink_prints_the_table_and_exits_1(monkeypatch: pytest.MonkeyPatch) -> None:
    left = shrunk(monkeypatch)
    monkeypatch.setattr(sim, "shrink", lambda seed, **_: left)
    arguments = ["shrink", "--seed", "4", *SMALL]
    result = command(*arguments)
    assert result.exit_code == FAILED
    assert "2 operations and 2 faults are left after 57 runs" in result.stdout
    assert TABLE in result.stdout
    assert result.stdout.endswith("dynakv sim run --seed 4 --operations 100 --length 20\n")
    data = data_of(*arguments, exits=FAILED)
    assert data["operations"][1] == {
        "at": 12.0,
        "client": 2,
        "verb": "get",
        "key": 3,
        "quorum": "default",
    }
    assert data["original"]["kind"] == "safety"


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        (PlannedFault(1, "one way", 1, 2, 0, 3), "one way n1 to n2, for 3.000 s"),
        (PlannedFault(1, "slow", 1, 0, 40, 3), "slow n1, 40 times, for 3.000 s"),
        (PlannedFault(1, "clock offset", 1, 0, -5, 0), "clock offset n1, -5 ms"),
        (PlannedFault(1, "wipe", 1, 0, 0, 0), "wipe n1"),
        (PlannedFault(1, "split", 0, 0, 0b101, 4.0), "split off n0, n2, for 4.000 s"),
        (
            PlannedFault(1, "bridge", 1, 0, 0b101, 1),
            "bridge n1 between n0, n2 and the others, for 1.000 s",
        ),
        (PlannedFault(1, "ring", 1, 2, 9, 1), "ring of majorities, for 1.000 s"),
        (PlannedFault(1, "swizzle", 1, 2, 0b11, 1), "swizzle n0, n1, for 1.000 s"),
        (PlannedFault(1, "flap", 2, 0, 80, 1), "flap n2, every 80 ms, for 1.000 s"),
        (PlannedFault(1, "clock drift", 2, 0, -500, 1), "clock drift n2, -500 ppm, for 1.000 s"),
    ],
)
def test_faults_in_words(fault: PlannedFault, text: str) -> None:
    assert str(fault) == text


# ------------------------------------------------------------------ interruption


LONG = """
import signal, time
from dynakv import sim
signal.signal(signal.SIGALRM, signal.default_int_handler)
signal.setitimer(signal.ITIMER_REAL, 0.4)
try:
    {work}
except KeyboardInterrupt:
    print("interrupted")
"""


@pytest.mark.parametrize(
    "work",
    [
        "sim.run_seeds(1, 1, operations=1_000_000, length=86400)",
        "sim.run_seeds(1, 10**6, operations=100, length=20)",
        "sim.shrink(1, operations=1_000_000, length=86400)",
        "sim.Simulation(60, seed=1, n=5).run_for(86400)",
        "s = sim.Simulation(9, seed=1); s.run_for(9); [s.fork() for _ in range(10**9)]",
    ],
)
def test_ctrl_c_ends_it_at_once(work: str, run_python: RunPython) -> None:
    start = time.monotonic()
    done = run_python(LONG.format(work=work))
    assert (done.stdout, done.returncode) == ("interrupted\n", 0), done.stderr
    assert time.monotonic() - start < 10, "it ended, but work went on behind it"
