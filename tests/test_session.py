"""Recording, replaying and following a connection, as their users do it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from xml.etree import ElementTree

import pytest

from pynetstat import collect
from pynetstat.cli import main
from pynetstat.command import replay as replay_command
from pynetstat.command.replay import Pace
from pynetstat.filter_grammar import parse_filter
from pynetstat.filters import matches
from pynetstat.history.recorded import RecordedReader
from pynetstat.history.recording_file import Recorder, Recording
from pynetstat.history.transition import Event, Loss
from pynetstat.owners import Coverage
from pynetstat.query import Query, Show, is_server
from pynetstat.records import Addr, Owner, Proto, TcpState, UnixRecord, UnixState
from pynetstat.render.events import event_line
from pynetstat.snapshot import Gap, GapKind, Snapshot

from .command import ARGV, environment, run, start
from .ladders import LADDERS, SERVER, START
from .live import users
from .ports import free_port
from .schema import validate
from .test_recording import EVENT, HEADER, ROW, snapshot_of
from .waiting import wait_until

_PATIENCE_S = 60.0
_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can trace or be somebody else")

LISTENER = ROW._replace(laddr=SERVER, raddr=Addr("0.0.0.0", 0), state=TcpState.LISTEN, cookie=1)
SNAPSHOT = snapshot_of(LISTENER, ROW)._replace(
    unix=[UnixRecord("STREAM", UnixState.CONNECTED, b"/run/x\xff", 77)],
    sources={Proto.TCP: "sockdiag", Proto.UNIX: "sockdiag"},
    coverage=Coverage(0, False),
    taken_at=START,
)


def made(path: Path, *items: Snapshot | Event | Loss) -> str:
    with Recorder(str(path), HEADER) as recorder:
        for item in items:
            recorder.add(item)
    return str(path)


@pytest.fixture
def recording(tmp_path: Path) -> str:
    """Two snapshots, the connection gone in the second, and an event."""
    later = SNAPSHOT._replace(records=[LISTENER], taken_at=START + 1)
    return made(tmp_path / "made.jsonl", SNAPSHOT, EVENT, later)


# The rows of a recording


@pytest.mark.parametrize(
    "expression", [None, "sport = :8080", "dst 127.0.0.0/8", "not state listening"]
)
@pytest.mark.parametrize("show", Show)
def test_what_is_asked_of_a_recording_is_what_is_asked_of_the_machine(
    expression: str | None, show: Show
) -> None:
    server = socket.create_server(("127.0.0.1", 0))
    with server, socket.create_connection(server.getsockname()):
        snapshot = collect(["tcp", "udp"], owners=True)
    wanted = None if expression is None else parse_filter(expression)
    found = RecordedReader(Query((Proto.TCP,), show, True, wanted), snapshot).snapshot()
    assert found.records == [
        row
        for row in snapshot.records
        if row.proto is Proto.TCP
        and (show is Show.ALL or is_server(row) is (show is Show.LISTENING))
        and (wanted is None or matches(wanted, row))
    ]
    assert found.taken_at == snapshot.taken_at
    assert found.sources == {Proto.TCP: snapshot.sources[Proto.TCP]}


def test_owners_are_those_of_the_recording() -> None:
    query = Query((Proto.TCP, Proto.UNIX), owners=True)
    assert RecordedReader(query, SNAPSHOT).snapshot().records[1].owners == ROW.owners
    without = RecordedReader(query._replace(owners=False), SNAPSHOT).snapshot()
    assert [row.owners for row in without.records] == [None, None]
    assert [row.owners for row in without.unix] == [None]


def test_gaps_are_those_of_the_recording() -> None:
    gaps = (
        Gap(GapKind.UNREAD, Proto.TCP, "refused"),
        Gap(GapKind.BAD_ROWS, Proto.UDP, "cut"),
        Gap(GapKind.OWNERS, None, "hidden"),
    )
    reader = RecordedReader(Query((Proto.TCP,)), SNAPSHOT._replace(gaps=gaps))
    assert reader.snapshot().gaps == gaps[:1]


# --record


def _instances() -> set[str]:
    root = Path("/sys/kernel/tracing/instances")
    return {path.name for path in root.iterdir()} if os.access(root, os.R_OK) else set()


@contextmanager
def running(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    process = start(*arguments)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def end(process: subprocess.Popen[bytes], number: int) -> tuple[int, str, str]:
    process.send_signal(number)
    out, err = process.communicate(timeout=_PATIENCE_S)
    return process.returncode, out.decode(), err.decode()


def test_one_look_is_recorded_and_replayed(tmp_path: Path) -> None:
    path = str(tmp_path / "look.jsonl")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        live = run("-tlnp", "--record", path, "-f", f"sport = :{port}")
    assert (live.status, live.err) == (0, "")
    assert f"127.0.0.1:{port} " in live.out
    assert str(os.getpid()) in live.out
    assert run("-tlnp", "--replay", path).out == live.out
    assert run("-tlnp", "--replay", path, "--speed", "max").out == live.out


def test_repeated_looks_and_events_are_recorded(tmp_path: Path) -> None:
    path = tmp_path / "session.jsonl"
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        wanted = f"sport = :{port} or dport = :{port}"

        def snapshots() -> int:
            return path.read_text().count('"type":"snapshot"') if path.exists() else 0

        with running("-tn", "--record", str(path), "--interval", "0.1", wanted) as process:
            wait_until(lambda: snapshots() > 1, "snapshots in the file")
            client = socket.create_connection(server.getsockname())
            accepted, _ = server.accept()
            wait_until(lambda: str(client.getsockname()[1]) in path.read_text(), "its row")
            client.close()
            accepted.close()
            wait_until(lambda: '"type":"event"' in path.read_text(), "an event in the file")
            status, live, err = end(process, signal.SIGINT)
    assert status == 130
    assert "KeyboardInterrupt" not in err
    with Recording(str(path)) as recording:
        assert recording.header.interval_s == 0.1
        items = list(recording)
        assert recording.damage is None
    rows = [row for item in items if isinstance(item, Snapshot) for row in item.records]
    assert {port in (row.laddr.port, row.raddr.port) for row in rows} == {True}
    owners = {owner.pid for row in rows for owner in row.owners or ()}
    assert os.getpid() in owners
    replayed = run("-tn", "--replay", str(path), "--speed", "max")
    assert replayed.status == 0
    assert replayed.out.startswith(live)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_a_recorder_that_is_ended_leaves_a_good_file(tmp_path: Path, number: int) -> None:
    path = tmp_path / "session.jsonl"
    nothing = "sport = :0"
    with running("-tn", "--record", str(path), "--interval", "0.05", nothing) as process:
        wait_until(lambda: path.exists() and path.read_bytes().count(b"\n") > 3, "lines")
        pid = process.pid
        end(process, number)
    with Recording(str(path)) as recording:
        assert sum(isinstance(item, Snapshot) for item in recording) > 1
    if number != signal.SIGKILL:
        assert not [name for name in _instances() if str(pid) in name]


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "precious"
    path.write_text("precious")
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "nowhere")
    for name in (path, link):
        done = run("-tn", "--record", str(name))
        assert (done.status, done.out) == (1, "")
        assert done.complaints == [
            f"pynetstat: can't record to {name}: it exists; choose another name or remove it"
        ]
    assert path.read_text() == "precious"
    assert not (tmp_path / "nowhere").exists()


# --replay


def test_flags_apply_to_what_is_replayed(recording: str) -> None:
    def shown(*flags: str) -> list[str]:
        done = run("--replay", recording, "--speed", "max", *flags)
        assert (done.status, done.err) == (0, "")
        return [line for line in done.out.splitlines() if line.startswith(("tcp", "unix"))]

    listener, connection = "0 127.0.0.1:8080", "0 127.0.0.1:40000"
    assert [listener in row for row in shown("-tan")] == [True, False, True]
    assert [connection in row for row in shown("-tn")] == [True]
    assert [listener in row for row in shown("-tln")] == [True, True]
    assert "4711/curl" in shown("-tnp")[0]
    assert "off (0.00/0/0)" in shown("-tno")[0]
    assert "1000       5" in shown("-tne")[0]
    assert len(shown("-tan", "sport", "=", ":40000")) == 1
    assert "/run/x\\xff" in shown("-x")[0]
    assert len(shown("-an")) == 5


def test_data_has_the_times_of_the_recording(recording: str) -> None:
    done = run("-tan", "--replay", recording, "--speed", "max", "--format", "jsonl")
    lines = [json.loads(line) for line in done.out.splitlines()]
    for line in lines:
        validate(line)
    assert [line["type"] for line in lines] == ["snapshot", "event", "snapshot"]
    documents = [line for line in lines if line["type"] == "snapshot"]
    assert [len(document["rows"]) for document in documents] == [2, 1]
    assert [document["taken_at"] for document in documents] == [
        "2023-11-14T22:13:20.000+00:00",
        "2023-11-14T22:13:21.000+00:00",
    ]


def test_events_in_json_lines_are_those_that_the_rows_are_of(tmp_path: Path) -> None:
    listens = EVENT._replace(raddr=Addr("0.0.0.0", 0), old=TcpState.LISTEN, new=None)
    datagram = EVENT._replace(proto=Proto.UDP)
    path = made(tmp_path / "made.jsonl", SNAPSHOT, EVENT, listens, datagram, Loss(2.0, 3, "3 lost"))

    def kinds(*flags: str) -> list[str]:
        done = run("-tn", "--replay", path, "--speed", "max", "--format", "jsonl", *flags)
        assert (done.status, done.complaints) == (0, ["pynetstat: 3 lost"])
        values = [json.loads(line) for line in done.out.splitlines()]
        return [str(value.get("old", value["type"])) for value in values]

    assert kinds() == ["snapshot", "ESTABLISHED", "loss"]
    assert kinds("-a") == ["snapshot", "ESTABLISHED", "LISTEN", "loss"]
    assert kinds("-l") == ["snapshot", "LISTEN", "loss"]
    assert kinds("-a", "dport = :8080") == ["snapshot", "ESTABLISHED", "loss"]
    assert kinds("-u") == ["snapshot", "ESTABLISHED", "ESTABLISHED", "loss"]
    grouped = run("-tan", "--replay", path, "--format", "jsonl", "--group-by", "state")
    assert (grouped.err, "event" in grouped.out) == ("", False)


def test_events_of_a_recording_are_listed(tmp_path: Path) -> None:
    events = LADDERS["half_close"]
    listens = EVENT._replace(raddr=Addr("0.0.0.0", 0), old=TcpState.LISTEN, new=None)
    path = made(tmp_path / "made.jsonl", SNAPSHOT, *events, listens, Loss(START, 3, "3 lost"))

    def listed(*flags: str) -> str:
        done = run("-E", "--replay", path, "--speed", "max", *flags)
        assert (done.status, done.complaints) == (0, ["pynetstat: 3 lost"])
        return done.out

    assert listed() == "".join(map(event_line, [*events, listens]))
    assert listed("-l") == event_line(listens)
    assert listed("sport = :9") == ""
    servers = [event for event in events if event.laddr == SERVER]
    assert listed("sport = :8080") == "".join(map(event_line, servers))
    lines = [json.loads(line) for line in listed("--format", "jsonl").splitlines()]
    for line in lines:
        validate(line)
    assert lines[0] == {"type": "start", "format": 1, "source": "destroy", "refusals": []}
    assert [line["type"] for line in lines[1:]] == ["event"] * (len(events) + 1) + ["loss"]


def test_events_play_at_the_speed_of_the_recording(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = Clock()
    monkeypatch.setattr(replay_command, "time", clock)
    later = EVENT._replace(at=4.5)
    path = made(tmp_path / "made.jsonl", snapshot_of(at=1.0), EVENT, later)
    assert main(["-E", "--replay", path, "--speed", "2"]) == 0
    assert clock.slept == pytest.approx([0.25, 1.5])
    assert capsys.readouterr().out == event_line(EVENT) + event_line(later)


def test_events_are_listed_whatever_the_first_line_says_of_them(tmp_path: Path) -> None:
    """The watch screen begins to record before it knows who will tell of transitions."""
    path = str(tmp_path / "watched.jsonl")
    with Recorder(path, HEADER._replace(event_source=None)) as recorder:
        recorder.add(EVENT)
    done = run("-Eatu", "--replay", path, "--speed", "max", "--format", "jsonl")
    assert (done.status, done.err) == (0, "")
    head, event = map(json.loads, done.out.splitlines())
    validate(head, "event_start")
    assert (head["source"], event["type"]) == (None, "event")


def test_a_recording_without_events_has_none_to_list(tmp_path: Path, recording: str) -> None:
    path = str(tmp_path / "look.jsonl")
    with Recorder(path, HEADER._replace(event_source=None)) as recorder:
        recorder.add(SNAPSHOT)
    done = run("-E", "--replay", path)
    assert (done.status, done.out) == (1, "")
    assert done.complaints == [f"pynetstat: {path}: no transitions are recorded"]
    done = run("-Eu", "--replay", recording, "--speed", "max")
    assert done.complaints == [f"pynetstat: {recording}: nothing of udp, udp6 is recorded"]


def test_events_of_a_damaged_recording_are_listed_as_far_as_they_go(tmp_path: Path) -> None:
    path = made(tmp_path / "s.jsonl", *LADDERS["half_close"])
    Path(path).write_bytes(Path(path).read_bytes()[:-10])
    done = run("-E", "--replay", path, "--speed", "max")
    assert (done.status, done.out.count("\n")) == (1, len(LADDERS["half_close"]) - 1)
    assert "line 11 is damaged" in done.err


def test_events_are_recorded_while_they_are_shown(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        wanted = f"sport = :{port} or dport = :{port}"
        with running(
            "-Etl", "--source", "destroy", "--format", "jsonl", "--record", str(path), wanted
        ) as process:
            assert process.stdout is not None
            assert json.loads(process.stdout.readline())["type"] == "start"
            client = socket.create_connection(server.getsockname())
            server.accept()[0].close()
            client.close()
            wait_until(lambda: '"new":"TIME_WAIT"' in path.read_text(), "TIME_WAIT in the file")
            server.close()
            last = json.loads(process.stdout.readline())
            assert (last["old"], last["local"]["port"]) == ("LISTEN", port)
            status, rest, err = end(process, signal.SIGINT)
    assert (status, rest, err) == (130, "", "")
    with Recording(str(path)) as recording:
        assert (recording.header.event_source, recording.header.interval_s) == ("destroy", None)
        first, *others = recording
    assert isinstance(first, Snapshot)
    assert [row.state for row in first.records] == [TcpState.LISTEN]
    events = [item for item in others if isinstance(item, Event)]
    assert len(events) > 1
    assert (events[-1].old, events[-1].new) == (TcpState.LISTEN, None)
    replayed = run("-Et", "--replay", str(path), "--speed", "max")
    assert replayed.out == "".join(map(event_line, events))


def test_the_view_for_people_is_replayed(recording: str) -> None:
    done = run("-tanp", "--replay", recording, "--speed", "max", "--format", "rich")
    assert (done.status, done.err) == (0, "")
    assert done.out.count("LISTEN") >= 2
    assert "curl" in done.out


def test_a_table_that_was_not_recorded_is_told(recording: str) -> None:
    done = run("-un", "--replay", recording)
    assert (done.status, done.out) == (1, "")
    assert done.complaints == [f"pynetstat: {recording}: nothing of udp, udp6 is recorded"]


def test_a_damaged_recording_plays_its_good_part(recording: str) -> None:
    whole = run("-tan", "--replay", recording, "--speed", "max").out
    lines = Path(recording).read_bytes().splitlines(keepends=True)
    Path(recording).write_bytes(b"".join(lines)[:-10])
    done = run("-tan", "--replay", recording, "--speed", "max")
    assert done.status == 1
    assert done.out
    assert whole.startswith(done.out)
    assert done.complaints == [
        f"pynetstat: {recording}: line 4 is damaged: the file ends within the line; 1 line left out"
    ]


@pytest.mark.parametrize(
    ("contents", "why"),
    [("", "it is empty"), ("tcp 0 0\n", "this is no recording of pynetstat's")],
)
def test_what_is_no_recording_is_told(tmp_path: Path, contents: str, why: str) -> None:
    path = tmp_path / "none"
    path.write_text(contents)
    for flags in ([], ["--ladder"]):
        done = run("--replay", str(path), *flags)
        assert (done.status, done.out) == (1, "")
        assert done.complaints == [f"pynetstat: {path}: {why}"]


def test_a_recording_without_snapshots_is_told(tmp_path: Path) -> None:
    path = made(tmp_path / "events.jsonl", EVENT)
    done = run("--replay", path, "--speed", "max")
    assert (done.status, done.complaints) == (1, [f"pynetstat: {path}: no snapshot is recorded"])


class Clock:
    """Time that passes by sleeping only."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return 100.0 + sum(self.slept)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


