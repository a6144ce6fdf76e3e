"""The command as a process: what it writes where, and how it ends."""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pynetstat import __version__

from .command import ARGV, environment, run, start
from .schema import validate
from .trees import tree
from .waiting import wait_until

_TITLE = "Active Internet connections (servers and established)"
_PATIENCE_S = 60.0


def _rows(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.startswith(("Active ", "Proto "))]


def test_a_saved_tree_is_shown_as_netstat_shows_it() -> None:
    done = run("-tauon", "--proc-root", tree("captured"))
    assert (done.status, done.err) == (0, "")
    title, heading, *rows = done.out.splitlines()
    assert title == _TITLE
    assert heading == (
        "Proto Recv-Q Send-Q Local Address           Foreign Address         State       Timer"
    )
    assert len(rows) == 29 + 30 + 6 + 2
    assert rows[0] == (
        "tcp        0      0 127.0.0.1:8081          0.0.0.0:*               LISTEN      "
        "off (0.00/0/0)"
    )
    assert rows[14] == (
        "tcp        1  12289 127.0.0.1:8081          127.0.0.1:40008         LAST_ACK    "
        "probe (0.41/0/0)"
    )
    assert rows[26] == (
        "tcp        0      0 127.0.0.1:40005         127.0.0.1:8080          TIME_WAIT   "
        "timewait (59.66/0/0)"
    )
    assert rows[29 + 16] == (
        "tcp6       0      0 127.0.0.1:8084          127.0.0.1:59112         ESTABLISHED "
        "off (0.00/0/0)"
    )
    assert rows[29 + 30] == (
        "udp     4160      0 127.0.0.1:5353          0.0.0.0:*                           "
        "off (0.00/0/0)"
    )


def test_no_flag_at_all_is_tauon() -> None:
    root = tree("captured")
    assert run("--proc-root", root) == run("-tauon", "--proc-root", root)


def test_without_table_flags_what_this_kernel_lacks_is_no_failure() -> None:
    done = run("-an", "--proc-root", tree("unix-names"), "-x")
    assert done.status == 0
    done = run("-an4", "--proc-root", tree("ipv6-absent"))
    assert (done.status, done.err) == (0, "")
    assert len(_rows(done.out)) == 29 + 6 + 2


def test_a_table_that_was_asked_for_and_is_not_there_is_a_failure() -> None:
    done = run("-tSan4", "--proc-root", tree("ipv6-absent"))
    assert done.status == 1
    assert len(_rows(done.out)) == 29
    (line,) = done.complaints
    assert line.startswith("pynetstat: sctp: not in this kernel: ")


def test_unix_names_are_harmless_and_doubts_are_told() -> None:
    done = run("-xan", "--proc-root", tree("unix-names"))
    assert done.status == 0
    (line,) = done.complaints
    assert line.startswith("pynetstat: unix: ")
    assert line.endswith("names in /proc/net/unix can forge rows")
    assert "\\x1b[31mred" in done.out
    assert "a\\u202eb" in done.out
    assert "\\xff\\xfe\\x80raw" in done.out
    assert "trailing  \n" in done.out
    assert done.out.replace("\n", "").isprintable()


def test_broken_rows_cost_themselves_only() -> None:
    done = run("-tan4", "--proc-root", tree("broken-rows"))
    assert done.status == 0
    assert len(_rows(done.out)) == 4
    (line,) = done.complaints
    assert line.startswith("pynetstat: tcp: ")
    assert "6 rows left out, the first: not a row" in line
    assert line.isprintable()


def test_every_table_with_broken_rows_is_told() -> None:
    done = run("-tauxn", "--proc-root", tree("broken-rows"))
    assert done.status == 0
    assert [line.split()[1] for line in done.complaints if "rows left out" in line] == [
        "tcp:",
        "udp:",
        "unix:",
    ]


def test_a_tree_without_tables_is_a_failure_in_one_line(tmp_path: Path) -> None:
    done = run("-tauon", "--proc-root", str(tmp_path))
    assert done.status == 1
    assert _rows(done.out) == []
    assert len(done.complaints) == 1, done.err
    for table in ("tcp", "tcp6", "udp", "udp6"):
        assert table in done.complaints[0]


