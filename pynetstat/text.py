"""Text from outside (names, paths, hosts), made harmless for a terminal. Pure."""

from __future__ import annotations


def printable(text: str) -> str:
    """``text`` with every control, escape, bidi and undecodable character written out.

    Undecodable bytes arrive as lone surrogates (os.fsdecode) and show as ``\\xNN``. A
    backslash stays as it is.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escape(ord(char)) for char in text)


def _escape(code: int) -> str:
    if 0xDC80 <= code <= 0xDCFF:
        code -= 0xDC00
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def unix_name(path: bytes) -> str:
    """A unix socket's name as text: NUL as ``@``, undecodable bytes as lone surrogates."""
    return path.replace(b"\0", b"@").decode("utf-8", "surrogateescape")
