"""Names that forge rows, move the cursor or turn the text around."""

from __future__ import annotations

import unicodedata
from collections import Counter
from pathlib import Path

import pytest

from .look import look_at_unix
from .namespace import Namespace
from .unix_names import FORGED, hostile_names


@pytest.fixture
def names(namespace: Namespace, tmp_path: Path) -> set[bytes]:
    """The names that are bound in the namespace."""
    found: set[bytes] = namespace.hold(hostile_names, str(tmp_path))
    return found


@pytest.mark.parametrize("source", ["auto", "sockdiag"])
def test_names_are_exact_and_no_row_is_forged(
    namespace: Namespace, names: set[bytes], source: str
) -> None:
    rows = namespace.call(look_at_unix, source)
    assert Counter(row.path for row in rows) == Counter(names)
    assert all(row.trusted for row in rows)
    assert len({row.inode for row in rows}) == len(names)


def test_a_path_and_an_abstract_name_are_told_apart(
    namespace: Namespace, names: set[bytes]
) -> None:
    assert {b"@x", b"\0x"} <= names
    paths = [row.path for row in namespace.call(look_at_unix, "auto")]
    assert paths.count(b"@x") == paths.count(b"\0x") == 1


def test_rows_of_proc_below_a_name_are_untrusted(namespace: Namespace, names: set[bytes]) -> None:
    rows = namespace.call(look_at_unix, "procfs")
    first_named = next(number for number, row in enumerate(rows) if row.path)
    assert all(row.trusted for row in rows[: first_named + 1])
    assert not any(row.trusted for row in rows[first_named + 1 :])
    forged = [row for row in rows if row.path == FORGED.encode()]
    real = [row.path for row in namespace.call(look_at_unix, "sockdiag")]
    assert FORGED.encode() not in real
    assert [row.trusted for row in forged] == [False]
    assert len(names) == len(real)


def test_the_forged_row_is_doubted_on_stderr(namespace: Namespace, names: set[bytes]) -> None:
    assert names
    done = namespace.pynetstat("-xan", "--source", "procfs", "--format", "plain")
    assert done.code == 0
    assert "names in /proc/net/unix can forge rows" in done.complaint


@pytest.mark.parametrize("flags", ["-xan", "-xanp", "-xaneo"])
@pytest.mark.parametrize("source", ["auto", "procfs"])
def test_output_has_no_character_that_acts(
    namespace: Namespace, names: set[bytes], source: str, flags: str
) -> None:
    done = namespace.pynetstat(flags, "--source", source, "--format", "plain")
    assert done.code == 0
    for stream in (done.text, done.complaint):
        acting = {char for char in stream.replace("\n", "") if _acts(char)}
        assert acting == set()
    if source == "auto":
        assert len(done.text.splitlines()) == 2 + len(names)
        assert not any(line.endswith(f" {FORGED}") and "4242 /" not in line
                       for line in done.text.splitlines())  # fmt: skip
        assert "\\x0a0000000000000000: 00000002" in done.text
        assert "\\x1b[31mred\\x1b[0m" in done.text
        assert "\\u202etxt.exe" in done.text
        assert "\\xff\\xfe" in done.text


def _acts(char: str) -> bool:
    """Whether a terminal may obey the character: control, format (bidi), line separators."""
    return unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp", "Co", "Cn")
