"""Names for addresses, ports and users, from a resolver that may be slow, wrong or silent."""

from __future__ import annotations

import pwd
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from pynetstat.names import Wanted, look_up
from pynetstat.words import numbers

from .waiting import wait_until

_PATIENT_S = 30.0
"""More than any test takes, unless the deadline itself is what is tested."""

_HOSTS = {"192.0.2.1": "one.example", "192.0.2.2": "two.example", "2001:db8::1": "six.example"}


class _Resolver:
    """Stands in for getnameinfo; an address that is not known is not answered until freed."""

    def __init__(self) -> None:
        self.freed = threading.Event()
        self.asked: list[str] = []
        self.answered = 0

    def __call__(self, address: tuple[str, int], flags: int) -> tuple[str, str]:
        assert flags & socket.NI_NAMEREQD
        self.asked.append(address[0])
        name = _HOSTS.get(address[0])
        if name is None:
            self.freed.wait(_PATIENT_S)
            name = "late.example"
        self.answered += 1
        return name, "0"


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[_Resolver]:
    """Answers at once for the known hosts and hangs for all others, until the test ends."""
    resolver = _Resolver()
    monkeypatch.setattr(socket, "getnameinfo", resolver)
    yield resolver
    resolver.freed.set()
    wait_until(lambda: not _threads(), "end of the look-ups")


def _threads() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name == "pynetstat-names"]


def _hosts(*ips: str) -> Wanted:
    return Wanted(set(ips), {}, set())


def test_without_look_ups_everything_is_a_number() -> None:
    words = numbers()
    assert words.hosts["192.0.2.1"] == "192.0.2.1"
    assert words.hosts["::ffff:192.0.2.1"] == "192.0.2.1"
    assert (words.hosts["0.0.0.0"], words.hosts["::"]) == ("0.0.0.0", "::")
    assert words.hosts["::ffff:1"] == "::ffff:1"
    assert words.ports("tcp") == {0: "*"}
    assert words.users == {}


def test_known_hosts_have_names(resolver: _Resolver) -> None:
    words = look_up(_hosts("192.0.2.1", "2001:db8::1"), _PATIENT_S)
    assert words.hosts["192.0.2.1"] == "one.example"
    assert words.hosts["2001:db8::1"] == "six.example"
    assert sorted(resolver.asked) == ["192.0.2.1", "2001:db8::1"]


def test_a_mapped_address_is_shown_as_a_number_as_in_netstat(resolver: _Resolver) -> None:
    words = look_up(_hosts("::ffff:192.0.2.2"), _PATIENT_S)
    assert words.hosts["::ffff:192.0.2.2"] == "192.0.2.2"
    assert resolver.asked == []


def test_any_address_is_not_looked_up(resolver: _Resolver) -> None:
    words = look_up(_hosts("0.0.0.0", "::"), _PATIENT_S)
    assert (words.hosts["0.0.0.0"], words.hosts["::"]) == ("0.0.0.0", "[::]")
    assert resolver.asked == []


def test_a_resolver_that_hangs_costs_the_names_it_hangs_on_and_no_more(
    resolver: _Resolver,
) -> None:
    words = look_up(_hosts("192.0.2.1", "192.0.2.66", "192.0.2.2", "2001:db8::67"), 1.0)
    assert words.hosts["192.0.2.66"] == "192.0.2.66"
    assert words.hosts["2001:db8::67"] == "2001:db8::67"
    assert words.hosts["192.0.2.1"] == "one.example"
    assert words.hosts["192.0.2.2"] == "two.example"
    assert resolver.answered == 2


def test_an_answer_that_comes_too_late_changes_no_word(resolver: _Resolver) -> None:
    wanted = Wanted({"192.0.2.66"}, {"tcp": {22}}, {0})
    words = look_up(wanted, 0.05)
    resolver.freed.set()
    wait_until(lambda: not _threads(), "end of the look-ups")
    assert resolver.answered == 1
    assert words.hosts["192.0.2.66"] == "192.0.2.66"
    assert dict(words.hosts) == {"::": "[::]", "192.0.2.66": "192.0.2.66"}