def test_one_table_that_cannot_be_read_is_a_failure_in_one_line(tmp_path: Path) -> None:
    done = run("-tan4", "--proc-root", str(tmp_path))
    assert done.status == 1
    assert done.complaints == [
        f"pynetstat: tcp: could not be read: procfs: there is no {tmp_path}/net/tcp"
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        ("--nonsense",),
        ("-Z",),
        ("--source", "magic"),
        ("--interval", "0"),
        ("--proc-root", "/none/such"),
    ],
)
def test_a_wrong_command_line_ends_with_2_and_one_line(arguments: tuple[str, ...]) -> None:
    done = run(*arguments)
    assert (done.status, done.out) == (2, "")
    assert len(done.complaints) == 1
    assert done.err.startswith("pynetstat: ")


def test_version() -> None:
    assert run("-V") == (0, f"pynetstat {__version__}\n", "")


def test_help_goes_to_stdout() -> None:
    done = run("--help")
    assert (done.status, done.err) == (0, "")
    assert "--proc-root" in done.out


@pytest.mark.parametrize("arguments", [("-tauon",), ("-tauonpe",), ("-xan",), ("-tauoc",)])
def test_a_closed_pipe_ends_quietly(arguments: tuple[str, ...]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "wb") as out:
        done = run(*arguments, "--numeric", out=out)
    assert (done.status, done.err) == (0, "")


@pytest.mark.parametrize("arguments", [("--help",), ("--version",)])
def test_a_closed_pipe_ends_quietly_even_for_help(arguments: tuple[str, ...]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "wb") as out:
        done = run(*arguments, out=out)
    assert (done.status, done.err) == (0, "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
@pytest.mark.parametrize("arguments", [("-tauon",), ("-xan",), ("-tauonc",)])
def test_a_full_disk_is_a_failure_in_one_line(arguments: tuple[str, ...]) -> None:
    with open("/dev/full", "wb") as out:
        done = run(*arguments, "--source=procfs", out=out)
    assert done.status == 1
    assert done.complaints[-1:] == ["pynetstat: can't write the output: No space left on device"]
    assert "Traceback" not in done.err
    assert "Exception ignored" not in done.err


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
@pytest.mark.parametrize("argument", ["--help", "--version"])
def test_a_full_disk_is_a_failure_even_for_help(argument: str) -> None:
    with open("/dev/full", "wb") as out:
        done = run(argument, out=out)
    assert done.status == 1
    assert done.complaints == ["pynetstat: can't write the output: No space left on device"]


@pytest.mark.parametrize("arguments", ["-tauon", "-xan", "-tauonp"])
def test_a_closed_stdout_is_a_failure_in_one_line(arguments: str) -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", 'exec "$@" >&-', "sh", *ARGV, arguments],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environment(),
        timeout=_PATIENCE_S,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == b"pynetstat: can't write the output: standard output is closed\n"


@pytest.mark.parametrize(
    "changes",
    [{"LC_ALL": "C"}, {"PYTHONIOENCODING": "latin-1"}, {"PYTHONIOENCODING": "ascii"}],
)
def test_no_encoding_is_a_failure(changes: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "net").mkdir()
    names = "naïve €名".encode() + b" \xff\xe2\x80\xae"
    heading = b"Num       RefCount Protocol Flags    Type St Inode Path\n"
    row = b"0000000000000001: 00000002 00000000 00010000 0001 01 7 " + names + b"\n"
    (tmp_path / "net" / "unix").write_bytes(heading + row)
    done = run("-xa", "--proc-root", str(tmp_path), changes=changes)
    assert done.status == 0
    (line,) = _rows(done.out)
    if "PYTHONIOENCODING" in changes:
        assert line.endswith(" \\xff\\u202e")
        assert "\\u20ac\\u540d" in line
    else:
        assert line.startswith("unix  2      [ ACC ]     STREAM     LISTENING     7        na")


def _read_until(process: subprocess.Popen[bytes], heading: bytes, times: int) -> None:
    assert process.stdout is not None
    seen = 0
    for line in process.stdout:
        seen += line.startswith(heading)
        if seen == times:
            return
    raise AssertionError(f"ended after {seen} of {times} headings: {process.communicate()}")


def test_c_repeats_until_interrupted_and_ends_quietly() -> None:
    root = tree("captured")
    process = start("-tauon", "--interval", "0.01", "--proc-root", root)
    try:
        _read_until(process, _TITLE.encode(), 4)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=_PATIENCE_S)
    finally:
        process.kill()
        process.wait()
    assert (process.returncode, err) == (130, b"")


