"""Who a process is, and names that are looked up behind the screen."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from pynetstat import Addr
from pynetstat.names import Wanted
from pynetstat.watch import naming
from pynetstat.watch.naming import Naming
from pynetstat.watch.processes import describe
from pynetstat.words import Hosts, Words
from tests.waiting import wait_until
from tests.watched import row


def test_a_process_is_described() -> None:
    code = "import sys; sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code, "two words", ""], stdin=subprocess.PIPE
    ) as child:
        found = describe(child.pid)
        assert found is not None
        assert found.command.endswith(f"-c '{code}' 'two words' ''")
        assert found.user
        assert found.started_at is not None
        child.communicate()
    assert describe(child.pid) is None


def test_a_pid_that_can_not_be_one() -> None:
    assert describe(-1) is None
    assert describe(2**40) is None


def test_names_come_by_and_by_and_are_asked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, allowed = [], threading.Event()

    def look_up(wanted: Wanted) -> Words:
        asked.append(wanted)
        allowed.wait(30)
        return Words(Hosts({"192.0.2.1": "far.test"}), {"tcp": {8080: "webcache"}}, {1000: "maria"})

    monkeypatch.setattr(naming, "look_up", look_up)
    names = Naming(hosts=True, ports=True, users=True)
    records = [row(2, Addr("127.0.0.1", 8080), Addr("192.0.2.1", 50000))]
    names.want(records)
    assert names.words.hosts["192.0.2.1"] == "192.0.2.1"
    names.want([row(3, Addr("127.0.0.2", 1))])
    allowed.set()
    wait_until(lambda: names.words.hosts["192.0.2.1"] == "far.test", "name")
    wait_until(lambda: names.words.ports("tcp").get(8080) == "webcache", "service")
    wait_until(lambda: names.words.users.get(1000) == "maria", "user")
    wait_until(lambda: not _naming_threads(), "end of the thread")
    names.want(records)
    assert len(asked) == 1
    assert asked[0].ips == {"127.0.0.1", "192.0.2.1"}


def test_without_names_nothing_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(naming, "look_up", lambda _: pytest.fail("it was looked up"))
    Naming(hosts=False, ports=False, users=False).want([row(2)])
    assert not _naming_threads()


def _naming_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "pynetstat-naming"]
