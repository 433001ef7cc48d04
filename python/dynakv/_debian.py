"""Debian version numbers in the order that ``dpkg`` gives them.

The demo reconciles concurrent package records by it: the newer version wins, no matter who wrote
last. A version is ``[epoch:]upstream[-revision]`` (Debian policy §5.6.12). Text and numbers
alternate; numbers compare as numbers, text letter by letter, where ``~`` sorts before everything,
even before the end, and letters sort before all other characters.
"""

from __future__ import annotations

import re

__all__ = ["VersionKey", "compare_versions", "version_key"]

_Part = tuple[tuple[tuple[int, ...], int], ...]
VersionKey = tuple[int, _Part, _Part]

# The last hyphen starts the revision; a colon needs an epoch before it.
_VERSION = re.compile(
    r"(?:(?P<epoch>[0-9]+):(?=[0-9A-Za-z]))?"
    r"(?P<upstream>[0-9A-Za-z](?:[0-9A-Za-z.+~-]|(?(epoch):|(?!)))*?)"
    r"(?:-(?P<revision>[0-9A-Za-z.+~]+))?(?<!-)"
)
_TEXT_THEN_NUMBER = re.compile(r"([^0-9]*)([0-9]*)")
_END_OF_TEXT = 0  # between "~" and the letters


def _weight(character: str) -> int:
    if character == "~":
        return -1
    return ord(character) if character.isalpha() else ord(character) + 256


def _part_key(part: str) -> _Part:
    # An absent revision counts as "0". The last pair is the end: it loses against any text but "~".
    pairs = _TEXT_THEN_NUMBER.findall(part or "0")
    return tuple(
        ((*map(_weight, text), _END_OF_TEXT), int(number or "0")) for text, number in pairs
    )


def version_key(version: str) -> VersionKey:
    """Return a sort key: keys compare as the versions do.

    Parameters
    ----------
    version : str
        ``[epoch:]upstream[-revision]``.

    Returns
    -------
    VersionKey
        Opaque, hashable and ordered. Versions that ``dpkg`` calls equal have equal keys.

    Raises
    ------
    ValueError
        The text is no Debian version.

    Notes
    -----
    Debian policy §5.6.12.

    Examples
    --------
    >>> sorted(["1.0", "1.0~rc1", "1:0.1", "1.0+b1", "1.10", "1.9"], key=version_key)
    ['1.0~rc1', '1.0', '1.0+b1', '1.9', '1.10', '1:0.1']
    """
    match = _VERSION.fullmatch(version)
    if match is None:
        raise ValueError(f"not a Debian version: {version!r}")
    epoch = int(match["epoch"] or "0")
    return epoch, _part_key(match["upstream"]), _part_key(match["revision"] or "")


def compare_versions(left: str, right: str) -> int:
    """Return -1, 0 or 1 as `left` is older than, equal to or newer than `right`.

    Parameters
    ----------
    left, right : str
        Debian versions.

    Returns
    -------
    int
        The sign of the comparison.

    Raises
    ------
    ValueError
        One of them is no Debian version.

    Examples
    --------
    >>> compare_versions("2:1.02-3", "1:9.99-1"), compare_versions("1.0-0", "1.0")
    (1, 0)
    """
    ours, theirs = version_key(left), version_key(right)
    return (ours > theirs) - (ours < theirs)
