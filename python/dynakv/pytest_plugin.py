"""Fixtures for tests of programs that use DynaKV.

``dynakv_cluster`` is a fresh `LocalCluster`, three nodes in memory, and ``dynakv_client`` a client
of it. The marker chooses another one::

    @pytest.mark.dynakv(nodes=5, n=3, w="quorum")
    def test_something(dynakv_client): ...
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import dynakv


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers", "dynakv(**arguments): arguments of dynakv.LocalCluster for this test's cluster"
    )


@pytest.fixture
def dynakv_cluster(request: pytest.FixtureRequest) -> Iterator[dynakv.LocalCluster]:
    """Yield a cluster of the test's own; see the marker ``dynakv``."""
    arguments: dict[str, Any] = {"nodes": 3, "storage": "memory"}
    marker = request.node.get_closest_marker("dynakv")
    if marker is not None:
        arguments |= marker.kwargs
    with dynakv.LocalCluster(**arguments) as cluster:
        yield cluster


@pytest.fixture
def dynakv_client(dynakv_cluster: dynakv.LocalCluster) -> Iterator[dynakv.Client]:
    """Yield a client of the test's own cluster."""
    with dynakv_cluster.client() as client:
        yield client
