"""Truth under change: what stays open is told once, however much opens and closes beside it.

PYNETSTAT_CHURN_SNAPSHOTS sets how many snapshots of each table are taken (default 20).
"""

from __future__ import annotations

import os

import pytest

from .churn import watch, watch_owners
from .namespace import Namespace

_SNAPSHOTS = int(os.environ.get("PYNETSTAT_CHURN_SNAPSHOTS", "20"))


@pytest.mark.parametrize("table", ["tcp", "udp"])
def test_stable_sockets_are_neither_doubled_nor_missed(namespace: Namespace, table: str) -> None:
    found = namespace.call(watch, table, _SNAPSHOTS)
    assert [one["doubled"] for one in found] == [0] * _SNAPSHOTS
    assert [one["missed"] for one in found] == [0] * _SNAPSHOTS
    assert all(one["complete"] for one in found)
    assert {source for one in found for source in one["sources"]} == {"sockdiag"}
    # The table did change: the first and the last snapshot show different sockets.
    assert found[0]["passing_inodes"] != found[-1]["passing_inodes"]
    assert sum(one["passing"] for one in found) > 0


def test_what_outlives_the_snapshot_has_its_owner(namespace: Namespace) -> None:
    snapshots = max(4, _SNAPSHOTS // 5)  # each walks every process, up to twice
    found = namespace.call(watch_owners, "udp", snapshots)
    assert [one["without"] for one in found] == [[]] * snapshots
    assert [one["strange"] for one in found] == [[]] * snapshots
    assert sum(one["passing"] for one in found) > 0
