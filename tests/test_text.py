"""Foreign text on its way to a terminal."""

from __future__ import annotations

import os

import pytest

from pynetstat.text import printable, unix_name


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("plain [bold]text[/bold] {0} 100%", "plain [bold]text[/bold] {0} 100%"),
        ("naïve 名前 ✓", "naïve 名前 ✓"),
        ("back\\slash", "back\\slash"),
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("a\nb\r\tc\0d\x7fe", "a\\x0ab\\x0d\\x09c\\x00d\\x7fe"),
        ("\x9b31m\x85", "\\x9b31m\\x85"),
        ("a\u202eb\u2066c\u200fd", "a\\u202eb\\u2066c\\u200fd"),
        ("\u2028\u2029\ufeff\u00ad", "\\u2028\\u2029\\ufeff\\xad"),
        ("\udcff\udc80", "\\xff\\x80"),
        ("\ud800\udfff", "\\ud800\\udfff"),
        ("\U000e0001\U0010ffff", "\\U000e0001\\U0010ffff"),
        ("no\u00a0break", "no\\xa0break"),
    ],
)
def test_printable(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_undecodable_bytes_show_as_bytes() -> None:
    assert printable(os.fsdecode(b"caf\xe9 \xf0\x9f")) == "caf\\xe9 \\xf0\\x9f"


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        (b"", ""),
        (b"/run/x", "/run/x"),
        (b"\0abstract\0two", "@abstract@two"),
        (b"\xff\xfe\x1b[0m", "\\xff\\xfe\\x1b[0m"),
        ("a\u202eb ".encode(), "a\\u202eb "),
    ],
)
def test_names_of_unix_sockets(path: bytes, shown: str) -> None:
    assert printable(unix_name(path)) == shown
