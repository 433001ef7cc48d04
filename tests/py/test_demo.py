"""The demo: its parts by themselves, and the whole of it on the small sample."""

from __future__ import annotations

import doctest
import gzip
import json
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dynakv
import pytest
from dynakv.demo import __main__ as entry
from dynakv.demo import _conflicts, _figures, _screen, _traffic
from dynakv.demo._figures import Claim, Summary
from dynakv.demo._packages import SAMPLE, load_dataset, read_lists, version_of
from dynakv.demo._traffic import TRIES_MAX, GaveUp, Writing, read_all, write_all

# ------------------------------------------------------------------ package lists

MAIN = "deb.example.org_debian_dists_stable_main_binary-amd64_Packages"
SECURITY = "deb.example.org_debian-security_dists_stable-security_main_binary-amd64_Packages"
BACKPORTS = "deb.example.org_debian_dists_stable-backports_main_binary-amd64_Packages"


def stanza(name: str, version: str) -> str:
    return f"Package: {name}\nVersion: {version}\nDescription: a package\n\n"


def test_lists_become_records(tmp_path: Path) -> None:
    (tmp_path / MAIN).write_text(stanza("a", "1.9") + stanza("a", "1.10") + stanza("b", "1"))
    security = gzip.compress((stanza("a", "1.10+deb1") + stanza("c", "1")).encode())
    (tmp_path / (SECURITY + ".gz")).write_bytes(security)
    (tmp_path / BACKPORTS).write_text(stanza("a", "9"))
    (tmp_path / "lock").write_text("")
    data = read_lists(tmp_path, "test")
    assert sorted(data.base) == [b"a:amd64", b"b:amd64"]
    assert version_of(data.base[b"a:amd64"]) == "1.10"  # of two in one index the newer
    assert data.contested == [b"a:amd64"]
    assert data.versions(b"a:amd64") == {"main": "1.10", "security": "1.10+deb1"}


def test_a_record_that_all_agree_on_is_not_contested(tmp_path: Path) -> None:
    for name in (MAIN, SECURITY):
        (tmp_path / name).write_text(stanza("a", "1"))
    assert not read_lists(tmp_path, "test").contested


def test_sample_is_small_and_disagrees_with_itself() -> None:
    assert sum(path.stat().st_size for path in SAMPLE.iterdir()) <= 200_000
    data = load_dataset(SAMPLE)
    assert len(data.base) > 500
    assert len(data.contested) > 100
    assert max(len(set(data.versions(key).values())) for key in data.contested) == 3
    assert not any(b"Maintainer:" in record for record in data.base.values())


def test_taking_is_repeatable_and_keeps_what_is_contested() -> None:
    data = load_dataset(SAMPLE)
    few, again, other = data.take(100, 1), data.take(100, 1), data.take(100, 2)
    assert list(few.base) == list(again.base) != list(other.base)
    assert (len(few.base), len(few.contested)) == (100, 25)
    assert data.take(None, 1).base == data.base
    assert data.take(10**9, 1).contested == data.contested


# ------------------------------------------------------------------ traffic


class FakeBucket:
    """A dictionary with a script of failures: for each call, what happens to each item."""

    def __init__(self, *script: Callable[[int], dynakv.DynakvError | None]) -> None:
        self.stored: dict[bytes, bytes] = {}
        self.script = list(script)

    def _fate(self) -> Callable[[int], dynakv.DynakvError | None]:
        return self.script.pop(0) if self.script else lambda index: None

    def put_many(self, items: Iterable[tuple[bytes, bytes]], **_: Any) -> list[Any]:
        fate, outcomes = self._fate(), []
        for index, (key, value) in enumerate(items):
            error = fate(index)
            if error is None or error.in_doubt:
                self.stored[key] = value
            outcomes.append(error or SimpleNamespace(acked=("n0", "n1")))
        return outcomes

    def get_many(self, keys: Iterable[bytes], **_: Any) -> dict[bytes, Any]:
        fate = self._fate()
        return {
            key: fate(index)
            or SimpleNamespace(exists=key in self.stored, values=[self.stored.get(key)])
            for index, key in enumerate(list(keys))
        }


def refused() -> dynakv.DynakvError:
    return dynakv.QuorumUnavailable("down")


def in_doubt() -> dynakv.DynakvError:
    return dynakv.QuorumTimeout("slow", in_doubt=True)


ITEMS = [(b"%d" % number, b"value") for number in range(10)]


def test_every_write_ends_acknowledged_whatever_happened_first() -> None:
    bucket: Any = FakeBucket(
        lambda index: refused() if index % 2 else None, lambda index: in_doubt()
    )
    writing = Writing()
    batches: list[int] = []
    write_all(
        bucket,
        ITEMS,
        writing,
        w=2,
        batch_size=6,
        after_batch=lambda done: batches.append(len(done)),
    )
    assert (writing.acknowledged, sum(batches)) == (10, 10)
    assert writing.refused == {"QuorumUnavailable": 3}
    assert writing.in_doubt == {"QuorumTimeout": 6}
    assert writing.retried == 9
    assert writing.phases[-1].holders == {"n0": 10, "n1": 10}
    assert bucket.stored == dict(ITEMS)


