"""The package indexes of this machine as data: what ``apt-get update`` left behind.

An index is a text of records separated by blank lines. A key is ``name:architecture``, as apt
writes it, a value the record as it stands. Machines without such lists get a small sample.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import random
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from dynakv._debian import version_key

__all__ = ["APT_LISTS", "SAMPLE", "Dataset", "load_dataset", "version_of"]

APT_LISTS = Path("/var/lib/apt/lists")
SAMPLE = Path(__file__).parent / "data"

_FILE = re.compile(
    r"(?:^|_)dists_(?P<suite>.+)_(?P<component>[^_]+)_binary-(?P<arch>[^_]+)_Packages(?:\.\w+)?$"
)
# Suites that correct a release, in the order in which the demo's writers appear.
_CORRECTIONS = ("updates", "security")
_PACKAGE = re.compile(rb"^Package: *(\S+)", re.MULTILINE)
_VERSION = re.compile(rb"^Version: *(\S+)", re.MULTILINE)

# First bytes of a file -> how to open it without help.
_MAGIC: dict[bytes, Callable[[bytes], bytes]] = {
    b"\x1f\x8b": gzip.decompress,
    b"\xfd7zXZ": lzma.decompress,
    b"BZh": bz2.decompress,
}
# The same for formats that the standard library cannot read -> programs that can.
_HELPERS = {b"\x04\x22\x4d\x18": "lz4", b"\x28\xb5\x2f\xfd": "zstd"}
_APT_HELPER = Path("/usr/lib/apt/apt-helper")


@dataclass(frozen=True)
class Dataset:
    """What the demo writes.

    Attributes
    ----------
    source : str
        Where it comes from, for the reader.
    base : dict[bytes, bytes]
        The release: key to record.
    corrections : dict[str, dict[bytes, bytes]]
        Per correcting index ("updates", "security"): records of packages that `base` has in
        another version.
    """

    source: str
    base: dict[bytes, bytes] = field(repr=False)
    corrections: dict[str, dict[bytes, bytes]] = field(repr=False)

    @property
    def record_bytes(self) -> int:
        """Size of the release's records, bytes."""
        return sum(map(len, self.base.values()))

    @property
    def contested(self) -> list[bytes]:
        """Keys that more than one index writes, sorted."""
        return sorted({key for records in self.corrections.values() for key in records})

    def versions(self, key: bytes) -> dict[str, str]:
        """Return the version of each index that has `key`, the release first."""
        indexes = {"main": self.base, **self.corrections}
        return {
            label: version_of(records[key]) for label, records in indexes.items() if key in records
        }

    def take(self, count: int | None, seed: int) -> Dataset:
        """Return the same in an order drawn from `seed`, with at most `count` records in `base`.

        Contested packages come first into the choice, up to a quarter of it: they are the point.
        """
        draw = random.Random(seed)
        count = len(self.base) if count is None else min(count, len(self.base))
        contested = self.contested
        others = sorted(self.base.keys() - set(contested))
        whole = count == len(self.base)
        wanted = len(contested) if whole else min(len(contested), max(1, count // 4))
        keys = draw.sample(contested, wanted)
        keys += draw.sample(others, min(len(others), count - wanted))
        draw.shuffle(keys)
        base = {key: self.base[key] for key in keys}
        corrections = {
            label: {key: record for key, record in records.items() if key in base}
            for label, records in self.corrections.items()
        }
        return Dataset(self.source, base, {k: v for k, v in corrections.items() if v})


def version_of(record: bytes) -> str:
    """Return the version that a record names, or ``0`` when it names none."""
    match = _VERSION.search(record)
    return match[1].decode() if match else "0"


def _read(path: Path) -> bytes:
    """Return the text of a list; empty if it is packed in a way that nothing here can unpack."""
    raw = path.read_bytes()
    for magic, unpack in _MAGIC.items():
        if raw.startswith(magic):
            return unpack(raw)
    for magic, program in _HELPERS.items():
        if not raw.startswith(magic):
            continue
        if _APT_HELPER.exists():
            command = [str(_APT_HELPER), "cat-file", str(path)]
        elif shutil.which(program):
            command = [program, "-dc", str(path)]
        else:
            return b""
        return subprocess.run(command, capture_output=True, check=True).stdout
    return raw


def parse(text: bytes, arch: str) -> Iterator[tuple[bytes, bytes]]:
    """Yield (key, record) in the order of the index."""
    for record in text.split(b"\n\n"):
        if match := _PACKAGE.search(record):
            yield match[1] + b":" + arch.encode(), record.strip(b"\n")


def _newest(records: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Keep one record per key: within one index the newest version is the one apt would take."""
    kept: dict[bytes, bytes] = {}
    for key, record in records:
        rival = kept.get(key)
        if rival is None or _is_newer(record, rival):
            kept[key] = record
    return kept


def _is_newer(record: bytes, rival: bytes) -> bool:
    return version_key(version_of(record)) > version_key(version_of(rival))


def read_lists(folder: Path, source: str) -> Dataset:
    """Read all package indexes in a folder that is laid out like apt's."""
    found: dict[str, list[tuple[bytes, bytes]]] = {}
    for path in sorted(folder.glob("*_Packages*")):
        match = _FILE.search(path.name)
        if match is None or "backports" in match["suite"]:
            continue
        label = next((word for word in _CORRECTIONS if match["suite"].endswith(word)), "main")
        found.setdefault(label, []).extend(parse(_read(path), match["arch"]))
    base = _newest(found.get("main", ()))
    corrections = {
        label: {
            key: record
            for key, record in _newest(found.get(label, ())).items()
            if key in base and version_of(record) != version_of(base[key])
        }
        for label in _CORRECTIONS
    }
    return Dataset(
        source, base, {label: records for label, records in corrections.items() if records}
    )


def load_dataset(folder: Path | None = None) -> Dataset:
    """Return the machine's own package lists, or the sample when there are none worth showing.

    Parameters
    ----------
    folder : Path, optional
        Lists to read instead of the machine's.

    Returns
    -------
    Dataset
        With at least one package that two indexes disagree on.
    """
    if folder is not None:
        return read_lists(folder, str(folder))
    try:
        mine = read_lists(APT_LISTS, "the package lists of this machine")
    except (OSError, subprocess.CalledProcessError, ValueError):
        mine = Dataset("", {}, {})
    if mine.contested:
        return mine
    return read_lists(SAMPLE, "a sample of Debian's package lists (none on this machine)")
