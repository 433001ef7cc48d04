"""How values become bytes and back."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from dynakv._exceptions import ArgumentTypeError, ConfigError

V = TypeVar("V")


@dataclass(frozen=True)
class Codec(Generic[V]):
    """A pair of functions between values and bytes.

    Parameters
    ----------
    name : str
        For messages.
    content_type : str
        Stored beside each value, at most 255 bytes.
    encode : callable
        Value to bytes.
    decode : callable
        Bytes to value.

    Examples
    --------
    >>> hexadecimal = Codec("hex", "text/x-hex", lambda value: value.encode(), bytes.decode)
    >>> hexadecimal.decode(hexadecimal.encode("c0ffee"))
    'c0ffee'
    """

    name: str
    content_type: str
    encode: Callable[[V], bytes]
    decode: Callable[[bytes], V]

    def load(self, raw: bytes, key: bytes) -> V:
        """Decode a stored value.

        Raises
        ------
        ConfigError
            The bytes are not of this codec's kind.
        """
        try:
            return self.decode(raw)
        except ValueError as error:
            raise ConfigError(
                f"the value of {key!r} is not {self.name}: {error}; read it with the codec that "
                "wrote it, or take Sibling.raw"
            ) from error


def _encode_bytes(value: object) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, (bytearray, memoryview)):
        return bytes(value)
    raise ArgumentTypeError(
        f"values of this bucket are bytes, not {type(value).__name__}; encode it, or choose a "
        "codec: client.bucket(name, codec=dynakv.str_codec or dynakv.json_codec)"
    )


def _encode_str(value: object) -> bytes:
    if not isinstance(value, str):
        raise ArgumentTypeError(
            f"values of this bucket are str, not {type(value).__name__}; convert it, or choose "
            "another codec: client.bucket(name, codec=dynakv.json_codec)"
        )
    return value.encode()


def _encode_json(value: Any) -> bytes:
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    except TypeError as error:
        raise ArgumentTypeError(
            f"values of this bucket are JSON: {error}; use dict, list, str, numbers, bool and None"
        ) from error
    except ValueError as error:
        raise ConfigError(f"this value has no JSON form: {error}") from error
    return text.encode()


bytes_codec: Codec[bytes] = Codec("bytes", "", _encode_bytes, bytes)
str_codec: Codec[str] = Codec("UTF-8 text", "text/plain", _encode_str, bytes.decode)
json_codec: Codec[Any] = Codec("JSON", "application/json", _encode_json, json.loads)
