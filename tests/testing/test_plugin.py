"""The pytest plugin in suites of its users, each run as a process of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

IMPORTS = "import os, socket, subprocess, sys, unittest, pytest\n"

OPEN_PAIR = """
def close_wait():
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        accepted, _ = server.accept()
        client.close()
        assert accepted.recv(1) == b""
    return accepted

kept = []
"""


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    """An empty suite whose pytest takes warnings for errors only where a test says so."""
    pytester.makeini("[pytest]\n")
    return pytester


def run(suite: pytest.Pytester, code: str, *arguments: str) -> pytest.RunResult:
    suite.makepyfile(test_suite=IMPORTS + OPEN_PAIR + code)
    return suite.runpytest_subprocess("-p", "no:cacheprovider", *arguments)


def test_the_marker_fails_a_test_that_leaks(suite: pytest.Pytester) -> None:
    result = run(
        suite,
        """
        @pytest.mark.no_socket_leaks
        def test_leaks():
            kept.append(close_wait())

        @pytest.mark.no_socket_leaks
        def test_after_it():
            pass

        def test_unmarked():
            kept.append(close_wait())
        """.replace("\n        ", "\n"),
    )
    result.assert_outcomes(passed=3, errors=1)
    result.stdout.re_match_lines(
        [r".*ERROR at teardown of test_leaks.*", r"1 socket was left open:"]
    )
    result.stdout.re_match_lines(
        [r".*CLOSE_WAIT.*fd \d+.*the peer closed, close\(\) is missing here"]
    )


def test_the_fixture_does_the_same_and_can_look_at_once(suite: pytest.Pytester) -> None:
    result = run(
        suite,
        """
from pynetstat.testing import SocketsLeaked

def test_leaks(no_socket_leaks):
    kept.append(close_wait())
    with pytest.raises(SocketsLeaked):
        no_socket_leaks.check(grace=0)

def test_on_request(request):
    request.getfixturevalue("no_socket_leaks")
    kept.append(close_wait())

def test_clean(no_socket_leaks):
    close_wait().close()
    no_socket_leaks.check()
""",
    )
    result.assert_outcomes(passed=3, errors=2)


def test_settings_of_the_marker(suite: pytest.Pytester) -> None:
    result = run(
        suite,
        """
@pytest.mark.no_socket_leaks(allow="state close-wait")
def test_allowed():
    kept.append(close_wait())

@pytest.mark.no_socket_leaks(allow=["proto = udp", "path ~ docker"], grace=0)
def test_not_allowed():
    kept.append(close_wait())

@pytest.mark.no_socket_leaks(time_wait=True, grace=0)
def test_time_wait():
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(server.getsockname()) as client:
            server.accept()[0].close()
            assert client.recv(1) == b""

@pytest.mark.no_socket_leaks(grace=60)
def test_a_child_that_takes_its_time():
    code = "import socket, sys; s = socket.create_server(('127.0.0.1', 0)); print()"
    code += "; sys.stdin.read()"
    child = subprocess.Popen([sys.executable, "-c", code], stdin=-1, stdout=-1)
    child.stdout.readline()
    child.stdin.close()
""",
    )
    result.assert_outcomes(passed=4, errors=2)
    result.stdout.fnmatch_lines(["ERROR*test_not_allowed*", "ERROR*test_time_wait*"])


@pytest.mark.parametrize(
    ("mode", "outcome"),
    [
        ("off", {"passed": 2}),
        ("warn", {"passed": 2, "warnings": 1}),
        ("error", {"passed": 2, "errors": 1}),
    ],
)
def test_the_whole_suite(suite: pytest.Pytester, mode: str, outcome: dict[str, int]) -> None:
    result = run(
        suite,
        """
def test_leaks():
    kept.append(close_wait())

def test_clean():
    close_wait().close()
""",
        "-o",
        f"netstat_leaks={mode}",
    )
    result.assert_outcomes(**outcome)
    if mode == "warn":
        result.stdout.fnmatch_lines(
            ["*SocketLeakWarning: test_suite.py::test_leaks: 1 socket was*"]
        )


def test_a_wrong_mode_is_one_clear_line(suite: pytest.Pytester) -> None:
    result = run(suite, "", "-o", "netstat_leaks=loud")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: netstat_leaks = loud: choose from off, warn, error"])


def test_what_wider_fixtures_keep_open_is_no_leak(suite: pytest.Pytester) -> None:
    result = run(
        suite,
        """
@pytest.fixture(scope="module")
def server():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server

@pytest.fixture
def client(server):
    with socket.create_connection(server.getsockname()) as client:
        yield client

@pytest.fixture(autouse=True)
def scratch():
    with socket.socket() as scratch:
        yield scratch

def test_first(client, server):
    accepted, _ = server.accept()
    accepted.close()

