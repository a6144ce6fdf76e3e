"""The small netcat: whole bytes both ways, one client or many, and clear refusals."""

from __future__ import annotations

import hashlib
import random
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pynetstat import Show, collect

from .ports import free_port
from .waiting import wait_until

ROOT = Path(__file__).resolve().parent.parent
PATIENCE_S = 60
BYTES = random.Random(1).randbytes(3_000_000)


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-W", "error", "-m", "demo", "nc", *arguments]


def nc(*arguments: str, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        command(*arguments), cwd=ROOT, input=data, capture_output=True, timeout=PATIENCE_S,
        check=False,
    )  # fmt: skip


def listens(port: int) -> bool:
    rows = collect(["tcp", "tcp6"], show=Show.LISTENING).records
    return any(row.laddr.port == port for row in rows)


@contextmanager
def server(*options: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    port = free_port()
    process = subprocess.Popen(
        command(*options, "-l", str(port)),
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        wait_until(lambda: listens(port), f"LISTEN on {port}")
        yield process, port
    finally:
        process.kill()
        process.communicate()


def test_a_file_arrives_whole_and_both_end(tmp_path: Path) -> None:
    original = tmp_path / "original"
    original.write_bytes(BYTES)
    with server() as (process, port), original.open("rb") as source:
        assert process.stdin is not None
        process.stdin.close()
        process.stdin = None
        client = subprocess.Popen(
            command("127.0.0.1", str(port)), cwd=ROOT, stdin=source, stdout=subprocess.DEVNULL
        )
        received, _ = process.communicate(timeout=PATIENCE_S)
        assert (client.wait(PATIENCE_S), process.returncode) == (0, 0)
    assert hashlib.sha256(received).digest() == hashlib.sha256(BYTES).digest()


def test_the_answer_comes_back_after_the_question_has_ended() -> None:
    with server() as (process, port):
        client = subprocess.Popen(
            command("127.0.0.1", str(port)), cwd=ROOT, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )  # fmt: skip
        assert client.stdin is not None
        client.stdin.close()
        client.stdin = None
        process.communicate(b"answer", timeout=PATIENCE_S)
        answer, _ = client.communicate(timeout=PATIENCE_S)
    assert answer == b"answer"
    assert client.returncode == 0


def test_without_k_nobody_listens_any_more_once_a_client_is_there() -> None:
    with server() as (_, port), socket.create_connection(("127.0.0.1", port)):
        wait_until(lambda: not listens(port), f"end of LISTEN on {port}")


def test_with_k_one_client_comes_after_the_other() -> None:
    with server("-k") as (process, port):
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        process.stdin = None
        for word in (b"one\n", b"two\n"):
            assert nc("127.0.0.1", str(port), data=word).returncode == 0
            assert process.stdout.readline() == word
        assert listens(port)


def test_ipv6_if_asked_for() -> None:
    if not socket.has_ipv6 or not Path("/proc/net/if_inet6").exists():
        pytest.skip("this kernel has no IPv6")
    with server("-6") as (process, port):
        assert process.stdout is not None
        assert process.stdin is not None
        process.stdin.close()
        process.stdin = None
        assert nc("-6", "::1", str(port), data=b"six\n").returncode == 0
        assert process.stdout.readline() == b"six\n"


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("127.0.0.1", "1"), 1, b"can't connect to 127.0.0.1 port 1"),
        (("127.0.0.1", "0"), 2, b"is no port"),
        (("127.0.0.1", "http"), 2, b"is no port"),
        (("-k", "127.0.0.1", "80"), 2, b"-k goes with -l"),
        (("-l", "127.0.0.1", "80"), 2, b"-l takes a PORT alone"),
        (("80",), 2, b"name a HOST and a PORT"),
    ],
)
def test_refusals_are_clear(arguments: tuple[str, ...], status: int, words: bytes) -> None:
    done = nc(*arguments)
    assert done.returncode == status
    assert words in done.stderr.splitlines()[-1]
    assert b"Traceback" not in done.stderr
    assert done.stdout == b""


def test_a_port_in_use_is_told_in_one_line() -> None:
    with socket.create_server(("0.0.0.0", 0)) as taken:
        done = nc("-l", str(taken.getsockname()[1]))
    assert done.returncode == 1
    assert done.stderr.splitlines()[0].startswith(b"nc: can't listen on port ")
    assert len(done.stderr.splitlines()) == 1
