"""What the documents say: their examples run, their paths exist, their words agree."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DECISIONS = sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("docs/decisions/*.md"))
DOCUMENTS = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", *DECISIONS]

# What a newcomer reads in one sitting. Decisions go to docs/decisions.
ARCHITECTURE_BYTES_MAX = 13 * 1024
DECISIONS_INDEX = "docs/decisions/README.md"

# A path in backquotes: from the root, or below the core's folder. Places are no promises of files.
PATH = re.compile(r"`([\w.*/-]+/[\w.*/-]*|[\w.-]+\.(?:md|h|cc|py|toml)|dev|LICENSE)`")
LINK = re.compile(r"\]\(([^)#:]+)\)")
STARTS = (ROOT, ROOT / "cpp/dynakv")


def blocks(document: str, language: str) -> list[str]:
    """Return the fenced blocks of a language."""
    text = (ROOT / document).read_text()
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def named_paths(document: str) -> list[str]:
    prose = re.sub(r"^```.*?^```$", "", (ROOT / document).read_text(), flags=re.M | re.S)
    return sorted({*PATH.findall(prose), *LINK.findall(prose)})


@pytest.mark.parametrize("document", DOCUMENTS)
def test_named_paths_exist(document: str) -> None:
    here = (ROOT / document).parent  # where links start
    missing = [
        path
        for path in named_paths(document)
        if not any(any(start.glob(path.rstrip("/"))) for start in (*STARTS, here))
    ]
    assert not missing


def test_paths_are_found_at_all() -> None:
    assert "cpp/dynakv/" in named_paths("README.md")
    assert "protocol/node_core.h" in named_paths("ARCHITECTURE.md")


def test_architecture_stays_short() -> None:
    assert (ROOT / "ARCHITECTURE.md").stat().st_size <= ARCHITECTURE_BYTES_MAX


def test_the_index_of_decisions_is_complete() -> None:
    listed = {f"docs/decisions/{path}" for path in named_paths(DECISIONS_INDEX) if "*" not in path}
    assert listed | {DECISIONS_INDEX} == set(DECISIONS)


@pytest.mark.parametrize("document", [path for path in DECISIONS if path != DECISIONS_INDEX])
def test_each_decision_has_a_date_and_the_newest_comes_first(document: str) -> None:
    headings = re.findall(r"^##+ .*$", (ROOT / document).read_text(), re.MULTILINE)
    dates = [re.match(r"## (\d{4}-\d{2}-\d{2}): \S", heading) for heading in headings]
    undated = [heading for heading, date in zip(headings, dates, strict=True) if not date]
    assert headings
    assert not undated
    found = [date[1] for date in dates if date]
    assert found == sorted(found, reverse=True)


def test_each_layer_is_described() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    for folder in (ROOT / "cpp/dynakv").iterdir():
        if any(folder.glob("*.h")) or any(folder.glob("*.cc")):
            assert f"| `{folder.name}` |" in text, folder.name


@pytest.mark.parametrize(
    ("source", "row", "words"),
    [
        ("sim/perturbations.cc", r'^    \{"', "{} named sites"),
        ("*/canary.h", r"^  X\(", "{} planted bugs"),
    ],
)
def test_counts_in_the_changelog_are_those_of_the_code(source: str, row: str, words: str) -> None:
    texts = [path.read_text() for path in (ROOT / "cpp/dynakv").glob(source)]
    count = sum(len(re.findall(row, text, re.MULTILINE)) for text in texts)
    assert words.format(count) in (ROOT / "CHANGELOG.md").read_text()


README_EXAMPLES = blocks("README.md", "python")


def test_readme_has_examples() -> None:
    assert len(README_EXAMPLES) >= 3
    assert "dynakv.LocalCluster" in README_EXAMPLES[0]


@pytest.mark.parametrize("number", range(len(README_EXAMPLES)))
def test_readme_example_runs(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code = textwrap.dedent(README_EXAMPLES[number])
    exec(compile(code, f"README.md, example {number + 1}", "exec"), {"__name__": "readme"})
    assert not list(tmp_path.iterdir()), "an example leaves files behind"


def test_commands_that_readme_names_exist() -> None:
    app = pytest.importorskip("dynakv.cli._app").app
    names = {command.name or command.callback.__name__ for command in app.registered_commands}
    names |= {group.name for group in app.registered_groups}
    shown = "\n".join(blocks("README.md", "console"))
    assert set(re.findall(r"\$ dynakv (\w+)", shown)) <= names
    described = set(re.findall(r"^cmd_(\w+)\(\)", (ROOT / "dev").read_text(), re.MULTILINE))
    assert set(re.findall(r"\$ \./dev (\w+)", shown)) <= described
