"""How a node is configured."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

from dynakv import _core
from dynakv._exceptions import ArgumentTypeError, ConfigError
from dynakv._options import Quorum, ReadRepair, check_read_repair, check_sloppy

BucketChanges = Mapping[str, str | int]

_CHOICES = {
    "durability": ("group", "os"),
    "storage": ("rocksdb", "memory"),
    "conflict": ("siblings", "lww"),
    "log_level": ("debug", "info", "warning", "error", "off"),
}
_TEXTS = ("name", "data_dir", "listen", "advertise", "zone")


def _property_texts(properties: BucketChanges) -> dict[str, str]:
    """The form in which the core takes properties; it says "quorum" for what users call sloppy."""
    texts = {name: str(value) for name, value in properties.items() if name != "sloppy"}
    if "sloppy" in properties:
        check_sloppy(properties["sloppy"])
        texts["quorum"] = "sloppy" if properties["sloppy"] else "strict"
    return texts


@dataclass(frozen=True, kw_only=True)
class NodeConfig:
    """What a node is started with.

    Parameters
    ----------
    name : str
        Unique in the cluster; the data directory remembers it.
    data_dir : str or path
        Made when it does not exist. May be empty with storage "memory".
    listen : str
        "host:port"; port 0 takes a free one.
    advertise : str
        The address that peers and clients are told; empty: the address where the node listens.
    insecure : bool
        Allow other addresses than loopback, although nothing is encrypted yet.
    contact_points : tuple of str
        Nodes of a running cluster, "host:port". A node with an empty directory learns the layout
        from them. It is no member: it owns nothing, and forwards what it is asked to the owners.
    rejoin : bool
        A node with an empty directory takes over the place of its name in the cluster, once a
        majority of the members agree that the old node is gone, and recovers its data from the
        other owners. False: it is refused, and an operator decides.
    members : mapping of str to str
        The first members of a new cluster, this node included: name to "host:port". Each of them
        is started with the same mapping and forms the cluster when it has heard of all. A node
        that has a layout of these names goes on with that.
    n : int
        Copies of each key, in buckets that say nothing else.
    r, w : int, "quorum" or "all"
        Owners that a read and a write need.
    conflict : "siblings" or "lww"
        What happens to concurrent values.
    sloppy : bool
        Nodes that stand in for owners which are down count towards R and W. False: only owners do.
    read_repair : "off", "background" or "blocking"
        When reads bring owners up to date that answered with less: never, after the reply, or
        before it.
    buckets : mapping of str to mapping
        Buckets with properties of their own: n, r, w, conflict, sloppy, read_repair.
    capacity : float
        Share of the data relative to other nodes.
    zone : str
        "datacenter/rack".
    durability : "group" or "os"
        Acknowledge after the sync to disk, or after the operating system has it (survives kill -9,
        not a loss of power).
    storage : "rocksdb" or "memory"
    value_bytes_max : int
        Largest value, bytes.
    sibling_count_max : int
        A put that would leave more is refused.
    log_level : str
        "debug", "info", "warning", "error" or "off".
    development : bool
        Obey the faults that a `LocalCluster` injects, which sets it. Never for data that matters.

    Raises
    ------
    ConfigError
        A value cannot be used; the message says which would be.

    Examples
    --------
    >>> NodeConfig(name="n0", storage="memory", n=1, r=1, w=1).listen
    '127.0.0.1:0'
    """

    name: str = "n0"
    data_dir: str | os.PathLike[str] = ""
    listen: str = "127.0.0.1:0"
    advertise: str = ""
    insecure: bool = False
    contact_points: tuple[str, ...] = ()
    rejoin: bool = True
    members: Mapping[str, str] = field(default_factory=dict)
    n: int = 3
    r: Quorum = 2
    w: Quorum = 2
    conflict: Literal["siblings", "lww"] = "siblings"
    sloppy: bool = True
    read_repair: ReadRepair = "background"
    buckets: Mapping[str, BucketChanges] = field(default_factory=dict)
    capacity: float = 1.0
    zone: str = "dc1/r1"
    durability: Literal["group", "os"] = "group"
    storage: Literal["rocksdb", "memory"] = "rocksdb"
    value_bytes_max: int = 1 << 20
    sibling_count_max: int = 100
    log_level: Literal["debug", "info", "warning", "error", "off"] = "off"
    development: bool = False

    def __post_init__(self) -> None:
        self.validate()

    def validate(self) -> None:
        """Check everything that can be checked before the node starts.

        Raises
        ------
        ConfigError
        """
        for name, allowed in _CHOICES.items():
            if getattr(self, name) not in allowed:
                words = ", ".join(f'"{word}"' for word in allowed)
                raise ConfigError(f"{name} is {getattr(self, name)!r}; use one of {words}")
        for name in _TEXTS:
            value = getattr(self, name)
            is_path = name == "data_dir" and isinstance(value, os.PathLike)
            if not isinstance(value, str) and not is_path:
                raise ArgumentTypeError(f"{name} is {value!r}; use a str")
        if not self.name:
            raise ConfigError("name is empty; give each node a name of its own")
        points: object = self.contact_points
        if isinstance(points, str):
            raise ArgumentTypeError(
                f'contact_points is {self.contact_points!r}; use a tuple such as ("host:7400",)'
            )
        if self.contact_points and self.members:
            raise ConfigError(
                "members begins a new cluster, contact_points joins a running one; use one of them"
            )
        if self.members and self.name not in self.members:
            raise ConfigError(
                f"members does not name this node, {self.name!r}; list all first members with "
                "their addresses, itself included"
            )
        if self.storage == "rocksdb" and not os.fspath(self.data_dir):
            raise ConfigError('data_dir is empty; name a directory, or use storage="memory"')
        for name in ("insecure", "rejoin", "development"):
            if not isinstance(getattr(self, name), bool):
                raise ArgumentTypeError(f"{name} is {getattr(self, name)!r}; use True or False")
        check_sloppy(self.sloppy)
        check_read_repair(self.read_repair)
        if not 0.01 <= self.capacity <= 16:
            raise ConfigError(f"capacity is {self.capacity}; use 0.01 to 16")
        _core.check_properties(self.default_properties(), self.bucket_properties(), 7)

    def default_properties(self) -> dict[str, str]:
        """Properties of buckets that name none, as text."""
        names = ("n", "r", "w", "conflict", "sloppy", "read_repair")
        return _property_texts({name: getattr(self, name) for name in names})

    def bucket_properties(self) -> dict[bytes, dict[str, str]]:
        """Properties of each named bucket, as text."""
        result = {}
        for bucket, changes in self.buckets.items():
            if not isinstance(changes, Mapping):
                raise ArgumentTypeError(
                    f'bucket {bucket!r} is {changes!r}; use a dict such as {{"conflict": "lww"}}'
                )
            result[bucket.encode()] = _property_texts(changes)
        return result

    @classmethod
    def from_toml(cls, path: str | os.PathLike[str]) -> NodeConfig:
        """Read a file whose keys are this class's fields; ``[buckets.NAME]`` tables for buckets.

        Raises
        ------
        ConfigError
            The file is missing, no TOML, or has unknown keys.
        """
        return cls.from_fields(cls.read_toml(path), origin=os.fspath(path))

    @staticmethod
    def read_toml(path: str | os.PathLike[str]) -> dict[str, Any]:
        """Read a file's fields without checking them, to combine them with others.

        Raises
        ------
        ConfigError
            The file is missing or no TOML.
        """
        try:
            return tomllib.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ConfigError(f"cannot read {os.fspath(path)}: {error}") from error

    @classmethod
    def from_fields(cls, content: Mapping[str, Any], *, origin: str = "config") -> NodeConfig:
        """Make a config from a mapping of its fields.

        Raises
        ------
        ConfigError
            An unknown field, or a value that cannot be used.

        Examples
        --------
        >>> NodeConfig.from_fields({"name": "a", "data_dir": "d"}).name
        'a'
        """
        known = [each.name for each in fields(cls)]
        unknown = content.keys() - set(known)
        if unknown:
            raise ConfigError(
                f"{origin}: unknown {', '.join(sorted(unknown))}; there are: {', '.join(known)}"
            )
        arguments = dict(content)
        if isinstance(arguments.get("contact_points"), list):
            arguments["contact_points"] = tuple(arguments["contact_points"])
        return cls(**arguments)

    def to_fields(self) -> dict[str, Any]:
        """Return the fields as plain data, for JSON; the inverse of `from_fields`."""
        content = {each.name: getattr(self, each.name) for each in fields(self)}
        content["data_dir"] = os.fspath(self.data_dir)
        content["buckets"] = {name: dict(changes) for name, changes in self.buckets.items()}
        content["members"] = dict(self.members)
        content["contact_points"] = list(self.contact_points)
        return content

    def changed(self, **changes: Any) -> NodeConfig:
        """Return a copy with some fields replaced."""
        return replace(self, **changes)
