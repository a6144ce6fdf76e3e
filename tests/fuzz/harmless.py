"""What must hold of every text that is shown, and of every error that is raised."""

from __future__ import annotations

import re

from pynetstat.errors import FilterError, ParseError

_SGR = re.compile(r"\x1b\[[0-9;]*m")


def check_line(line: str) -> None:
    """One line for a terminal: no control, escape, bidi or other unprintable character."""
    assert line.isprintable(), ascii(line)


def check_lines(text: str) -> list[str]:
    """The lines of a text that ends with a line end, each of them harmless."""
    assert text.endswith("\n") or not text, ascii(text[-80:])
    lines = text.split("\n")[:-1]
    for line in lines:
        check_line(line)
    return lines


def without_colours(text: str) -> str:
    """A coloured text without the sequences that a view makes for its colours."""
    return _SGR.sub("", text)


def check_parse_error(error: ParseError) -> None:
    """Its text can stand in a message: short, one line, ASCII."""
    text = str(error)
    check_line(text)
    assert text.isascii(), ascii(text)
    assert len(text) < 200, ascii(text)


def check_filter_error(error: FilterError, text: str) -> None:
    """It points into the text, on one line and on the two of its pointer."""
    assert error.text == text
    assert 0 <= error.position <= len(error.text)
    check_line(str(error))
    check_line(error.expected)
    shown, caret = error.pointer.split("\n")
    check_line(shown)
    assert re.fullmatch(r" *\^", caret), ascii(caret)
    assert len(caret) <= len(shown) + 1
