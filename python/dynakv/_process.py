"""One node in a process of its own, as `LocalCluster` runs it; the child is dynakv._server."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from dynakv import _exceptions
from dynakv._config import NodeConfig
from dynakv._core import Member
from dynakv._exceptions import ClosedError, DynakvError, RequestTimeout

START_TIMEOUT = 60.0
PAUSE_TIMEOUT = 10.0


class ProcessNode:
    """The same verbs as `Node`, over a child's standard input and output."""

    def __init__(self, config: NodeConfig) -> None:
        self.config = config
        self._child: subprocess.Popen[bytes] | None = None
        self._owner_pid = os.getpid()
        self._buffer = b""
        self._asked = 0
        self._member: Member | None = None
        self._lock = threading.RLock()
        self._link_faults: list[tuple[str, int, int, float]] = []
        self._paused = False

    def launch(self) -> None:
        """Start the child without waiting for it."""
        self._buffer = b""
        config = self.config
        if self._member is not None:  # a restart: peers know the address
            config = config.changed(listen=self._member.address)
        self._child = subprocess.Popen(
            [sys.executable, "-m", "dynakv._server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for the parent
        )
        self._write({"config": config.to_fields(), "link_faults": self._link_faults})

    def finish_start(self) -> None:
        """Wait until the child listens.

        Raises
        ------
        DynakvError
            The error that the child's start raised.
        """
        try:
            fields = self._read(START_TIMEOUT)
        except DynakvError:
            self.kill()
            raise
        if self._member is None:  # a node whose disk was wiped gets its former id back
            self._member = Member(**fields["member"])

    def start(self) -> ProcessNode:
        """Start the child and wait until it listens."""
        with self._lock:  # who sets faults meanwhile waits, and sets them after it
            self.launch()
            self.finish_start()
        return self

    def bootstrap(self, members: Sequence[Member] | None = None) -> None:
        """See `Node.bootstrap`."""
        given = members if members is not None else [self.member]
        self._request({"do": "bootstrap", "members": [member.to_fields() for member in given]})

    def wait_ready(self, timeout: float = 10.0, peers: int = 0) -> None:
        """See `Node.wait_ready`."""
        self._request({"do": "wait_ready", "timeout": timeout, "peers": peers}, timeout + 5)

    def _pause(self) -> None:
        child = self._running_child()
        with self._lock:  # not while it is asked something
            child.send_signal(signal.SIGSTOP)
            self._paused = True
        # A thread that runs on another processor goes on for a moment.
        end = time.monotonic() + PAUSE_TIMEOUT
        while os.waitid(os.P_PID, child.pid, os.WSTOPPED | os.WNOHANG | os.WNOWAIT) is None:
            if not self.running or time.monotonic() > end:
                raise ClosedError(f"{self!r} did not stop; it has ended, or its disk is stuck")
            time.sleep(0.001)

    def _resume(self) -> None:
        self._paused = False
        self._running_child().send_signal(signal.SIGCONT)
        self._set_link_faults(self._link_faults)

    def _set_link_faults(self, rows: list[tuple[str, int, int, float]]) -> None:
        """Lose or delay messages; a node that is paused or down learns it when it goes on."""
        self._link_faults = rows
        with self._lock:
            if self.running and not self._paused:
                with suppress(ClosedError):  # it ended: it begins with them when it is started
                    self._request({"do": "link_faults", "rows": rows})

    def _running_child(self) -> subprocess.Popen[bytes]:
        if self._child is None or not self.running:
            raise ClosedError(f"{self!r} does not run; restart it")
        return self._child

    def stop(self) -> None:
        """Stop gracefully; a child that does not end within 10 s is killed."""
        child = self._child
        if child is None or os.getpid() != self._owner_pid:
            return
        if self._paused and self.running:
            self._paused = False
            child.send_signal(signal.SIGCONT)
        if child.stdin is not None and not child.stdin.closed:
            with suppress(BrokenPipeError):  # it is gone already
                child.stdin.close()
        try:
            child.wait(timeout=10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        self._close_pipes(child)

    def kill(self) -> None:
        """End the process with SIGKILL."""
        child = self._child
        if child is not None and os.getpid() == self._owner_pid:
            self._paused = False
            child.kill()
            child.wait()
            self._close_pipes(child)

    @property
    def name(self) -> str:
        """Its name in the layout."""
        return self.config.name

    @property
    def running(self) -> bool:
        """The process has not ended."""
        return self._child is not None and self._child.poll() is None

    @property
    def pid(self) -> int | None:
        """The process's number while it runs."""
        return self._child.pid if self._child is not None and self.running else None

    @property
    def member(self) -> Member:
        """What a layout says of this node."""
        if self._member is None:
            raise ClosedError(f"node {self.config.name!r} was never started")
        return self._member

    @property
    def address(self) -> str:
        """Where peers and clients reach it."""
        return self.member.address

    def _request(self, request: dict[str, Any], timeout: float = 30.0) -> dict[str, Any]:
        with self._lock:
            self._asked += 1
            self._write({**request, "number": self._asked})
            return self._read(timeout, self._asked)

    def _write(self, request: dict[str, Any]) -> None:
        assert self._child is not None
        assert self._child.stdin is not None
        try:
            self._child.stdin.write(json.dumps(request).encode() + b"\n")
            self._child.stdin.flush()
        except (BrokenPipeError, ValueError) as error:
            raise self._ended() from error

    def _read(self, timeout: float, number: int | None = None) -> dict[str, Any]:
        """Wait for the answer with this number; other answers came too late for their callers."""
        end = time.monotonic() + timeout
        while True:
            while b"\n" not in self._buffer:
                self._read_piece(end, timeout)
            line, _, self._buffer = self._buffer.partition(b"\n")
            reply: dict[str, Any] = json.loads(line)
            if reply.get("number") == number:
                break
        if "error" in reply:
            kind = getattr(_exceptions, reply["class"], DynakvError)
            raise kind(reply["error"], code=reply["code"])
        return reply

    def _read_piece(self, end: float, timeout: float) -> None:
        assert self._child is not None
        assert self._child.stdout is not None
        pipe = self._child.stdout.fileno()
        left = end - time.monotonic()
        if left <= 0 or not select.select([pipe], [], [], left)[0]:
            raise RequestTimeout(
                f"the process of node {self.config.name!r} said nothing for {timeout:g} s"
            )
        piece = os.read(pipe, 65536)
        if not piece:
            raise self._ended()
        self._buffer += piece

    def _ended(self) -> ClosedError:
        assert self._child is not None
        status = self._child.wait()
        return ClosedError(f"the process of node {self.config.name!r} ended with status {status}")

    def _close_pipes(self, child: subprocess.Popen[bytes]) -> None:
        """Close the pipes of a child that has ended.

        Another thread may wait for its answer. The child's end wakes it, and it must not find
        another file under the number of the one that it reads.
        """
        with self._lock:
            for pipe in (child.stdin, child.stdout):
                if pipe is not None and not pipe.closed:
                    with suppress(BrokenPipeError):  # unsent bytes have nobody to go to
                        pipe.close()

    def __repr__(self) -> str:
        state = f"process {self.pid}" if self.running else "not running"
        return f"<Node {self.config.name!r} {state}>"
