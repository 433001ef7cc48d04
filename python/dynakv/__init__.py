"""DynaKV: a Dynamo-style, always-writable key-value store.

Two verbs and a context cover most of it::

    import dynakv

    with dynakv.LocalCluster(nodes=3) as cluster:
        kv = cluster.client()
        kv.put("cart:42", b"milk")
        got = kv.get("cart:42")
        kv.put("cart:42", b"milk,eggs", context=got.context)

Writers that have not seen each other make siblings: nothing is lost, and the next reader reconciles
them (`GetResult.resolve`, `Bucket.update`, `dynakv.resolvers`). In the examples of this package
``kv`` is a `Client` and ``cluster`` a `LocalCluster`.
"""

from importlib.metadata import PackageNotFoundError as _PackageNotFoundError
from importlib.metadata import version as _version

from dynakv import resolvers
from dynakv._admin import Admin, NodeStatus, PeerStatus, Placement
from dynakv._async_bucket import AsyncBucket
from dynakv._async_client import AsyncAdmin, AsyncClient, AsyncSession, connect_async
from dynakv._bucket import Bucket
from dynakv._client import Client, Session, connect
from dynakv._cluster import LocalCluster
from dynakv._codecs import Codec, bytes_codec, json_codec, str_codec
from dynakv._config import NodeConfig
from dynakv._core import Context, Layout, Member
from dynakv._exceptions import (
    ArgumentTypeError,
    AuthError,
    ClockSkewError,
    ClosedError,
    ConditionFailed,
    ConfigError,
    ContextError,
    CorruptionError,
    DiskFull,
    DynakvError,
    ForkedError,
    InternalError,
    KeyTooLarge,
    NoNodesAvailable,
    NotFound,
    Overloaded,
    ProtocolError,
    QuorumError,
    QuorumTimeout,
    QuorumUnavailable,
    RequestTimeout,
    SiblingsError,
    StaleError,
    StorageError,
    TooManySiblings,
    ValueTooLarge,
    VersionMismatch,
)
from dynakv._explain import Explain, ExplainEvent
from dynakv._node import Node
from dynakv._options import Quorum, ReadRepair, RequestOptions, RetryPolicy, deadline
from dynakv._requests import BucketProperties
from dynakv._results import GetResult, PutResult, Resolver, StandIn
from dynakv._siblings import Dot, Sibling
from dynakv._simulation import Simulation

try:
    __version__ = _version("dynakv")
except _PackageNotFoundError:  # run from a source tree
    __version__ = "0+unknown"

__all__ = [
    "Admin",
    "ArgumentTypeError",
    "AsyncAdmin",
    "AsyncBucket",
    "AsyncClient",
    "AsyncSession",
    "AuthError",
    "Bucket",
    "BucketProperties",
    "Client",
    "ClockSkewError",
    "ClosedError",
    "Codec",
    "ConditionFailed",
    "ConfigError",
    "Context",
    "ContextError",
    "CorruptionError",
    "DiskFull",
    "Dot",
    "DynakvError",
    "Explain",
    "ExplainEvent",
    "ForkedError",
    "GetResult",
    "InternalError",
    "KeyTooLarge",
    "Layout",
    "LocalCluster",
    "Member",
    "NoNodesAvailable",
    "Node",
    "NodeConfig",
    "NodeStatus",
    "NotFound",
    "Overloaded",
    "PeerStatus",
    "Placement",
    "ProtocolError",
    "PutResult",
    "Quorum",
    "QuorumError",
    "QuorumTimeout",
    "QuorumUnavailable",
    "ReadRepair",
    "RequestOptions",
    "RequestTimeout",
    "Resolver",
    "RetryPolicy",
    "Session",
    "Sibling",
    "SiblingsError",
    "Simulation",
    "StaleError",
    "StandIn",
    "StorageError",
    "TooManySiblings",
    "ValueTooLarge",
    "VersionMismatch",
    "__version__",
    "bytes_codec",
    "connect",
    "connect_async",
    "deadline",
    "json_codec",
    "resolvers",
    "str_codec",
]
