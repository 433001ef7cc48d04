"""Who is one flow: threads, tasks, and somebody at a prompt, whatever runs what they type."""

from __future__ import annotations

import ast
import asyncio
import textwrap
from collections.abc import Callable, Coroutine
from typing import Any

import dynakv
import pytest

CELLS = [
    """
    import asyncio
    import dynakv
    cluster = dynakv.LocalCluster(1, storage="memory", n=1)
    kv = cluster.client()
    kv.put("k", b"1")
    """,
    'kv.put("k", b"2")',
    'assert kv.get("k").values == [b"2"], kv.get("k")',
    """
    over = await cluster.client_async()
    await over.put("a", b"1")
    """,
    'await over.put("a", b"2")',
    'assert (await over.get("a")).values == [b"2"]',
    """
    async def write(value):
        kv.put("t", value)

    await asyncio.gather(*(asyncio.create_task(write(each)) for each in (b"x", b"y")))
    assert sorted(kv.get("t").values) == [b"x", b"y"], kv.get("t")
    """,
    """
    await over.aclose()
    cluster.stop()
    """,
]


@pytest.mark.slow
def test_the_cells_of_a_notebook_are_one_flow() -> None:
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_code_cell(textwrap.dedent(cell)) for cell in CELLS]
    NotebookClient(notebook, timeout=60, kernel_name="python3").execute()


def run_as(module: str, do: Callable[[], object]) -> None:
    """Run a function in a task whose coroutine is of that module."""
    space: dict[str, Any] = {"__name__": module}
    exec("async def run(do):\n    do()", space)
    asyncio.run(space["run"](do))


@pytest.mark.parametrize("prompt", ["ipykernel.ipkernel", "IPython.core.interactiveshell"])
def test_tasks_of_a_prompt_are_its_thread(kv: dynakv.Client, key: str, prompt: str) -> None:
    run_as(prompt, lambda: kv.put(key, b"1"))
    run_as(prompt, lambda: kv.put(key, b"2"))
    kv.put(key, b"3")
    assert kv.get(key).values == [b"3"]


def test_other_tasks_are_not(kv: dynakv.Client, key: str) -> None:
    run_as("ipykernels", lambda: kv.put(key, b"1"))
    run_as(__name__, lambda: kv.put(key, b"2"))
    assert sorted(kv.get(key).values) == [b"1", b"2"]


def test_lines_that_await_at_a_prompt_are_its_thread(kv: dynakv.Client, key: str) -> None:
    async def put(value: bytes) -> None:
        kv.put(key, value)

    def line(text: str) -> Coroutine[Any, Any, None]:
        code = compile(text, "<console>", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        made: Coroutine[Any, Any, None] = eval(code, {"put": put, "asyncio": asyncio})
        return made

    asyncio.run(line("await put(b'1')"))
    asyncio.run(line("await put(b'2')"))
    assert kv.get(key).values == [b"2"]
    asyncio.run(line("await asyncio.create_task(put(b'3'))"))
    assert sorted(kv.get(key).values) == [b"2", b"3"]
