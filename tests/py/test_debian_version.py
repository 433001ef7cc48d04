"""Debian's order of versions: examples, laws, and dpkg itself where it is installed."""

from __future__ import annotations

import doctest
import itertools
import random
import shutil
import subprocess

import pytest
from dynakv import _debian
from dynakv._debian import compare_versions, version_key
from hypothesis import given
from hypothesis import strategies as st

# Each line in ascending order; "=" joins versions that are equal.
ASCENDING = [
    "0 = 00 = 0-0 = 0:0",
    "1.0~~",
    "1.0~~a",
    "1.0~",
    "1.0~rc1",
    "1.0~rc1-1",
    "1.0 = 1.0-0 = 0:1.0",
    "1.0-1~deb12u1",
    "1.0-1 = 1.00-01",
    "1.0-1+b1",
    "1.0-1+deb12u1",
    "1.0-1.1",
    "1.0-9",
    "1.0-10",
    "1.0a",
    "1.0+dfsg",
    "1.0.0",
    "1.9",
    "1.10",
    "1.10-1-1",
    "22.01+dfsg-8",
    "22.01+really26.02+dfsg-0+deb12u1",
    "1:0.1",
    "2:0.1~",
]
GROUPS = [line.split(" = ") for line in ASCENDING]


def test_examples_are_in_policy_order() -> None:
    for (i, left), (j, right) in itertools.product(enumerate(GROUPS), repeat=2):
        for one, other in itertools.product(left, right):
            assert compare_versions(one, other) == (i > j) - (i < j), (one, other)


@pytest.mark.parametrize("text", ["", ":", "1:", "a:1", "1 0", "-1", "1.0-", "1_0", "١", "1:-1"])
def test_what_is_no_version_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a Debian version"):
        version_key(text)


VERSIONS = st.from_regex(
    r"([0-2]:)?[0-9][0-9a-zA.+~]{0,5}(-[0-9a~+.]{1,4})?", fullmatch=True
).filter(str.isascii)


@given(VERSIONS, VERSIONS, VERSIONS)
def test_order_is_total_and_transitive(a: str, b: str, c: str) -> None:
    assert compare_versions(a, b) == -compare_versions(b, a)
    if compare_versions(a, b) <= 0 and compare_versions(b, c) <= 0:
        assert compare_versions(a, c) <= 0


@given(VERSIONS)
def test_a_tilde_is_older_and_a_suffix_is_newer(version: str) -> None:
    assert compare_versions(version + "~", version) == -1
    assert compare_versions(version + "a", version) == 1


@pytest.mark.skipif(shutil.which("dpkg") is None, reason="dpkg is not installed")
def test_agrees_with_dpkg() -> None:
    draw = random.Random(20240229)
    flat = [version for group in GROUPS for version in group]
    alphabet = "0123456789" * 2 + "abZ.+~~-"
    for _ in range(150):
        tail = "".join(draw.choice(alphabet) for _ in range(draw.randint(0, 5))).rstrip("-")
        flat.append(f"{draw.choice(['', '', '0:', '1:'])}{draw.randint(0, 11)}{tail}")
    words = {-1: "lt", 0: "eq", 1: "gt"}
    pairs = [(draw.choice(flat), draw.choice(flat)) for _ in range(400)]
    # One shell for all pairs: it prints the number of each line that dpkg denies.
    script = "".join(
        f"dpkg --compare-versions '{a}' {words[compare_versions(a, b)]} '{b}' || echo {i}\n"
        for i, (a, b) in enumerate(pairs)
    )
    done = subprocess.run(["sh"], input=script, capture_output=True, text=True, check=False)
    denied = [pairs[int(line)] for line in done.stdout.split()]
    assert not denied
    assert not [line for line in done.stderr.splitlines() if "bad syntax" in line]


def test_documentation_runs() -> None:
    assert doctest.testmod(_debian).failed == 0
