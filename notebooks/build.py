"""Runs the notebooks, renders them to HTML, and takes a picture of each figure.

``./dev notebooks`` calls it. Pictures need Chromium (Debian: ``chromium``); without it everything
else is done. The notebooks themselves stay as they are, without outputs.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
LIMIT_S = 60  # of a notebook on two idle processors; longer is said, not failed
HANGS_AFTER_S = 150  # of a cell
NEEDED = ("nbclient", "nbconvert", "nbformat", "ipykernel")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def run_notebook(source: Path) -> tuple[Any, float]:
    """Run a notebook in a folder of its own; return it with its outputs, and the seconds."""
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(source, as_version=4)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(
            notebook,
            timeout=HANGS_AFTER_S,
            kernel_name="python3",
            resources={"metadata": {"path": folder}},
        )
        client.execute()
    return notebook, time.monotonic() - began


def write_html(notebook: Any, target: Path, title: str) -> None:
    """Render a notebook that was run."""
    from nbconvert import HTMLExporter

    page, _ = HTMLExporter().from_notebook_node(notebook, {"metadata": {"name": title}})
    target.write_text(page, encoding="utf-8")


def figures_of(notebook: Any) -> list[str]:
    """Return the pictures in a notebook's outputs."""
    return [
        output["data"]["image/svg+xml"]
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if "image/svg+xml" in output.get("data", {})
    ]


def take_picture(browser: str, svg: str, target: Path) -> bool:
    """Draw an SVG as a browser shows it; say whether that worked."""
    found = re.search(r'<svg[^>]*\sheight="([\d.]+)(pt)?', svg)
    height = float(found[1]) * (4 / 3 if found[2] else 1) if found else 600
    page = target.with_suffix(".html")
    page.write_text(f'<!DOCTYPE html><meta charset="utf-8"><body style="margin:0">{svg}')
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
    command += [f"--window-size=800,{int(height) + 1}", f"--screenshot={target}", page.as_uri()]
    try:
        subprocess.run(command, capture_output=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    page.unlink()
    return target.is_file()


def build(source: Path, out: Path, browser: str | None) -> bool:
    """Run, render and picture one notebook; say whether its assertions held."""
    from nbclient.exceptions import CellExecutionError, CellTimeoutError

    name = source.stem
    try:
        notebook, seconds = run_notebook(source)
    except (CellExecutionError, CellTimeoutError) as error:
        print(f"{name}: failed\n{error}", file=sys.stderr)
        return False
    write_html(notebook, out / f"{name}.html", name)
    figures = figures_of(notebook)
    taken = 0
    for number, svg in enumerate(figures, 1):
        if browser is not None:
            taken += take_picture(browser, svg, out / f"{name}-{number}.png")
    words = "" if seconds < LIMIT_S else f", longer than {LIMIT_S} s"
    print(f"{name}: {seconds:.1f} s, {len(figures)} figures, {taken} pictures{words}", flush=True)
    return True


def main() -> int:
    parser = argparse.ArgumentParser(description="Run and render the notebooks.")
    parser.add_argument("names", nargs="*", help="those whose names begin so; default: all")
    parser.add_argument("--out", type=Path, default=HERE.parent / "build/notebooks")
    parser.add_argument("--no-pictures", action="store_true")
    arguments = parser.parse_args()
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        print(f"notebooks need {', '.join(missing)}: pip install 'dynakv[notebooks]'")
        return 1
    sources = [
        path
        for path in sorted(HERE.glob("*.ipynb"))
        if not arguments.names or path.stem.startswith(tuple(arguments.names))
    ]
    if not sources:
        print(f"no notebook begins with {' or '.join(arguments.names)}")
        return 2
    browser = None
    if not arguments.no_pictures:
        browser = next(filter(None, map(shutil.which, BROWSERS)), None)
        if browser is None:
            print("no Chromium, so no pictures of the figures: apt-get install chromium")
    out: Path = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    good = [build(source, out, browser) for source in sources]
    print(f"rendered into {out}")
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