def test_an_interrupt_while_it_sleeps_ends_quietly() -> None:
    process = start("-tan4", "--interval", "3600", "--proc-root", tree("captured"))
    try:
        _read_until(process, b"tcp ", 29)
        process.send_signal(signal.SIGINT)
        rest, err = process.communicate(timeout=_PATIENCE_S)
    finally:
        process.kill()
        process.wait()
    assert (process.returncode, rest, err) == (130, b"", b"")


def _module(folder: Path, name: str, code: str) -> dict[str, str]:
    """A module that stands before every other of its name."""
    (folder / f"{name}.py").write_text(code)
    return {"PYTHONPATH": str(folder)}


_DENYING_PSUTIL = """
class Error(Exception): pass
class AccessDenied(Error): pass
def net_connections(kind="inet"):
    raise AccessDenied()
"""


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("raise ImportError('broken build')", "psutil: it can't be imported (broken build)"),
        (_DENYING_PSUTIL, "psutil: access denied"),
    ],
)
def test_psutil_that_cannot_answer_is_replaced_by_proc(
    code: str, reason: str, tmp_path: Path
) -> None:
    changes = _module(tmp_path, "psutil", code)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        done = run("-tuan", "--source=psutil", changes=changes)
    assert done.status == 0
    (line,) = done.complaints
    assert line.startswith("pynetstat: tcp, tcp6, udp, udp6: ")
    assert reason in line
    assert line.endswith("read from procfs instead")
    assert f"tcp        0      0 127.0.0.1:{port}".ljust(44) + "0.0.0.0:*" in done.out


def test_what_psutil_does_not_tell_is_a_dash() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        done = run("-tauone", "--source=psutil")
    (row,) = (line for line in done.out.splitlines() if f"127.0.0.1:{port} " in line)
    assert row == (
        f"tcp        -      - 127.0.0.1:{port}".ljust(44)
        + "0.0.0.0:*               LISTEN      -          -          -"
    )


