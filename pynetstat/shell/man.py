"""The manual page in roff's man macros (man(7)). Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from pynetstat import __version__
from pynetstat.cli import INTERRUPTED, NO_MATCH, OK, UNANSWERED, UNANSWERED_MATCH
from pynetstat.command.flags import USAGE_ERROR
from pynetstat.shell.vocabulary import Flag, Vocabulary

_DATE = "2026-11-24"
"""Of the last change to the text of this module."""

_WIDTH = 78

_DESCRIPTION = (
    "pynetstat shows the sockets of this machine: netstat's flags, ss's filters, and an "
    "explanation where one is wanted. Into a pipe or a file it writes netstat's text byte for "
    "byte; on a terminal a view for people.",
    "Rows come from the kernel's own tables: sock_diag over netlink first, then /proc/net, then "
    "the library psutil, for each protocol on its own. What a source can't tell is shown as -, "
    "never as 0. A table that can't be read is an error, never an empty table.",
    "Short flags may be written together: -tulpn. Without any flag the view is that of -tauon.",
)

_CONDITIONS = {
    "state": ("state NAME", "the socket is in that state"),
    "exclude": ("exclude NAME", "it is not"),
    "sport": ("sport OP PORT", "the local port compares so; a number, :80, or a service's name"),
    "dport": ("dport OP PORT", "the remote port compares so"),
    "src": ("src HOST[:PORT]", "the local address is that, or in that prefix"),
    "dst": ("dst HOST[:PORT]", "the remote address is that, or in that prefix"),
    "dev": ("dev NAME", "the socket is bound to that interface"),
    "proto": ("proto = TABLE", "the row is of that table"),
    "process": ("process = NAME, process ~ REGEX", "a process so called holds it"),
    "pid": ("pid = N", "that process holds it"),
    "user": ("user = NAME", "it belongs to that user"),
    "inode": ("inode = N", "it has that inode"),
    "path": ("path = NAME, path ~ REGEX", "a unix socket is so called"),
    "recv-q": ("recv-q OP N", "the receive queue compares so"),
    "send-q": ("send-q OP N", "the send queue compares so"),
    "timer": ("timer = KIND", "that timer runs"),
}
"""What is said of each condition; one without an entry can't be left out by mistake."""

_FILTERS = (
    "Words behind the flags, or the EXPR of -f, choose rows. Conditions are joined by and, or and "
    "not, and grouped by ( and ); side by side they mean and. As in ss there is no precedence: "
    "a or b and c is read from left to right. OP is =, !=, <, <=, > or >=. Quote what the shell "
    "has a use of its own for.",
)

_STATUSES = {
    str(OK): "The question was answered.",
    str(UNANSWERED): "It could not be answered; a line on standard error says why.",
    str(USAGE_ERROR): "The command line is wrong.",
    f"{OK}, {NO_MATCH}, {UNANSWERED_MATCH}": "With -q or --wait: a socket matches, none does, "
    "that could not be answered.",
    str(INTERRUPTED): "Ctrl-C ended it.",
}

_ENVIRONMENT = {
    "NO_COLOR": "The view for people has no colours.",
    "COLUMNS": "The width of the view for people where it does not go to a terminal.",
}

_FILES = {
    "/proc/net/tcp, tcp6, udp, udp6, ...": "The tables, where sock_diag can't answer.",
    "/proc/net/sockstat, /proc/net/sockstat6, /proc/net/snmp": "The counts of -s.",
    "/proc/PID/fd": "Who holds a socket.",
    "/proc/sys/net/ipv4/ip_local_port_range": "For --explain: how many ephemeral ports there are.",
    "/etc/services": "Names of ports.",
}

EXAMPLES = {
    "Which programs listen on TCP or wait on UDP?": "pynetstat -tulpn",
    "Who holds port 8080?": "pynetstat -tlnp sport = :8080",
    "Which connections go to one host?": "pynetstat -tan dst 192.0.2.7",
    "How many are there in each state?": "pynetstat -tan --group-by state",
    "What has process 812 open?": "pynetstat -tuanp pid = 812",
    "Which queues are not empty?": "pynetstat -tan recv-q '>' 0 or send-q '>' 0",
    "Which connections send again?": "pynetstat -tano timer = on",
    "Wait until port 8080 listens": "pynetstat -qtln --wait 30 sport = :8080",
    "The rows for a program": "pynetstat -tanp --format json",
    "What does a state mean?": "pynetstat --explain CLOSE_WAIT",
}
"""Questions and the commands that answer them."""

