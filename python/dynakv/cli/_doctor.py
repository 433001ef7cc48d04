"""Is this machine fit to run a node? One line per check, with the remedy where there is one."""

from __future__ import annotations

import ctypes
import errno
import os
import re
import resource
import shutil
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

__all__ = ["Finding", "examine"]

State = Literal["ok", "warn", "fail"]

PYTHON_MIN = (3, 11)
OPEN_FILES_MIN = 4096  # connections that a node accepts by default
FREE_BYTES_MIN = 1 << 30
FREE_PARTS_MIN = 0.10  # below it a node refuses to take more data
SYNC_SECONDS_MAX = 0.010
SYNC_COUNT = 15
# What may be missing -> what it is for.
EXTRAS = {"matplotlib": ("viz", "figures"), "nbclient": ("notebooks", "running notebooks")}


@dataclass(frozen=True)
class Finding:
    """The result of one check."""

    name: str
    state: State
    detail: str
    remedy: str = ""


def examine(directory: Path, listen: str) -> list[Finding]:
    """Run all checks.

    Parameters
    ----------
    directory : Path
        Where a node would keep its data.
    listen : str
        Where it would listen, "host:port".

    Returns
    -------
    list of Finding
        In a fixed order; a check that itself breaks is a finding too.
    """
    checks: list[tuple[str, Callable[[], Iterator[Finding]]]] = [
        ("python", check_python),
        ("extension", check_extension),
        ("rocksdb", check_rocksdb),
        ("extras", check_extras),
        ("disk", lambda: check_space(directory)),
        ("fsync", lambda: check_sync(directory)),
        ("open files", check_open_files),
        ("port", lambda: check_port(listen)),
        ("clock", check_clock),
    ]
    findings: list[Finding] = []
    for name, check in checks:
        try:
            findings += check()
        except Exception as error:
            findings.append(Finding(name, "fail", f"the check broke: {error!r}", "report it"))
    return findings


def check_python() -> Iterator[Finding]:
    """The interpreter is new enough."""
    have = ".".join(map(str, sys.version_info[:3]))
    need = ".".join(map(str, PYTHON_MIN))
    if sys.version_info >= PYTHON_MIN:
        yield Finding("python", "ok", have)
    else:
        yield Finding("python", "fail", have, f"install Python {need} or newer")


def check_extension() -> Iterator[Finding]:
    """The native module loads and is of this version."""
    remedy = "install the package again: pip install --force-reinstall dynakv"
    try:
        from dynakv import _core
    except ImportError as error:
        yield Finding("extension", "fail", str(error), remedy)
        return
    native = _core.version
    try:
        installed = metadata.version("dynakv")
    except metadata.PackageNotFoundError:
        yield Finding("extension", "warn", f"{native}, not installed as a package", remedy)
        return
    state: State = "ok" if native == installed else "fail"
    detail = native if state == "ok" else f"{native}, but the package is {installed}"
    yield Finding("extension", state, detail, "" if state == "ok" else remedy)


def check_rocksdb() -> Iterator[Finding]:
    """Which RocksDB this process has loaded."""
    try:
        maps = Path("/proc/self/maps").read_text()
    except OSError:
        yield Finding("rocksdb", "warn", "cannot tell on this system")
        return
    found = re.search(r"\S*/librocksdb\S*", maps)
    if found:
        yield Finding("rocksdb", "ok", Path(found[0]).name)
    else:
        yield Finding(
            "rocksdb",
            "warn",
            "no shared library is loaded; it is inside the extension, or missing",
            "if nodes do not start: apt-get install librocksdb-dev, then install dynakv again",
        )


def check_extras() -> Iterator[Finding]:
    """What optional packages are there."""
    for name, (extra, purpose) in EXTRAS.items():
        if find_spec(name):
            yield Finding("extras", "ok", f"{name} {metadata.version(name)}")
        else:
            remedy = f"for {purpose}: pip install 'dynakv[{extra}]'"
            yield Finding("extras", "warn", f"no {name}", remedy)


