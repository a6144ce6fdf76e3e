"""Texts from outside in the rest: cgroups, mounts, words of the manual page, --kill's tables."""

from __future__ import annotations

import io
import os
import re
import struct

from pynetstat.command.kill import kill
from pynetstat.command.output import Output
from pynetstat.containers import find_container
from pynetstat.netns import mounted_namespaces
from pynetstat.shell.man import page
from pynetstat.shell.vocabulary import Flag, Heading, Kind, Vocabulary
from pynetstat.sources.netlink import NLMSG_ERROR
from pynetstat.text import printable
from tests.fake_kernel import FakeKernel, Packet
from tests.fuzz.choices import Choices
from tests.fuzz.harmless import check_lines
from tests.fuzz.rows import all_rows, some_snapshot
from tests.messages import message

_LONGEST = 60
_ENGINES = ("docker", "podman", "containerd", "cri-o", "kubernetes", "container", "lxc", "nspawn")
_REQUEST = re.compile(r"\.(TH|SH|SS|TP|PP|RS|RE|BR|nh|br|nf|fi|\\\")( |$)")
_ESCAPES = {"e": "\\", "-": "-", "&": "", "(aq": "'", "(ga": "`", "(ha": "^", "(ti": "~"}
_ESCAPE = re.compile(r"\\(?:(e|-|&|\(aq|\(ga|\(ha|\(ti)|f[BIR])")

SHARE = 0.5
WORDS = (
    *("a" * 64, "/docker/", "lxc.payload.", "machine-", ".scope", "\\x2d", "0::/", "docker-"),
    *("22 1 0:4 net:[4026531840] ", "/run/netns/a\\040b", "\\134", "\\777", "\x1c", "\u2028"),
    *(".TH x", "'br", "\\fB", "\\", "\n.", "-", "~"),
)


def check(data: bytes) -> None:
    """Each kind of input by itself; the first byte says which."""
    choices = Choices(data)
    choices.one_of((_check_cgroups, _check_mounts, _check_page, _check_kill))(choices)


def _check_cgroups(choices: Choices) -> None:
    """A container has its name from one whole part of a path."""
    text = choices.rest().decode("utf-8", "surrogateescape")
    found = find_container(text)
    if found is None:
        return
    assert found.engine in _ENGINES
    assert found.id
    parts = [part for line in text.split("\n") for part in line.split(":", 2)[-1].split("/")]
    if found.engine == "lxc":
        assert found.id in parts or f"lxc.payload.{found.id}" in parts
    elif found.engine == "nspawn":
        plain = [part.replace("\\x2d", "-") for part in parts]
        wrapped = (f"machine-{found.id}.scope", f"systemd-nspawn@{found.id}.service")
        assert any(each in plain for each in wrapped)
    else:
        assert re.fullmatch("[0-9a-f]{12}", found.id)
        assert any(re.search(rf"{found.id}[0-9a-f]{{52}}(\.scope)?\Z", part) for part in parts)


def _check_mounts(choices: Choices) -> None:
    """A namespace is told of by a line that has its number where the root of the mount is."""
    text = choices.rest()
    for inode, place in mounted_namespaces(text):
        assert re.search(rb" net:\[0*%d\] " % inode, text)
        assert os.fsencode(place) in text or b"\\" in text


def _check_page(choices: Choices) -> None:
    """Words with all that roff takes for something else stay text, and can be read again."""
    words = [" ".join(printable(choices.text(_LONGEST)).split()) or "x" for _ in range(6)]
    name, about, metavar, choice, column, topic = words
    kind = choices.one_of(list(Kind))
    flag = Flag((name,), about, kind, metavar, (choice,), choices.yes(), choices.yes())
    vocabulary = Vocabulary(
        about, (Heading("Flags", (flag,)),), {column: about}, {"state": (choice,)}, (topic,)
    )
    text = page(vocabulary)
    lines = check_lines(text)
    for line in lines:
        assert not line.startswith("'")
        assert not line.startswith(".") or _REQUEST.match(line), ascii(line)
    shown = "".join(_ESCAPE.sub(_unescaped, text).split())
    for word in (name, about, metavar, choice, column):
        assert "".join(word.split()) in shown, (word, lines)


def _unescaped(match: re.Match[str]) -> str:
    return _ESCAPES.get(match[1] or "&", "")


def _check_kill(choices: Choices) -> None:
    """Every socket is accounted for on one line, whatever the kernel says."""
    code = choices.one_of([0, -2, -1, -95, -22, -4095, -4096, -(2**31), 5])
    netns = choices.yes()
    rows = all_rows(some_snapshot(choices))

    def answer(request: bytes) -> list[Packet]:
        (sequence,) = struct.unpack_from("=8xI", request)
        body = struct.pack("=i", code) + bytes(16)
        return [Packet(message(body, NLMSG_ERROR, sequence))]

    kernel = FakeKernel(answer)
    written = io.BytesIO()
    kill(rows, {None: kernel}, Output(written, "utf-8"), ask=False, netns=netns)
    lines = check_lines(written.getvalue().decode())
    assert len(lines) == (len(rows) + 2 if rows else 1)
    assert kernel.all_closed