_SEE_ALSO = ("netstat(8)", "ss(8)", "lsof(8)", "proc(5)", "sock_diag(7)", "tcp(7)", "unix(7)")


def page(vocabulary: Vocabulary) -> str:
    """The text of pynetstat.1."""
    return "".join(f"{line}\n" for line in _lines(vocabulary))


def _lines(vocabulary: Vocabulary) -> Iterator[str]:
    yield r".\" Written by python -m pynetstat.shell"
    yield f'.TH PYNETSTAT 1 "{_DATE}" "pynetstat {__version__}" "User Commands"'
    yield ".nh"  # a name that is cut at a line's end can't be pasted
    yield ".SH NAME"
    yield r"pynetstat \- show sockets, their states, timers and owners"
    yield ".SH SYNOPSIS"
    yield r"\fBpynetstat\fR [\fIFLAGS\fR] [\fIFILTER\fR ...]"
    yield ".br"
    yield r"\fBpynetstat \-\-explain\fR \fITOPIC\fR"
    yield ".SH DESCRIPTION"
    yield from _paragraphs(*_DESCRIPTION)
    yield ".SH OPTIONS"
    for heading in vocabulary.headings:
        yield f".SS {_escaped(heading.title[0].upper() + heading.title[1:])}"
        for flag in heading.flags:
            yield from _item(_spellings(flag), flag.about)
    yield ".SH COLUMNS"
    yield from _paragraphs("The columns that --columns and --sort know.")
    yield from _items(vocabulary.columns)
    yield ".SH FILTERS"
    yield from _paragraphs(*_FILTERS)
    for name, words in vocabulary.conditions.items():
        written, meaning = _CONDITIONS[name]
        known = f": {', '.join(words)}" if words and name != "exclude" else ""
        yield from _item(_bold(written), meaning + known)
    yield ".SH EXIT STATUS"
    yield from _items(_STATUSES)
    yield ".SH ENVIRONMENT"
    yield from _items(_ENVIRONMENT)
    yield ".SH FILES"
    yield from _items(_FILES)
    yield ".SH EXAMPLES"
    for number, (question, command) in enumerate(EXAMPLES.items()):
        if number:
            yield ".PP"
        yield from _filled(question)
        yield from (".PP", ".RS 4", ".nf", _line_start(_bold(command)), ".fi", ".RE")
    yield ".SH SEE ALSO"
    for name in _SEE_ALSO:
        title, _, section = name.partition("(")
        comma = "" if name == _SEE_ALSO[-1] else ","
        yield f".BR {_escaped(title)} ({section}{comma}"


def _spellings(flag: Flag) -> str:
    value = flag.metavar or "|".join(flag.choices)
    names = ", ".join(map(_bold, flag.names))
    if not value:
        return names
    placed = rf"\fI{_escaped(value)}\fR" if flag.metavar else _escaped(value)
    return f"{names}[={placed}]" if flag.optional else f"{names} {placed}"


def _items(items: dict[str, str]) -> Iterator[str]:
    for name, about in items.items():
        yield from _item(_bold(name), about)


def _item(label: str, about: str) -> Iterator[str]:
    yield ".TP"
    yield _line_start(label)
    yield from _filled(about)


def _paragraphs(*texts: str) -> Iterator[str]:
    for number, text in enumerate(texts):
        if number:
            yield ".PP"
        yield from _filled(text)


def _filled(text: str) -> Iterator[str]:
    """The text in lines of a moderate length, each of which is text to roff."""
    escaped = _escaped(text)
    for line in textwrap.wrap(escaped, _WIDTH, break_long_words=False, break_on_hyphens=False):
        yield _line_start(line)


def _bold(text: str) -> str:
    return rf"\fB{_escaped(text)}\fR"


def _line_start(line: str) -> str:
    """A line that begins with ``.`` or ``'`` would be a request."""
    return rf"\&{line}" if line.startswith((".", "'", r"\(aq")) else line


def _escaped(text: str) -> str:
    """The text as it stands, also for someone who pastes it: a hyphen stays a hyphen-minus."""
    for char, escape in (
        ("\\", r"\e"),
        ("-", r"\-"),
        ("'", r"\(aq"),
        ("`", r"\(ga"),
        ("^", r"\(ha"),
        ("~", r"\(ti"),
    ):
        text = text.replace(char, escape)
    return text
