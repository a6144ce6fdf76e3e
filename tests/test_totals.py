"""The summary from saved counters."""

from __future__ import annotations

from pathlib import Path

import pytest

from pynetstat.errors import SourceUnavailable
from pynetstat.render.totals import totals_text, totals_value
from pynetstat.totals import Tcp, Transport, read_totals

_SOCKSTAT = """\
sockets: used 290
TCP: inuse 7 orphan 2 tw 3 alloc 11 mem 415
UDP: inuse 5 mem 0
UDPLITE: inuse 9
RAW: inuse 1
FRAG: inuse 6 memory 0
"""
_SOCKSTAT6 = """\
TCP6: inuse 2
UDP6: inuse 1
UDPLITE6: inuse 0
RAW6: inuse 0
FRAG6: inuse 0 memory 0
"""
_SNMP = """\
Ip: Forwarding DefaultTTL
Ip: 1 64
Tcp: RtoAlgorithm MaxConn CurrEstab InSegs
Tcp: 1 -1 4 66571
"""


def _tree(root: Path, folder: str = "net", **files: str) -> str:
    (root / folder).mkdir(parents=True)
    for name, text in {"sockstat": _SOCKSTAT, "snmp": _SNMP, **files}.items():
        (root / folder / name).write_text(text)
    return str(root)


def test_the_counters_add_up(tmp_path: Path) -> None:
    totals = read_totals(_tree(tmp_path, sockstat6=_SOCKSTAT6))
    assert totals.sockets == 290
    assert totals.tcp == Tcp(14, 4, 5, 2, 3)
    assert totals.transports == {
        "raw": Transport(1, 0),
        "udp": Transport(5, 1),
        "tcp": Transport(7, 2),
        "inet": Transport(13, 3),
        "frag": Transport(6, 0),
    }
    assert totals.transports["inet"].total == 16
    assert "".join(totals_text(totals)) == (
        "Sockets: 290\n"
        "TCP:     14 (4 established, 5 closed, 2 orphaned, 3 in TIME_WAIT)\n"
        "\n"
        "Transport     Total      IPv4      IPv6\n"
        "RAW               1         1         0\n"
        "UDP               6         5         1\n"
        "TCP               9         7         2\n"
        "INET             16        13         3\n"
        "FRAG              6         6         0\n"
    )


def test_without_ipv6_its_count_is_untold(tmp_path: Path) -> None:
    totals = read_totals(_tree(tmp_path, "self/net"))
    assert totals.transports["tcp"] == Transport(7, None)
    assert totals_value(totals)["transports"]["inet"] == {"total": 13, "ipv4": 13, "ipv6": None}
    assert "TCP               7         7         -\n" in list(totals_text(totals))


@pytest.mark.parametrize(
    "files",
    [
        {"sockstat": "TCP: inuse many\n"},
        {"sockstat": "\x1b[31m\n"},
        {"sockstat": "TCP: inuse\n"},
        {"sockstat": _SOCKSTAT.replace("alloc 11 ", "")},
        {"sockstat": ""},
        {"sockstat6": "nothing\n"},
        {"sockstat6": ""},
        {"snmp": ""},
        {"snmp": "Tcp: CurrEstab\nTcp: -1\n"},
    ],
)
def test_what_is_not_understood_is_no_zero(files: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable):
        read_totals(_tree(tmp_path, **files))


def test_a_tree_without_counters_is_a_failure(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match=r"there is no .*/net/sockstat"):
        read_totals(str(tmp_path))
