"""The /proc source on whole trees: what it answers, and when it says that it can't."""

from __future__ import annotations

from pathlib import Path

import pytest

from pynetstat.errors import ProtocolAbsent, SourceUnavailable
from pynetstat.query import Query, Show
from pynetstat.records import Proto
from pynetstat.sources import Notes
from pynetstat.sources.procfs import ProcFs

from .trees import read_root, read_tree, read_unix_tree, table_text, tree

_V4 = (Proto.TCP, Proto.UDP, Proto.RAW)


def _ask(root: str | Path, proto: Proto) -> int:
    source = ProcFs(str(root))
    if proto is Proto.UNIX:
        return len(source.read_unix(Notes()))
    return sum(len(batch) for batch in source.read(proto, Query(), Notes()))


@pytest.mark.parametrize("proto", [*Proto])
def test_a_tree_that_is_not_there_is_no_empty_table(proto: Proto, tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable) as caught:
        _ask(tmp_path / "none", proto)
    assert not isinstance(caught.value, ProtocolAbsent)


@pytest.mark.parametrize("proto", [Proto.UDPLITE, Proto.UDPLITE6, Proto.SCTP, Proto.SCTP6])
def test_a_protocol_this_kernel_lacks_is_absent(proto: Proto) -> None:
    with pytest.raises(ProtocolAbsent, match=r"there is no .*/net/"):
        _ask(tree("ipv6-absent"), proto)


def test_without_ipv6_the_ipv4_tables_still_answer() -> None:
    assert [len(read_tree("ipv6-absent", proto)[0]) for proto in _V4] == [29, 6, 2]


@pytest.mark.parametrize("proto", [Proto.TCP6, Proto.UDP6])
def test_without_either_family_the_ipv6_table_is_not_empty_but_unread(
    proto: Proto, tmp_path: Path
) -> None:
    (tmp_path / "net").mkdir()
    with pytest.raises(SourceUnavailable):
        _ask(tmp_path, proto)


@pytest.mark.parametrize("proto", [Proto.TCP, Proto.TCP6, Proto.UDP, Proto.RAW])
def test_a_file_without_even_a_heading_is_no_empty_table(proto: Proto, tmp_path: Path) -> None:
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / proto).touch()
    with pytest.raises(SourceUnavailable):
        _ask(tmp_path, proto)


def test_a_unix_file_without_even_a_heading_is_no_empty_table(tmp_path: Path) -> None:
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "unix").touch()
    with pytest.raises(SourceUnavailable):
        ProcFs(str(tmp_path)).read_unix(Notes())


@pytest.mark.parametrize("proto", [Proto.TCP, Proto.TCP6, Proto.UDPLITE, Proto.SCTP])
def test_a_table_that_cannot_be_read_is_unavailable(proto: Proto, tmp_path: Path) -> None:
    (tmp_path / "net" / proto).mkdir(parents=True)
    (tmp_path / "net" / "sctp" / "eps").mkdir(parents=True, exist_ok=True)
    with pytest.raises(SourceUnavailable, match="Is a directory") as caught:
        _ask(tmp_path, proto)
    assert not isinstance(caught.value, ProtocolAbsent)


def test_mptcp_has_no_proc_table() -> None:
    for proto in (Proto.MPTCP, Proto.MPTCP6):
        with pytest.raises(SourceUnavailable, match="procfs"):
            _ask(tree("captured"), proto)


def test_proc_mounted_with_processes_only() -> None:
    for proto in (Proto.TCP, Proto.UDP):
        assert read_tree("subset-pid", proto)[0] == read_tree("captured", proto)[0]
    with pytest.raises(ProtocolAbsent):
        _ask(tree("subset-pid"), Proto.UDPLITE)


def test_all_rows_come_whatever_is_to_be_shown() -> None:
    counts = {
        sum(map(len, ProcFs(tree("captured")).read(Proto.TCP, Query(show=show), Notes())))
        for show in Show
    }
    assert counts == {29}


def test_a_long_table_comes_in_batches_without_loss(tmp_path: Path) -> None:
    heading, line = table_text("big-numbers", "tcp").splitlines()
    rows = [line.replace("4294967295", str(inode)) for inode in range(1, 2001)]
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "tcp").write_text("\n".join((heading, *rows, "")))
    batches = list(ProcFs(str(tmp_path)).read(Proto.TCP, Query(), Notes()))
    assert len(batches) > 1
    inodes = [record.inode for batch in batches for record in batch]
    assert inodes == list(range(1, 2001))


def test_a_udp_table_of_several_reads_has_each_row_once(tmp_path: Path) -> None:
    _long_udp_table(tmp_path)
    records, notes = read_root(str(tmp_path), Proto.UDP)
    assert [record.inode for record in records] == list(range(1, 20_001))
    assert notes.bad_rows == 0


def test_a_broken_row_of_a_udp_table_of_several_reads_counts_once(tmp_path: Path) -> None:
    table = _long_udp_table(tmp_path)
    with table.open("a") as file:
        file.write("not a row\n")
    records, notes = read_root(str(tmp_path), Proto.UDP)
    assert (len(records), notes.bad_rows) == (20_000, 1)


def _long_udp_table(root: Path) -> Path:
    heading, line, *_ = table_text("captured", "udp").splitlines()
    rows = [line.replace("842645", str(inode)) for inode in range(1, 20_001)]
    (root / "net").mkdir()
    table = root / "net" / "udp"
    table.write_text("\n".join((heading, *rows, "")))
    assert table.stat().st_size > 1 << 20
    return table


def test_unix_names_need_not_be_text() -> None:
    records, _ = read_unix_tree("unix-names")
    assert b"\xff\xfe\x80raw" in [record.path for record in records]
