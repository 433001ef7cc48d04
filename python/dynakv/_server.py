"""One node as a process: ``python -m dynakv._server``, started by `LocalCluster`.

Requests are lines of JSON on standard input, each answered by one line on standard output that
has its number. The first line, which has none, has the NodeConfig and the faults between this node
and others; its answer says where the node listens. The process ends when its input does, or when
its parent is gone.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
from collections.abc import Iterator
from typing import Any

from dynakv._config import NodeConfig
from dynakv._core import Member
from dynakv._exceptions import ConfigError, DynakvError
from dynakv._node import Node

PARENT_CHECK_S = 1.0


def _lines() -> Iterator[bytes]:
    """Yield the lines of standard input, until it ends or the parent is gone."""
    parent = os.getppid()
    buffer = b""
    while os.getppid() == parent:
        if not select.select([0], [], [], PARENT_CHECK_S)[0]:
            continue
        piece = os.read(0, 65536)
        if not piece:
            return
        *lines, buffer = (buffer + piece).split(b"\n")
        yield from lines


def _answer(reply: dict[str, Any]) -> None:
    os.write(1, json.dumps(reply).encode() + b"\n")


def _refusal(error: DynakvError) -> dict[str, Any]:
    return {"error": error.message, "class": type(error).__name__, "code": error.code}


def _handle(node: Node, request: dict[str, Any]) -> dict[str, Any]:
    if request["do"] == "bootstrap":
        node.bootstrap([Member(**fields) for fields in request["members"]])
    elif request["do"] == "link_faults":
        node._set_link_faults([tuple(row) for row in request["rows"]])
    elif request["do"] == "wait_ready":
        node.wait_ready(request["timeout"], request["peers"])
    else:
        raise ConfigError(f"unknown request {request['do']!r}")
    return {}


def main() -> int:
    """Serve until standard input ends; 1 when the node could not start."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    lines = _lines()
    first = next(lines, None)
    if first is None:
        return 0
    try:
        begin = json.loads(first)
        node = Node(NodeConfig.from_fields(begin["config"]))
        node._set_link_faults([tuple(row) for row in begin["link_faults"]])
        node.start()
    except DynakvError as error:
        _answer(_refusal(error))
        return 1
    with node:
        _answer({"member": node.member.to_fields(), "pid": os.getpid()})
        for line in lines:
            request = json.loads(line)
            try:
                reply = _handle(node, request)
            except DynakvError as error:
                reply = _refusal(error)
            _answer({**reply, "number": request["number"]})
    return 0


if __name__ == "__main__":
    sys.exit(main())
