"""The pytest plugin, in pytest runs of its own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]


@pytest.fixture
def inner(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makeini("[pytest]\naddopts = --strict-markers -W error\n")
    return pytester


def run(inner: pytest.Pytester, source: str, *arguments: str) -> pytest.RunResult:
    inner.makepyfile(test_it=source)
    return inner.runpytest_inprocess(*arguments)


def test_cluster_and_client(inner: pytest.Pytester) -> None:
    result = run(
        inner,
        """
        import pytest

        def test_plain(dynakv_cluster, dynakv_client):
            assert len(dynakv_cluster) == 3
            dynakv_client["k"] = b"v"
            assert dynakv_client["k"] == b"v"

        @pytest.mark.dynakv(nodes=1, durability="os", network="hostile")
        def test_marked(dynakv_cluster, dynakv_client):
            assert len(dynakv_cluster) == 1
            assert "k" not in dynakv_client
        """,
    )
    result.assert_outcomes(passed=2)


def test_simulation_takes_the_marker_of_class_and_function(inner: pytest.Pytester) -> None:
    result = run(
        inner,
        """
        import pytest

        def test_plain(dynakv_sim):
            assert len(dynakv_sim.nodes) == 3

        @pytest.mark.dynakv(nodes=5, storage="memory")
        class TestFive:
            def test_inherited(self, dynakv_sim):
                assert len(dynakv_sim.nodes) == 5

            @pytest.mark.dynakv(nodes=4, n=4, w="all", timeout=1.5)
            def test_own(self, dynakv_sim):
                assert len(dynakv_sim.nodes) == 4
                assert len(dynakv_sim.where("k")) == 4
                assert len(dynakv_sim.client().put("k", b"v").acked) == 4
        """,
    )
    result.assert_outcomes(passed=3)


FAILING = """
    import pytest

    def test_it(dynakv_sim):
        dynakv_sim.client("alice").put("k", b"v")
        dynakv_sim.crash(1)
        assert False

    @pytest.mark.parametrize("word", ["a b", "$c"])
    def test_words(dynakv_sim, word):
        assert False

    def test_without():
        assert False
"""


def seeds_of(result: pytest.RunResult) -> list[int]:
    return [int(seed) for seed in re.findall(r"^seed (\d+)", result.stdout.str(), re.MULTILINE)]


def test_a_failure_prints_the_seed_and_what_replays_it(inner: pytest.Pytester) -> None:
    result = run(inner, FAILING)
    result.assert_outcomes(failed=4)
    seeds = seeds_of(result)
    assert len(set(seeds)) == 3
    result.stdout.fnmatch_lines(
        [
            "*dynakv simulation*",
            f"seed {seeds[0]}, 0.* virtual seconds, hash *",
            "  0.*  crash n1*",
            f"replay: pytest test_it.py::test_it --dynakv-seed={seeds[0]}",
            f"replay: pytest 'test_it.py::test_words[[]a b]' --dynakv-seed={seeds[1]}",
        ]
    )
    assert seeds_of(run(inner, FAILING)) == seeds, "a test is the same in each run"


def hashes_of(result: pytest.RunResult) -> list[str]:
    return re.findall(r"hash (\w{16})$", result.stdout.str(), re.MULTILINE)


def test_the_printed_command_replays_the_run(inner: pytest.Pytester) -> None:
    random = run(inner, FAILING, "--dynakv-seed=random", "test_it.py::test_it")
    again = run(inner, FAILING, "--dynakv-seed", str(seeds_of(random)[0]), "test_it.py::test_it")
    assert hashes_of(again) == hashes_of(random) != []
    other = run(inner, FAILING, "--dynakv-seed=random", "test_it.py::test_it")
    assert seeds_of(other) != seeds_of(random)
    assert hashes_of(other) != hashes_of(random)


def test_the_option_goes_before_the_marker_and_that_before_the_name(inner: pytest.Pytester) -> None:
    source = """
        import pytest

        @pytest.mark.dynakv(seed=17)
        def test_it(dynakv_sim):
            assert False
    """
    assert seeds_of(run(inner, source)) == [17]
    assert seeds_of(run(inner, source, "--dynakv-seed=0")) == [0]


def test_tests_that_pass_print_nothing(inner: pytest.Pytester) -> None:
    result = run(inner, "def test_it(dynakv_sim): pass\n", "-rA")
    result.assert_outcomes(passed=1)
    assert "seed" not in result.stdout.str()


def test_a_simulation_that_cannot_be_made_prints_its_seed(inner: pytest.Pytester) -> None:
    source = """
        import pytest

        @pytest.mark.dynakv(n=5)
        def test_it(dynakv_sim): pass
    """
    result = run(inner, source)
    result.assert_outcomes(errors=1)
    assert len(seeds_of(result)) == 1
    assert "add nodes or lower n" in result.stdout.str()


@pytest.mark.parametrize(
    ("marker", "words"),
    [("knots=5", "has no knots; use arguments"), ("5", "takes keywords: nodes=5")],
)
def test_a_wrong_marker_says_so(inner: pytest.Pytester, marker: str, words: str) -> None:
    source = f"""
        import pytest

        @pytest.mark.dynakv({marker})
        def test_it(dynakv_sim): pass
    """
    result = run(inner, source)
    result.assert_outcomes(errors=1)
    assert words in result.stdout.str()


def test_a_wrong_seed_is_refused(inner: pytest.Pytester) -> None:
    result = run(inner, "def test_it(): pass\n", "--dynakv-seed=soon")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "use 0 to 2**64-1, or random" in result.stderr.str()


def test_simulations_go_with_their_tests(inner: pytest.Pytester) -> None:
    result = run(
        inner,
        """
        import gc
        import weakref

        known = []

        def test_one(dynakv_sim):
            known.append(weakref.ref(dynakv_sim))

        def test_other():
            gc.collect()
            assert known[0]() is None
        """,
    )
    result.assert_outcomes(passed=2)


def test_other_peoples_runs_do_not_load_the_store(inner: pytest.Pytester) -> None:
    inner.makepyfile(
        """
        import sys

        def test_it(request):
            assert request.config.pluginmanager.has_plugin("dynakv")  # by its entry point
            assert not [name for name in sys.modules if name.split(".")[0] == "dynakv"]
        """
    )
    result = inner.runpytest_subprocess()
    result.assert_outcomes(passed=1)


def test_the_example_of_readme_holds_whatever_the_seed(inner: pytest.Pytester) -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    (example,) = (
        block
        for block in re.findall(r"^```python\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
        if "dynakv_sim" in block
    )
    run(inner, example).assert_outcomes(passed=2)
    for seed in range(20):
        result = run(inner, example, "-k", "power", f"--dynakv-seed={seed}")
        result.assert_outcomes(passed=1, deselected=1)


def test_listed_for_users(inner: pytest.Pytester) -> None:
    fixtures = run(inner, "", "--fixtures").stdout.str()
    for name in ("dynakv_cluster", "dynakv_client", "dynakv_sim"):
        assert name in fixtures
    assert "@pytest.mark.dynakv" in run(inner, "", "--markers").stdout.str()