def check_space(directory: Path) -> Iterator[Finding]:
    """There is room for data."""
    try:
        usage = shutil.disk_usage(_existing(directory))
    except OSError as error:
        yield Finding("disk", "fail", str(error), "name a directory that can be used: --dir")
        return
    detail = f"{usage.free / 1e9:.1f} GB free of {usage.total / 1e9:.1f}"
    tight = usage.free < FREE_BYTES_MIN or usage.free < FREE_PARTS_MIN * usage.total
    remedy = "make room, or name another directory: --dir; nodes refuse puts on a full disk"
    yield Finding("disk", "warn" if tight else "ok", detail, remedy if tight else "")


def _existing(directory: Path) -> Path:
    """Return the directory, or the nearest one above it that exists."""
    directory = directory.absolute()
    return next(path for path in (directory, *directory.parents) if path.exists())


def check_sync(directory: Path) -> Iterator[Finding]:
    """How long a write takes to become durable; acknowledgements wait for it."""
    seconds = []
    try:
        with tempfile.NamedTemporaryFile(dir=_existing(directory), prefix="dynakv-doctor-") as file:
            for _ in range(SYNC_COUNT):
                started = time.perf_counter()
                os.write(file.fileno(), bytes(4096))
                os.fsync(file.fileno())
                seconds.append(time.perf_counter() - started)
    except OSError as error:
        yield Finding("fsync", "fail", str(error), "name a directory that can be written: --dir")
        return
    median = statistics.median(seconds)
    detail = f"{median * 1e3:.2f} ms (median of {SYNC_COUNT}, slowest {max(seconds) * 1e3:.2f} ms)"
    if _file_system(directory) in ("tmpfs", "ramfs"):
        yield Finding("fsync", "warn", f"{detail}, in memory", "use a disk: nothing lasts here")
    elif median > SYNC_SECONDS_MAX:
        yield Finding(
            "fsync",
            "warn",
            detail,
            "use a faster disk, or durability = 'os', which does not survive a loss of power",
        )
    else:
        yield Finding("fsync", "ok", detail)


def _file_system(directory: Path) -> str:
    """Return the type of the file system below a directory; empty when it cannot be told."""
    path = _existing(directory).resolve()
    try:
        mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    except OSError:
        return ""
    below = [(len(at), kind) for _, at, kind, *_ in mounts if path.is_relative_to(at)]
    return max(below)[1] if below else ""


def check_open_files() -> Iterator[Finding]:
    """The process may open enough files and connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = soft == resource.RLIM_INFINITY or soft >= OPEN_FILES_MIN
    can_raise = hard == resource.RLIM_INFINITY or hard >= OPEN_FILES_MIN
    remedy = f"ulimit -n {OPEN_FILES_MIN}"
    if not can_raise:
        remedy = f"raise the hard limit to {OPEN_FILES_MIN}: LimitNOFILE= or limits.conf"
    detail = "unlimited" if soft == resource.RLIM_INFINITY else str(soft)
    yield Finding("open files", "ok" if enough else "warn", detail, "" if enough else remedy)


def check_port(listen: str) -> Iterator[Finding]:
    """The address is free."""
    host, _, port = listen.rpartition(":")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host.strip("[]"), port, type=socket.SOCK_STREAM
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            remedy = "a node may run there already; else choose another: --listen"
            yield Finding("port", "warn", f"{listen} is in use", remedy)
        else:
            yield Finding("port", "fail", f"{listen}: {error.strerror}", "choose one: --listen")
        return
    yield Finding("port", "ok", f"{listen} is free")


def check_clock() -> Iterator[Finding]:
    """The calendar clock is kept right; only ``lww`` buckets and lifetimes depend on it."""
    now = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
    remedy = "run a time service, such as chrony; lww buckets and lifetimes need it"
    unsynchronised = 5  # TIME_ERROR of adjtimex(2)
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(512))
    except (AttributeError, OSError):
        state = -1
    if state == unsynchronised:
        yield Finding("clock", "warn", f"{now}, not synchronised", remedy)
    elif state < 0:
        yield Finding("clock", "ok", f"{now}; whether it is synchronised cannot be told here")
    else:
        yield Finding("clock", "ok", f"{now}, synchronised")