@pytest.mark.parametrize(
    ("speed", "slept"),
    [(1.0, [1.0, 0.5, 86400.0]), (10.0, [0.1, 0.05, 86400.0]), (float("inf"), [])],
)
def test_it_plays_at_its_speed(
    monkeypatch: pytest.MonkeyPatch, speed: float, slept: list[float]
) -> None:
    """A time that runs back waits for nothing, and no pause is longer than a day."""
    clock = Clock()
    monkeypatch.setattr(replay_command, "time", clock)
    pace = Pace(speed)
    for at in (5.0, 6.0, 2.0, 6.5, 6.5, 4e9):
        pace.wait_for(snapshot_of(at=at))
    assert clock.slept == pytest.approx(slept)


# --ladder

_CONNECTIONS = 10
"""Who only looks now and then may miss a short one on a busy machine."""
_LIFE = """
import socket, sys, time
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
client = socket.create_connection(server.getsockname())
accepted, _ = server.accept()
client.sendall(b"hello")
accepted.recv(5)
time.sleep(0.4)  # longer than two looks
client.shutdown(socket.SHUT_WR)
accepted.recv(5)
time.sleep(0.4)
accepted.close()
time.sleep(0.2)
"""


def _followed(
    port: int, python: str = sys.executable, uid: int | None = None
) -> tuple[int, str, str]:
    """Follow one connection, made by another process when the command waits for it."""
    process = subprocess.Popen(
        [
            python,
            "-W",
            "error",
            "-m",
            "pynetstat",
            "--ladder",
            f"sport = :{port} or dport = :{port}",
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**users.environment(), "COLUMNS": "80"},
        cwd="/",
        user=uid,
    )
    try:
        assert process.stderr is not None
        told = b""
        while b"waiting for a TCP connection" not in told:
            line = process.stderr.readline()
            assert line, told
            told += line
        for _ in range(_CONNECTIONS):
            subprocess.run([sys.executable, "-c", _LIFE, str(port)], check=True)
            with contextlib.suppress(subprocess.TimeoutExpired):
                out, err = process.communicate(timeout=_PATIENCE_S / _CONNECTIONS)
                return process.returncode, out.decode(), (told + err).decode()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=_PATIENCE_S)
        raise AssertionError(f"not over: {out.decode()}{(told + err).decode()}")
    finally:
        process.kill()
        process.communicate()