def test_a_write_that_cannot_succeed_is_no_endless_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_traffic, "PAUSE", 0.0)
    bucket: Any = FakeBucket(lambda index: dynakv.ValueTooLarge("too large"))
    with pytest.raises(dynakv.ValueTooLarge):
        write_all(bucket, ITEMS, Writing(), w=2, batch_size=4)
    bucket = FakeBucket(*[lambda index: refused()] * (TRIES_MAX + 1))
    with pytest.raises(GaveUp, match=f"{TRIES_MAX} tries"):
        write_all(bucket, ITEMS[:1], Writing(), w=2, batch_size=4)


def test_reading_tells_missing_from_wrong_and_repeats_failures() -> None:
    bucket: Any = FakeBucket(lambda index: refused() if index == 0 else None)
    bucket.stored = dict(ITEMS) | {ITEMS[3][0]: b"other"}
    del bucket.stored[ITEMS[4][0]]
    reading = read_all(bucket, ITEMS, r=2, batch_size=10)
    assert (reading.found, reading.retried) == (8, 1)
    assert (reading.wrong, reading.missing) == ([ITEMS[3][0]], [ITEMS[4][0]])
    assert not reading.clean


# ------------------------------------------------------------------ figures and screens


def test_a_run_is_good_only_if_it_claimed_something_and_all_held() -> None:
    assert not Summary().ok
    assert Summary(claims=[Claim("a", "", ok=True)]).ok
    assert not Summary(claims=[Claim("a", "", ok=True), Claim("b", "", ok=False)]).ok


def test_documentation_runs() -> None:
    assert doctest.testmod(_figures).failed == 0


def test_plain_screen_draws_aligned_tables() -> None:
    lines: list[str] = []
    screen = _screen.PlainScreen(lines.append)
    screen.table(["node", ">slots"], [["n0", "1"], ["n1", "16,384"]])
    assert lines == ["   node   slots", "   n0         1", "   n1    16,384"]


def test_without_rich_the_demo_is_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rich.console", None)
    assert type(_screen.make_screen()) is _screen.PlainScreen


# ------------------------------------------------------------------ the whole


def run_demo(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dynakv.demo", "--lists", str(SAMPLE), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_demo_on_the_sample_holds_all_its_claims() -> None:
    done = run_demo("--json", "--seed", "7")
    assert done.returncode == 0, done.stdout + done.stderr
    data = json.loads(done.stdout)
    assert data["ok"]
    assert all(claim["ok"] for claim in data["claims"])
    assert data["load"]["acknowledged"] == data["records"] == len(load_dataset(SAMPLE).base)
    assert data["load"]["reads_while_dead"] > 0
    assert data["conflicts"]["settled"] == data["conflicts"]["packages"] > 100
    assert data["conflicts"]["last_write_was_older"] > 0
    assert data["read_back"]["missing"] == 0
    assert data["latency"]["get"]["count"] > 0
    assert done.stderr == ""


@pytest.mark.slow
def test_demo_for_readers_has_no_bars_in_a_pipe() -> None:
    done = run_demo("--records", "200")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "\x1b" not in done.stdout
    assert "kill -9" in done.stdout
    assert "fsync" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 120
    quiet = run_demo("--records", "200", "--quiet")
    assert quiet.returncode == 0
    assert len(quiet.stdout.splitlines()) < len(done.stdout.splitlines())


def test_demo_notices_a_wrong_reconciliation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_conflicts, "_newest", lambda siblings: min(s.value for s in siblings))
    data = load_dataset(SAMPLE).take(100, 1)
    summary = entry.run_demo(data, _screen.SilentScreen(), seed=1)
    assert not summary.ok
    failed = {claim.text for claim in summary.claims if not claim.ok}
    assert any("reconciled" in text for text in failed)


def test_demo_ends_with_1_when_a_claim_fails_or_the_cluster_does(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--lists", str(SAMPLE), "--json"]
    wrong = Summary({"seconds": 1.0}, [Claim("a", "b", ok=False)])
    monkeypatch.setattr(entry, "run_demo", lambda *_: wrong)
    assert entry.main(arguments) == 1
    assert json.loads(capsys.readouterr().out)["ok"] is False

    def fails(*_: object) -> Summary:
        raise refused()

    monkeypatch.setattr(entry, "run_demo", fails)
    assert entry.main(arguments) == 1
    said = capsys.readouterr()
    assert json.loads(said.out) == {"ok": False, "error": "QuorumUnavailable: down"}
    assert "FAIL" in said.err


def test_demo_refuses_too_few_records() -> None:
    done = run_demo("--records", "3")
    assert done.returncode == 2
    assert "--records" in done.stderr