_LIST_MODULES = """
import sys
sys.argv[0] = "pynetstat"
from pynetstat.cli import main
status = main()
print(status, *sorted(m for m in sys.modules if "." not in m), file=sys.stderr)
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ["-tauon"],
        ["-tauonpe"],
        ["-xan"],
        [],
        ["-s"],
        ["-tanip", "--format", "json"],
        ["-tan", "--format", "csv"],
        ["-tan", "--columns", "state,rtt,cmdline"],
        ["-tan", "--group-by", "state"],
    ],
)
def test_piped_text_needs_neither_psutil_nor_rich_nor_textual(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _LIST_MODULES, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=environment(),
        timeout=_PATIENCE_S,
        check=False,
    )
    *_, last = done.stderr.decode().splitlines()
    status, *modules = last.split()
    assert status == "0"
    assert "argparse" in modules
    assert not {"psutil", "rich", "textual"} & set(modules)


def test_netstat_s_text_needs_nothing_of_what_shows_other_columns() -> None:
    listed = _LIST_MODULES.replace('if "." not in m', 'if m.startswith("pynetstat.")')
    for flags in ("-tauon", "-tauonpe"):
        done = subprocess.run(
            [sys.executable, "-c", listed, flags],
            capture_output=True,
            env=environment(),
            timeout=_PATIENCE_S,
            check=False,
        )
        status, *modules = done.stderr.decode().splitlines()[-1].split()
        assert status == "0"
        assert "pynetstat.render.netstat" in modules
        assert not {
            f"pynetstat.{name}"
            for name in ("columns", "show", "groups", "tcpinfo", "sources.tcpinfo", "render.data")
        } & set(modules)


def test_own_sockets_are_shown_with_their_program() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        done = run("-tlnp4")
    (row,) = (line for line in done.out.splitlines() if f"127.0.0.1:{port} " in line)
    assert row[79:].startswith(f"      {os.getpid()}/"[5:])
    assert len(row) == 79 + 21


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX limits")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_output_that_stops_fitting_is_a_failure(tmp_path: Path, unbuffered: str) -> None:
    code = (
        "import os, resource, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])\n"
    )
    target = tmp_path / "out"
    with target.open("wb") as out:
        done = subprocess.run(
            [sys.executable, "-c", code, *ARGV[1:], "-tan4", "--proc-root", tree("every-state")],
            stdout=out,
            stderr=subprocess.PIPE,
            env=environment({"PYTHONUNBUFFERED": unbuffered, "PYTHONDONTWRITEBYTECODE": "1"}),
            timeout=60,
            check=False,
        )
    assert target.stat().st_size == 1000
    assert done.returncode == 1
    assert done.stderr.decode() == "pynetstat: can't write the output: File too large\n"


@pytest.fixture
def wide_name() -> Iterator[str]:
    """A listening unix socket whose abstract name needs more than Latin-1."""
    name = f"pynetstat-{os.getpid()}-\u4e2d"
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind("\0" + name)
        sock.listen()
        yield name


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "utf-8"])
@pytest.mark.parametrize("form", ["plain", "rich"])
def test_a_name_that_the_encoding_lacks_is_escaped(
    wide_name: str, encoding: str, form: str
) -> None:
    done = run("-xl", "--format", form, changes={"PYTHONIOENCODING": encoding, "COLUMNS": "300"})
    assert (done.status, done.err) == (0, "")
    shown = wide_name.encode(encoding, "backslashreplace").decode("latin-1")
    assert f"@{shown}" in done.out


def test_a_closed_pipe_ends_the_rich_view_quietly_too() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "wb") as out:
        done = run("-tauon", "--format", "rich", out=out)
    assert (done.status, done.err) == (0, "")


def test_a_full_disk_is_a_failure_of_the_rich_view_too() -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("there is no /dev/full")
    with open("/dev/full", "wb") as out:
        done = run("-tauon", "--format", "rich", out=out)
    assert done.status == 1
    assert done.complaints == ["pynetstat: can't write the output: No space left on device"]


def test_psutil_leaves_unix_sockets_to_a_source_that_knows_their_state(wide_name: str) -> None:
    done = run("-xl", "--source", "psutil", changes={"PYTHONIOENCODING": "latin-1"})
    assert done.status == 0
    assert wide_name.encode("latin-1", "backslashreplace").decode() in done.out
    assert any("read from procfs instead" in line for line in done.complaints)


def test_a_wrong_command_line_is_one_also_without_standard_output() -> None:
    script = 'exec "$@" >&-'
    done = subprocess.run(
        ["/bin/sh", "-c", script, "sh", *ARGV, "--bogus"],
        capture_output=True, env=environment(), timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2


@pytest.mark.parametrize("term", ["dumb", "xterm"])
def test_the_view_is_as_wide_as_the_terminal_however_dumb(term: str) -> None:
    arguments = ("-tan", "--format=rich", "--proc-root", str(tree("every-state")))
    done = run(*arguments, changes={"TERM": term, "COLUMNS": "50"})
    assert done.status == 0
    assert max(len(line) for line in done.out.splitlines()) <= 50


def _empty_table(root: Path) -> Path:
    """A tree with a table of TCP without rows."""
    (root / "net").mkdir()
    table = root / "net" / "tcp"
    heading = (Path(tree("captured")) / "net" / "tcp").read_text().splitlines()[0]
    table.write_text(heading + "\n")
    return table


def _has_looked(process: subprocess.Popen[bytes]) -> bool:
    """Whether the process has gone to sleep far more often than a start takes."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("voluntary_ctxt_switches"))
    return int(line.split()[1]) > 30


def test_a_wait_ends_with_the_first_row(tmp_path: Path) -> None:
    table = _empty_table(tmp_path)
    with start("-tan4", "--proc-root", str(tmp_path), "--wait", "60") as process:
        wait_until(lambda: _has_looked(process), "look")
        rows = (Path(tree("captured")) / "net" / "tcp").read_text()
        (tmp_path / "new").write_text("\n".join(rows.splitlines()[:2]) + "\n")
        (tmp_path / "new").rename(table)
        out, err = process.communicate(timeout=_PATIENCE_S)
    assert (process.returncode, err) == (0, b"")
    assert len(out.splitlines()) == 3


