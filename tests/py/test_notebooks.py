"""The notebooks: committed clean, each tells a story with figures and asserts, and all run."""

from __future__ import annotations

import ast
import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "notebooks"
NOTEBOOKS = sorted(path.stem for path in FOLDER.glob("*.ipynb"))


def cells(name: str) -> list[dict[str, Any]]:
    loaded: list[dict[str, Any]] = json.loads((FOLDER / f"{name}.ipynb").read_text())["cells"]
    return loaded


def sources(name: str, kind: str) -> list[str]:
    return ["".join(cell["source"]) for cell in cells(name) if cell["cell_type"] == kind]


def test_the_notebooks_are_found() -> None:
    assert {"00_quickstart", "02_life_of_a_request", "05_sloppy_quorum", "10_simulator"} <= set(
        NOTEBOOKS
    )


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_is_committed_clean(name: str) -> None:
    for cell in cells(name):
        assert cell["metadata"] == {}
        assert cell.get("outputs", []) == []
        assert cell.get("execution_count") is None
    metadata = json.loads((FOLDER / f"{name}.ipynb").read_text())["metadata"]
    assert metadata == {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_tells_a_story(name: str) -> None:
    prose, code = "\n".join(sources(name, "markdown")), sources(name, "code")
    assert prose.startswith(f"# {name[:2]} · ")
    assert "Dynamo, SOSP 2007" in prose.split("\n\n")[1] + prose.split("\n\n")[2]
    assert "**Try:**" in prose
    assert "viz." in "\n".join(code)
    last = ast.parse(code[-1])
    assert sum(isinstance(each, ast.Assert) for each in last.body) >= 3


def build(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(FOLDER / "build.py"), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_runs(name: str, tmp_path: Path) -> None:
    for module in ("nbclient", "nbconvert", "ipykernel"):
        assert importlib.util.find_spec(module), f"{module}: the extra notebooks is missing"
    before = (FOLDER / f"{name}.ipynb").read_bytes()
    done = build(name, "--out", tmp_path, "--no-pictures")
    assert done.returncode == 0, done.stdout + done.stderr
    page = (tmp_path / f"{name}.html").read_text()
    assert page.count('role="img"') >= 2
    assert (FOLDER / f"{name}.ipynb").read_bytes() == before


@pytest.mark.slow
def test_a_notebook_whose_assertion_fails_fails(tmp_path: Path) -> None:
    shutil.copy(FOLDER / "build.py", tmp_path / "build.py")
    notebook = json.loads((FOLDER / f"{NOTEBOOKS[0]}.ipynb").read_text())
    notebook["cells"] = [
        {
            "cell_type": "code",
            "id": "a",
            "metadata": {},
            "execution_count": None,
            "outputs": [],
            "source": ["assert 1 == 2"],
        }
    ]
    (tmp_path / "wrong.ipynb").write_text(json.dumps(notebook))
    command = [sys.executable, str(tmp_path / "build.py"), "--out", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 1
    assert "wrong: failed" in done.stderr


def test_a_name_that_is_no_notebook_is_said() -> None:
    done = build("nonsense")
    assert done.returncode == 2
    assert "no notebook begins with nonsense" in done.stdout
