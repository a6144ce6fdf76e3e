"""-E as its users run it: what it writes while things happen, and how it ends."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from pynetstat.errors import SourceUnavailable
from pynetstat.history.transition import Event, Loss, Totals
from pynetstat.records import Addr, Owner, Proto, TcpState
from pynetstat.render.events import event_line, json_head, json_line
from pynetstat.sources.tracefs import Trace

from .command import run, start
from .live.users import NOBODY, environment, python_for
from .schema import validate
from .test_tracefs import instances
from .waiting import wait_until

_PATIENCE_S = 60.0
_EVENT = Event(
    1.5, Proto.TCP6, Addr("::ffff:10.0.0.1", 80), Addr("::ffff:10.0.0.2", 4000), 7,
    TcpState.LAST_ACK, None, 0.25, 9, 1000, (Owner(5, 3, "a\x1b[31m"), Owner(5, 4, "a\x1b[31m")),
    Totals(10, 20, 3, 4, 0), True,
)  # fmt: skip


@contextmanager
def _running(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    process = start("-E", *arguments)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        process.stderr.close()


def _read_json(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    assert process.stdout is not None
    value = json.loads(process.stdout.readline())
    assert isinstance(value, dict)
    return value


def _connect_and_close() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = int(server.getsockname()[1])
        client = socket.create_connection(server.getsockname())
        accepted, _ = server.accept()
        client.close()
        accepted.close()
    return port


def test_a_line_says_all_that_is_known() -> None:
    assert event_line(_EVENT)[16:] == (
        "tcp6 10.0.0.1:80             10.0.0.2:4000              LAST_ACK -> gone        "
        "after 250ms 5/a\\x1b[31m bytes_acked 10 bytes_received 20 (inferred)\n"
    )
    least = Event(1.5, Proto.UDP, Addr("::", 5), Addr("::", 0), None, None, TcpState.CLOSE)
    assert event_line(least)[16:] == (
        "udp  :::5                    :::*                              ? -> UNCONNECTED\n"
    )


def test_json_says_the_same() -> None:
    value = json.loads(json_line(_EVENT))
    validate(value, "event")
    assert value == {
        "type": "event", "at": 1.5, "proto": "tcp6",
        "local": {"ip": "::ffff:10.0.0.1", "port": 80},
        "remote": {"ip": "::ffff:10.0.0.2", "port": 4000},
        "cookie": 7, "inode": 9, "uid": 1000, "old": "LAST_ACK", "new": None, "seconds": 0.25,
        "owners": [{"pid": 5, "fd": fd, "name": "a\\x1b[31m"} for fd in (3, 4)],
        "totals": {"bytes_acked": 10, "bytes_received": 20, "segs_out": 3, "segs_in": 4,
                   "retransmits": 0},
        "inferred": True,
    }  # fmt: skip
    unknown = json.loads(json_line(_EVENT._replace(owners=(Owner(5, -1, "a"),), totals=None)))
    assert (unknown["owners"], unknown["totals"]) == ([{"pid": 5, "fd": None, "name": "a"}], None)
    validate(unknown, "event")
    loss = json.loads(json_line(Loss(1.0, None, "some lost\n")))
    validate(loss, "loss")
    assert loss == {"type": "loss", "at": 1.0, "lost": None, "why": "some lost\\x0a"}
    validate(json.loads(json_head("destroy", ["no"])), "event_start")
    assert json.loads(json_head("destroy", ["no"])) == {
        "type": "start", "format": 1, "source": "destroy", "refusals": ["no"],
    }  # fmt: skip


def test_events_are_printed_while_they_happen_until_interrupted() -> None:
    with _running("-t", "--source", "destroy", "--format", "jsonl") as process:
        head = _read_json(process)
        assert head == {"type": "start", "format": 1, "source": "destroy", "refusals": []}
        port = _connect_and_close()
        found: list[dict[str, Any]] = []
        while sum(event["new"] is None for event in found) < 2:
            event = _read_json(process)
            if event["type"] == "event" and event["local"]["port"] == port:
                found.append(event)
        process.send_signal(signal.SIGINT)
        _, complaints = process.communicate(timeout=_PATIENCE_S)
    assert (process.returncode, complaints) == (130, b"")


def test_plain_lines_are_flushed_one_by_one() -> None:
    with _running("-t4", "--source", "destroy") as process:
        assert process.stdout is not None
        out, ports = process.stdout, set()

        def something_came() -> bool:
            # It listens some time after it has started.
            ports.add(_connect_and_close())
            return bool(select.select([out], [], [], 0.01)[0])

        wait_until(something_came, "line")
        ports.add(_connect_and_close())
        wanted = [f"127.0.0.1:{port} ".encode() for port in ports]
        for line in out:
            if b" -> gone" in line and any(end in line for end in wanted):
                break
        process.terminate()
        process.communicate(timeout=_PATIENCE_S)
    assert process.returncode == 128 + signal.SIGTERM


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_removes_the_tracing_instance(number: signal.Signals) -> None:
    try:
        Trace().close()
    except SourceUnavailable as refusal:
        pytest.skip(str(refusal))

    with _running("--source", "tracefs", "--format", "jsonl") as process:
        assert _read_json(process)["source"] == "tracefs"
        mine = f"pynetstat-{process.pid}-"
        with instances() as folder:
            assert [name for name in os.listdir(folder) if name.startswith(mine)]
        process.send_signal(number)
        _, complaints = process.communicate(timeout=_PATIENCE_S)
        with instances() as folder:
            assert not [name for name in os.listdir(folder) if name.startswith(mine)]
    expected = 130 if number == signal.SIGINT else 128 + number
    assert (process.returncode, complaints) == (expected, b"")


def test_what_a_killed_process_left_behind_is_removed_by_the_next() -> None:
    try:
        Trace().close()
    except SourceUnavailable as refusal:
        pytest.skip(str(refusal))

    with _running("--source", "tracefs", "--format", "jsonl") as process:
        _read_json(process)
        process.kill()
        process.wait()
    mine = f"pynetstat-{process.pid}-"
    Trace().close()
    with instances() as folder:
        assert not [name for name in os.listdir(folder) if name.startswith(mine)]


def test_a_reader_that_has_gone_ends_it_quietly_though_nothing_happens() -> None:
    with _running("-u6", "--source", "destroy", "--format", "jsonl") as process:
        _read_json(process)
        assert process.stdout is not None
        process.stdout.close()
        wait_until(lambda: process.poll() is not None, "end")
        assert process.stderr is not None
        assert (process.returncode, process.stderr.read()) == (0, b"")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
def test_a_full_disk_is_a_failure() -> None:
    with open("/dev/full", "wb") as out:
        done = run("-E", "--source", "destroy", "--format", "jsonl", out=out)
    assert done.status == 1
    assert done.complaints == ["pynetstat: can't write the output: No space left on device"]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("-Ex",), "TCP and UDP sockets only"),
        (("-ESt",), "TCP and UDP sockets only"),
        (("-E", "--source", "procfs"), "tells of no events"),
        (("-E", "--proc-root", "/"), "nothing happens in a saved tree"),
        (("-E", "--format", "rich"), "plain or jsonl"),
        (("-t", "--source", "tracefs"), "needs -E"),
        (("-E", "--format", "csv"), "plain or jsonl"),
        (("-Ei",), "transitions, not rows"),
        (("-E", "--wait", "1"), "transitions, not rows"),
        (("-E", "--all-netns"), "this network namespace"),
        (("-E", "--ladder"), "without -E"),
        (("-E", "--record", "f", "state", "listening"), "through all its states"),
        (("-E", "--replay", "f", "--record", "g"), "recorded already"),
        (("-E", "--replay", "f", "--source", "destroy"), "come from the recording"),
    ],
)
def test_what_does_not_go_together_is_refused(arguments: tuple[str, ...], reason: str) -> None:
    done = run(*arguments)
    assert (done.status, done.out) == (2, "")
    (line,) = done.complaints
    assert reason in line


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_an_ordinary_user_is_told_why_he_gets_less_and_sees_every_end() -> None:
    process = subprocess.Popen(
        [python_for(NOBODY), "-m", "pynetstat", "-Et", "--format", "jsonl"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd="/",
        env=environment(),
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
    )
    try:
        head = _read_json(process)
        assert head["source"] == "destroy"
        assert "only root may trace" in head["refusals"][0]
        port = _connect_and_close()
        ended: set[int] = set()
        while len(ended) < 2:
            event = _read_json(process)
            if event["totals"] and port in (event["local"]["port"], event["remote"]["port"]):
                ended.add(event["local"]["port"])
        process.terminate()
        _, complaints = process.communicate(timeout=_PATIENCE_S)
        assert complaints == b""
    finally:
        process.kill()
        process.wait()