def test_more_silent_addresses_than_threads_are_not_waited_for_one_by_one(
    resolver: _Resolver,
) -> None:
    silent = [f"198.51.100.{number}" for number in range(200)]
    words = look_up(_hosts(*silent), 0.2)
    assert all(words.hosts[ip] == ip for ip in silent)
    assert len(resolver.asked) < 200


@pytest.mark.parametrize(
    "failure", [socket.gaierror(-2, "unknown"), UnicodeError("label too long"), OSError("broken")]
)
def test_what_a_resolver_can_raise_leaves_a_number(
    failure: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> Any:
        raise failure

    monkeypatch.setattr(socket, "getnameinfo", fail)
    monkeypatch.setattr(socket, "getservbyport", fail)
    words = look_up(Wanted({"192.0.2.1"}, {"udp": {53}}, set()), _PATIENT_S)
    assert (words.hosts["192.0.2.1"], words.ports("udp")) == ("192.0.2.1", {0: "*"})


def test_names_from_outside_are_made_harmless(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getnameinfo", lambda *_: ("evil\x1b[2J\nhost", "0"))
    words = look_up(_hosts("192.0.2.1"), _PATIENT_S)
    assert words.hosts["192.0.2.1"] == "evil\\x1b[2J\\x0ahost"


def test_services_are_those_of_their_protocol(monkeypatch: pytest.MonkeyPatch) -> None:
    def service(port: int, base: str) -> str:
        if (port, base) == (514, "tcp"):
            return "shell"
        if (port, base) == (514, "udp"):
            return "syslog"
        raise OSError("port/proto not found")

    monkeypatch.setattr(socket, "getservbyport", service)
    words = look_up(Wanted(set(), {"tcp": {0, 514, 9}, "udp": {514}}, set()), _PATIENT_S)
    assert words.ports("tcp") == {0: "*", 514: "shell"}
    assert words.ports("udp") == {0: "*", 514: "syslog"}
    assert words.ports("raw") == {0: "*"}


def test_users(monkeypatch: pytest.MonkeyPatch) -> None:
    words = look_up(Wanted(set(), {}, {0, 4294967294}), _PATIENT_S)
    assert words.users == {0: pwd.getpwuid(0).pw_name}
    evil = pwd.struct_passwd(("a\x1bb", "x", 7, 7, "", "/", "/bin/sh"))
    monkeypatch.setattr(pwd, "getpwuid", lambda _: evil)
    assert look_up(Wanted(set(), {}, {7}), _PATIENT_S).users[7] == "a\\x1bb"


def test_nothing_wanted_is_nothing_done(resolver: _Resolver) -> None:
    words = look_up(Wanted(set(), {}, set()))
    assert (words.services, words.users, resolver.asked) == ({}, {}, [])


def test_every_port_has_its_own_name_however_many_are_asked_for() -> None:
    ports = set(range(1, 1025))
    alone = {}
    for port in ports:
        with suppress(OSError):
            alone[port] = socket.getservbyport(port, "tcp")
    for _ in range(20):
        words = look_up(Wanted(set(), {"tcp": ports, "udp": ports}, set()), deadline_s=30)
        assert words.services["tcp"] == alone


def test_hosts_that_nobody_knows_take_no_other_names_along(
    resolver: _Resolver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getservbyport", lambda port, base: f"{base}-{port}")
    silent = {f"192.0.2.{number}" for number in range(50, 120)}
    words = look_up(Wanted(silent, {"tcp": {80}}, {0}), deadline_s=1.0)
    assert resolver.answered == 0
    assert words.users == {0: pwd.getpwuid(0).pw_name}
    assert words.services == {"tcp": {80: "tcp-80"}}