@_ROOT
def test_root_sees_every_state() -> None:
    port = free_port()
    status, out, _ = _followed(port)
    assert status == 0
    assert "~" not in out
    states = [line.split()[1:2] for line in out.splitlines()]
    assert out.count("ESTABLISHED") == 2
    for state in ("SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2", "CLOSE_WAIT", "LAST_ACK",
                  "TIME_WAIT", "gone"):  # fmt: skip
        assert state in out, (state, states)
    for segment in (" SYN ", " SYN+ACK ", " ACK ", " FIN ", " ACK of FIN "):
        assert segment in out
    assert f"127.0.0.1:{port}" in out.splitlines()[1]
    assert out.splitlines()[0].split() == ["client", "server"]
    assert "python" in out.splitlines()[2]
    assert "client sent 5 bytes of data" in out
    assert not [name for name in _instances() if name.startswith("pynetstat")]


@_ROOT
def test_an_ordinary_user_sees_what_looks_and_ends_tell() -> None:
    python = users.python_for(users.NOBODY)
    status, out, err = _followed(free_port(), python, users.NOBODY)
    assert status == 0
    assert "only root may trace" in err
    assert "~ was not seen" in out
    # FIN_WAIT2 shows when a look finds it: CLOSING is the other way to TIME_WAIT.
    for state in ("SYN_SENT", "SYN_RECV", "ESTABLISHED", "FIN_WAIT1", "CLOSE_WAIT", "LAST_ACK",
                  "TIME_WAIT", "gone"):  # fmt: skip
        assert state in out