def test_second(client, server):
    kept.append(server.accept()[0])
""",
        "-o",
        "netstat_leaks=error",
    )
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*ERROR at teardown of test_second*", "*CLOSE_WAIT*"])


def test_unittest_classes(suite: pytest.Pytester) -> None:
    result = run(
        suite,
        """
@pytest.mark.no_socket_leaks
class TestServer(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.shared = socket.create_server(("127.0.0.1", 0))

    @classmethod
    def tearDownClass(cls):
        cls.shared.close()

    def setUp(self):
        self.mine = socket.socket()

    def tearDown(self):
        self.mine.close()

    def test_clean(self):
        close_wait().close()

    def test_leaks(self):
        kept.append(close_wait())
""",
    )
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*ERROR at teardown of TestServer.test_leaks*"])


def test_two_suites_side_by_side_under_xdist(suite: pytest.Pytester) -> None:
    code = """
@pytest.mark.parametrize("number", range(8))
def test_clean(number, netstat):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert netstat.wait_for_listen(port).laddr.port == port
        close_wait().close()
    netstat.wait_until_closed(port)

def test_leaks():
    kept.append(close_wait())
"""
    suite.makepyfile(test_suite=IMPORTS + OPEN_PAIR + code)
    command = [sys.executable, "-m", "pytest", "-n", "2", "-o", "netstat_leaks=error", "-q"]
    runs = [
        subprocess.Popen(
            [*command, "-p", "no:cacheprovider"],
            cwd=suite.path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(2)
    ]
    for output in [run.communicate()[0] for run in runs]:
        assert "9 passed, 1 error" in output
        assert "ERROR at teardown of test_leaks" in output


def test_the_netstat_fixture(suite: pytest.Pytester) -> None:
    result = run(
        suite,
        """
SERVER = "import socket, sys; s = socket.create_server(('127.0.0.1', 0)); sys.stdin.read()"

def test_a_child(netstat):
    with subprocess.Popen([sys.executable, "-c", SERVER], stdin=subprocess.PIPE) as server:
        row = netstat.wait_for_listen(timeout=60)
        assert [owner.pid for owner in row.owners] == [server.pid]
        with socket.create_connection(row.laddr):
            (mine,) = netstat.wait_for(port=row.laddr.port, role="client", state="ESTABLISHED")
            assert mine.owners[0].pid == os.getpid()
            assert {row.state for row in netstat.sockets()} == {"LISTEN", "ESTABLISHED"}
        server.stdin.close()
        netstat.wait_until_closed(timeout=60)

def test_listening_socket(listening_socket):
    with socket.create_connection(listening_socket.getsockname()):
        listening_socket.accept()[0].close()
""",
        "-W",
        "error",
    )
    result.assert_outcomes(passed=2)


def test_a_suite_that_does_not_use_it_loads_nothing(suite: pytest.Pytester) -> None:
    result = run(
        suite,
        """
def test_nothing_is_loaded():
    loaded = {name for name in sys.modules if name.startswith("pynetstat")}
    assert loaded == {"pynetstat", "pynetstat.pytest_plugin"}
    assert "psutil" not in sys.modules and "rich" not in sys.modules
""",
    )
    result.assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("marker", "words"),
    [
        ("'state listening'", "does not take 'state listening': give allow="),
        ("allowed='state listening'", "does not take allowed: give allow="),
        ("allow='state listning'", "(allow=...): wrong filter, column 7"),
    ],
)
def test_a_marker_that_can_t_be_understood_is_a_usage_error(
    suite: pytest.Pytester, marker: str, words: str
) -> None:
    code = f"@pytest.mark.no_socket_leaks({marker})\ndef test_it(): pass\n"
    result = run(suite, code)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*test_it: no_socket_leaks*{words}*"])


def test_a_check_at_once_goes_by_the_marker(suite: pytest.Pytester) -> None:
    result = run(
        suite,
        """
@pytest.mark.no_socket_leaks(allow="state listening")
def test_it(no_socket_leaks):
    with socket.create_server(("127.0.0.1", 0)):
        no_socket_leaks.check()
        with pytest.raises(AssertionError):
            no_socket_leaks.check(allow=())
""",
    )
    result.assert_outcomes(passed=1)


def test_a_wider_fixture_that_a_test_comes_upon_is_no_leak(suite: pytest.Pytester) -> None:
    result = run(
        suite,
        """
@pytest.fixture(scope="session")
def server():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server

@pytest.fixture
def address(request):
    return request.getfixturevalue("server").getsockname()

@pytest.mark.no_socket_leaks
def test_through_a_fixture(address):
    pass

@pytest.mark.no_socket_leaks
def test_by_itself(request):
    request.getfixturevalue("server")
    kept.append(socket.create_server(("127.0.0.1", 0)))
""",
    )
    result.assert_outcomes(passed=2, errors=1)
