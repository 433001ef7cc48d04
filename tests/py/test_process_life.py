"""Ends and forks: exit with work in flight, Ctrl-C, fork, a parent that dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import dynakv
import pytest

RunPython = Callable[..., "subprocess.CompletedProcess[str]"]


def assert_clean(result: subprocess.CompletedProcess[str], *, says: str = "") -> None:
    assert result.returncode == 0, (result.returncode, result.stdout, result.stderr)
    assert result.stderr == ""
    assert says in result.stdout


BUSY = """
import threading, dynakv
cluster = dynakv.LocalCluster(3, storage="memory")
kv = cluster.client()
started = threading.Barrier(5)

def work(number):
    kv.put(f"k{number}", b"v")
    started.wait()
    while True:
        kv.put_many([(f"{number}/{i}", b"v" * 100) for i in range(200)])
        kv.get_many([f"{number}/{i}" for i in range(200)])

for number in range(4):
    threading.Thread(target=work, args=(number,), daemon=True).start()
started.wait()
threading.excepthook = lambda arguments: None  # ClosedError, as they should
print("leaving")
"""


@pytest.mark.parametrize("repeat", range(3))
def test_exit_with_threads_at_work(run_python: RunPython, repeat: int) -> None:
    assert_clean(run_python(BUSY), says="leaving")


REFUSED = """
import sys, threading, dynakv
sys.setswitchinterval(1e-5)
cluster = dynakv.LocalCluster(1, storage="memory")
kv = cluster.client()
kv.close()
started = threading.Barrier(5)

def work():
    started.wait()
    while True:
        try:
            kv.put("k", b"v")
        except dynakv.ClosedError:
            pass

for number in range(4):
    threading.Thread(target=work, daemon=True).start()
started.wait()
print("leaving")
"""


@pytest.mark.parametrize("repeat", range(3))
def test_exit_with_threads_that_are_refused(run_python: RunPython, repeat: int) -> None:
    """The interpreter ends while C++ has Python make an exception: no frame may be unwound then."""
    assert_clean(run_python(REFUSED), says="leaving")


def test_exit_with_tasks_at_work(run_python: RunPython) -> None:
    script = """
    import asyncio, sys, dynakv
    cluster = dynakv.LocalCluster(3, storage="memory")

    async def main():
        kv = await cluster.client_async()
        tasks = [asyncio.create_task(kv.put(f"k{i}", b"v")) for i in range(500)]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        sys.exit(0)

    asyncio.run(main())
    """
    assert_clean(run_python(textwrap.dedent(script)))


def test_exit_without_closing_anything(run_python: RunPython) -> None:
    script = """
    import dynakv
    cluster = dynakv.LocalCluster(3)
    kv = cluster.client()
    kv.put("k", b"v")
    session = kv.session()
    session.put("s", b"v")
    result = kv.get("k")
    print(cluster.data_dir)
    """
    result = run_python(textwrap.dedent(script))
    assert_clean(result)
    assert not os.path.exists(result.stdout.strip())


def test_fork(run_python: RunPython) -> None:
    script = """
    import os, sys, dynakv
    cluster = dynakv.LocalCluster(3)
    kv = cluster.client()
    kv.put("k", b"parent")
    result = kv.get("k")
    child = os.fork()
    if child == 0:
        for use in (lambda: kv.get("k"), lambda: kv.put("k", b"child"), cluster.layout,
                    lambda: cluster.nodes[0].wait_ready()):
            try:
                use()
            except dynakv.ForkedError as error:
                assert "before a fork" in str(error)
            else:
                raise AssertionError("no ForkedError")
        assert result.value == b"parent"  # values are values
        kv.close()
        cluster.stop()
        with dynakv.connect(cluster.addresses) as mine:
            mine.put("k", b"child", overwrite=True)
        sys.exit(7)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 7, status
    assert kv.get("k").values == [b"child"]
    assert cluster.data_dir.is_dir()
    print("parent goes on")
    """
    assert_clean(run_python(textwrap.dedent(script)), says="parent goes on")


def test_multiprocessing(run_python: RunPython) -> None:
    script = """
    import multiprocessing, dynakv

    def use(addresses, number, queue):
        with dynakv.connect(addresses) as kv:
            kv.put(f"k{number}", b"%d" % number)
            queue.put(kv.get(f"k{number}").value)

    if __name__ == "__main__":
        with dynakv.LocalCluster(3, storage="memory") as cluster:
            kv = cluster.client()
            context = multiprocessing.get_context("fork")
            queue = context.Queue()
            workers = [
                context.Process(target=use, args=(cluster.addresses, i, queue)) for i in range(3)
            ]
            for worker in workers: worker.start()
            print(sorted(queue.get(timeout=20) for _ in workers))
            for worker in workers: worker.join()
            assert [worker.exitcode for worker in workers] == [0, 0, 0]
    """
    assert_clean(run_python(textwrap.dedent(script)), says="[b'0', b'1', b'2']")


INTERRUPTED = """
import os, signal, threading, time, dynakv
with dynakv.LocalCluster(1, mode="process", durability="os") as cluster:
    kv = cluster.client()
    kv.put("k", b"v")
    os.kill(cluster.nodes[0].pid, signal.SIGSTOP)
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
    started = time.monotonic()
    try:
        kv.get("k", timeout=30)
    except KeyboardInterrupt:
        took = time.monotonic() - started
        assert took < 3, took
        print("interrupted")
    finally:
        os.kill(cluster.nodes[0].pid, signal.SIGCONT)
    assert kv.get("k", timeout=20).value == b"v"
"""


@pytest.mark.slow
def test_ctrl_c_interrupts_a_wait(run_python: RunPython) -> None:
    assert_clean(run_python(INTERRUPTED), says="interrupted")


def test_ctrl_c_interrupts_connecting(run_python: RunPython) -> None:
    script = """
    import os, signal, socket, threading, time, dynakv
    mute = socket.create_server(("127.0.0.1", 0))
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
    started = time.monotonic()
    try:
        dynakv.connect("127.0.0.1:%d" % mute.getsockname()[1], connect_timeout=4)
    except KeyboardInterrupt:
        assert time.monotonic() - started < 2
        print("interrupted")
    mute.close()
    """
    assert_clean(run_python(textwrap.dedent(script)), says="interrupted")


def is_alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.slow
def test_nodes_end_when_their_parent_dies(wait_until: Callable[..., None], tmp_path: Path) -> None:
    script = (
        "import dynakv\n"
        f"cluster = dynakv.LocalCluster(2, mode='process', data_dir={str(tmp_path)!r})\n"
        "print(*(node.pid for node in cluster.nodes), flush=True)\n"
        "input()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pids = [int(word) for word in parent.stdout.readline().split()]
        assert len(pids) == 2
        assert all(map(is_alive, pids))
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        wait_until(lambda: not any(map(is_alive, pids)), what="the nodes end")


def test_nothing_is_left_open(
    cluster: dynakv.LocalCluster, key: str, wait_until: Callable[..., None]
) -> None:
    def count() -> int:
        return len(os.listdir("/proc/self/fd"))

    def use() -> None:
        with cluster.client() as kv:
            kv.put(key, b"v")

    use()
    before = count()
    for _ in range(5):
        use()
    wait_until(lambda: count() <= before, what="the nodes' side closes too")