def test_ctrl_c_draws_what_is_known(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with socket.create_server(("127.0.0.1", 0)) as server, open(out, "wb") as file:
        port = server.getsockname()[1]
        process = subprocess.Popen(
            [*ARGV, "--ladder", f"sport = :{port} or dport = :{port}"],
            stdout=file,
            stderr=subprocess.PIPE,
            env=environment(),
        )
        try:
            assert process.stderr is not None
            while b"waiting" not in (line := process.stderr.readline()):
                assert line
            with socket.create_connection(server.getsockname()):
                wait_until(lambda: "ESTABLISHED" in out.read_text(), "drawn state")
                process.send_signal(signal.SIGINT)
                _, complaints = process.communicate(timeout=_PATIENCE_S)
        finally:
            process.kill()
            process.communicate()
    assert (process.returncode, complaints) == (130, b"")
    assert out.read_text().split()[:2] == ["client", "server"]
    assert "no segment was captured" in out.read_text()


def test_the_ladder_of_a_recording(tmp_path: Path) -> None:
    path, picture = made(tmp_path / "s.jsonl", *LADDERS["half_close"]), tmp_path / "ladder.svg"
    done = run("--ladder", "--replay", path, "--svg", str(picture), changes={"COLUMNS": "80"})
    assert (done.status, done.err) == (0, "")
    golden = Path(__file__).parent / "data" / "ladder" / "half_close.txt"
    assert done.out.encode("latin-1") == golden.read_bytes()
    assert ElementTree.fromstring(picture.read_text()).tag.endswith("svg")


def test_the_ladder_in_ascii(tmp_path: Path) -> None:
    path = made(tmp_path / "s.jsonl", *LADDERS["half_close"])
    done = run("--ladder", "--replay", path, changes={"PYTHONIOENCODING": "ascii"})
    assert done.out.isascii()
    assert "- SYN -" in done.out


def test_the_owners_of_a_recording_stand_at_the_heads(tmp_path: Path) -> None:
    events = [event._replace(owners=None) for event in LADDERS["half_close"]]
    row = ROW._replace(owners=(Owner(7, 8, "x\x1b[2J"),))
    path = made(tmp_path / "s.jsonl", snapshot_of(LISTENER, row), *events)
    heads = run("--ladder", "--replay", path).out.splitlines()[:3]
    assert heads[2].split()[0] == "7/x\\x1b[2J"


def test_a_recording_without_that_connection_is_told(tmp_path: Path) -> None:
    path = made(tmp_path / "s.jsonl", *LADDERS["half_close"])
    done = run("--ladder", "--replay", path, "dport = :9")
    assert (done.status, done.out) == (1, "")
    assert len(done.complaints) == 1
    assert "that matches" in done.complaints[0]


def test_a_damaged_recording_is_drawn_as_far_as_it_goes(tmp_path: Path) -> None:
    path = made(tmp_path / "s.jsonl", *LADDERS["half_close"])
    Path(path).write_bytes(Path(path).read_bytes()[:-10])
    done = run("--ladder", "--replay", path)
    assert done.status == 1
    assert "TIME_WAIT" in done.out
    assert "line 11 is damaged" in done.err


def test_a_picture_that_can_not_be_written_is_told(tmp_path: Path) -> None:
    path = made(tmp_path / "s.jsonl", *LADDERS["half_close"])
    done = run("--ladder", "--replay", path, "--svg", "/nowhere/x.svg")
    assert (done.status, len(done.complaints)) == (1, 1)
    assert "can't write /nowhere/x.svg" in done.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("--speed", "2"),
        ("--replay", "f", "--speed", "0"),
        ("--replay", "f", "--columns", "local,rtt"),
        ("--replay", "f", "--sort", "-cwnd"),
        ("--replay", "f", "--speed", "-1"),
        ("--replay", "f", "--speed", "fast"),
        ("--replay", "f", "--speed", "nan"),
        ("--replay", "f", "--record", "g"),
        ("--replay", "f", "-c"),
        ("--replay", "f", "--source", "procfs"),
        ("--replay", "f", "--proc-root", "/proc"),
        ("--replay", "f", "-q"),
        ("--replay", "f", "--svg", "x"),
        ("--record", "f", "-s"),
        ("--record", "f", "--wait", "1"),
        ("--record", "f", "state", "established"),
        ("--ladder", "-u"),
        ("--ladder", "-c"),
        ("--ladder", "--record", "f"),
        ("--ladder", "--format", "json"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = subprocess.run(
        [*ARGV, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False,
        env=environment({"PYTHONPATH": str(Path(__file__).parent.parent)}),
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())