@pytest.mark.parametrize("quiet", [(), ("-q",)])
def test_a_wait_can_be_interrupted(tmp_path: Path, quiet: tuple[str, ...]) -> None:
    _empty_table(tmp_path)
    with start("-tan4", "--proc-root", str(tmp_path), "--wait", "60", *quiet) as process:
        wait_until(lambda: _has_looked(process), "look")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=_PATIENCE_S)
    assert (process.returncode, out, err) == (130, b"", b"")


def test_what_was_waited_for_is_there_whatever_else_is_missing(tmp_path: Path) -> None:
    (tmp_path / "net").mkdir()
    (tmp_path / "net/tcp").write_bytes(Path("/proc/net/tcp").read_bytes().splitlines(True)[0] + (
        b"   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000"
        b"        0 77 1 0 100 0 0 10 0\n"
    ))  # fmt: skip
    arguments = ("-tuln4", "--proc-root", str(tmp_path))
    assert run(*arguments).status == 1
    done = run(*arguments, "--wait", "0", "sport = :8080")
    assert (done.status, ":8080" in done.out) == (0, True)
    with open("/dev/full", "wb") as full:
        done = run(*arguments, "--wait", "0", "sport = :8080", out=full)
    assert done.status == 3


def test_quiet_needs_no_standard_output(tmp_path: Path) -> None:
    _empty_table(tmp_path)
    for root, status in ((str(tmp_path), 1), (tree("captured"), 0), ("/", 3)):
        argv = " ".join(shlex.quote(word) for word in [*ARGV, "-qtan4", "--proc-root", root])
        done = subprocess.run(
            ["/bin/sh", "-c", f"exec {argv} >&-"], stderr=subprocess.PIPE, check=False
        )
        assert done.returncode == status
        assert bool(done.stderr) is (status == 3)


@pytest.mark.parametrize("output", ["json", "jsonl", "csv"])
def test_data_that_cannot_be_read_is_no_empty_document(tmp_path: Path, output: str) -> None:
    done = run("-tan4", "--proc-root", str(tmp_path), "--format", output)
    assert done.status == 1
    assert len(done.complaints) == 1
    if output == "json":
        assert '"complete":false' in done.out
        assert '"kind":"unread"' in done.out


@pytest.mark.parametrize("output", ["json", "jsonl", "csv", "plain"])
def test_a_full_disk_is_a_failure_in_every_format(output: str) -> None:
    with open("/dev/full", "wb") as full:
        done = run("-tan", "--proc-root", tree("captured"), "--format", output, out=full)
    assert done.status == 1
    assert "can't write the output" in done.err


@pytest.mark.parametrize("flags", [("-i",), ("--columns", "rtt"), ("--sort", "cwnd")])
@pytest.mark.parametrize("where", ["procfs", "psutil", "tree"])
def test_a_source_without_tcp_s_figures_says_so_once(flags: tuple[str, ...], where: str) -> None:
    source = ("--proc-root", tree("captured")) if where == "tree" else ("--source", where)
    done = run("-tuan4", *flags, *source)
    told = "psutil" if where == "psutil" else "procfs"
    assert done.status == 0
    assert done.complaints == [
        f"pynetstat: tcp: {told} can't tell TCP's own figures, only sock_diag can"
    ]


def test_figures_that_are_not_asked_for_are_not_missed() -> None:
    done = run("-tuan4", "--source", "procfs")
    assert (done.status, done.err) == (0, "")
    assert run("-uan4", "-i", "--source", "procfs").err == ""


def test_documents_say_that_figures_are_missing() -> None:
    done = run("-tan4", "-i", "--proc-root", tree("captured"), "--format", "json")
    document = json.loads(done.out)
    validate(document, "document")
    assert [gap["kind"] for gap in document["gaps"]] == ["figures"]
    assert document["complete"] is True


def test_the_summary_of_a_tree_without_counters_is_a_failure(tmp_path: Path) -> None:
    done = run("-s", "--proc-root", str(tmp_path))
    assert (done.status, done.out) == (1, "")
    assert done.complaints == [f"pynetstat: procfs: there is no {tmp_path}/net/sockstat"]
