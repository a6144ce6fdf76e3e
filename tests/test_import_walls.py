"""The walls between the rooms: which module may import which, and where libraries load."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import pynetstat

PACKAGE = Path(pynetstat.__file__).parent

FLOORS = [
    {"text", "tcpinfo", "containers"},
    {"errors", "records"},
    {"words", "remark"},
    {"filters"},
    {"filter_grammar", "query", "tabular", "history.transition"},
    {"diff"},
    {"sources", "owners", "names", "cmdline"},
    {"sources.netlink", "sources.readahead", "sources.unixjoin", "sources.proc_inet",
     "sources.proc_unix", "sources.proc_sctp", "sources.bytecode", "sources.tracefs", "sieve",
     "netns"},
    {"sources.unixdiag", "sources.tcpinfo", "sources.inside", "sources.destroying",
     "sources.multicast"},
    {"sources.sockdiag", "sources.procfs", "sources.portable", "sources.destroy"},
    {"places"},
    {"snapshot", "closing", "sources.sockstates"},
    {"history.ledger", "history.tracker", "history.recording"},
    {"history.traced", "history.recording_file", "history.ladder"},
    {"history.stream", "history.recorded"},
    {"history.background", "watch", "watch.feed"},
    {"watch.player", "watch.recorder"},
    {"", "history", "render", "render.watch", "explain", "command", "totals", "command.waiting"},
    {"testing.polling", "testing.processes"},
    {"testing.looking", "testing.paths"},
    {"testing.listening", "testing.matching", "testing.binding", "testing.leaks"},
    {"testing", "testing.bound"},
    {"pytest_plugin"},
    {"explain.phrases", "explain.ports", "explain.pages"},
    {"explain.rows", "explain.trouble"},
    {"explain.remarks"},
    {"watch.processes", "watch.naming", "watch.sorting"},
    {"watch.live", "watch.model"},
    {"watch.details"},
    {"render.netstat", "render.layout", "render.info", "render.remarks", "render.totals",
     "render.events", "render.ladder", "render.ladder_svg"},
    {"columns", "render.listing"},
    {"groups", "render.data", "render.table"},
    {"render.chosen", "render.pictures", "render.page", "render.watch.styles"},
    {"render.watch.strips", "render.watch.cells"},
    {"render.watch.panes"},
    {"render.watch.status", "render.watch.table", "render.watch.filterbar",
     "render.watch.screens"},
    {"render.watch.app"},
    {"render.watch.terminal"},
    {"command.output", "command.files", "command.signals"},
    {"command.options", "command.flags"},
    {"command.contradictions"},
    {"command.arguments"},
    {"command.lookups", "command.summary", "command.kill", "command.events"},
    {"command.plain", "command.contexts"},
    {"command.data", "command.counts"},
    {"command.views"},
    {"command.show", "command.record", "command.replay", "command.ladder"},
    {"command.session"},
    {"command.watch"},
    {"cli"},
    {"shell.vocabulary"},
    {"shell.bash", "shell.fish", "shell.man", "shell.zsh"},
    {"shell"},
    {"__main__", "shell.__main__"},
]  # fmt: skip
"""From the ground up: a module imports only from the floors below its own."""

MAY_OPEN_HIGHER = {
    "sources": {
        "sources.sockdiag",
        "sources.procfs",
        "sources.portable",
        "sources.netlink",
    },
}
"""On use, the room of all sources opens the concrete ones."""

LIBRARIES = {
    "psutil": {"sources.portable", "testing.processes", "watch.processes"},
    "rich": {"render.table", "render.layout", "render.page", "render.chosen", "render.pictures",
             "render.watch.filterbar", "render.watch.panes", "render.watch.screens",
             "render.watch.strips", "render.watch.styles", "render.watch.table"},
    "textual": {"render.watch.app", "render.watch.filterbar", "render.watch.panes",
                "render.watch.screens", "render.watch.strips", "render.watch.styles",
                "render.watch.table", "render.watch.terminal"},
    "pytest": {"pytest_plugin"},
}  # fmt: skip


def name_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def imports(path: Path) -> set[str]:
    """Every module that a file imports anywhere, also on use; relative ones are refused."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            module = node.module or ""
            found |= {
                f"{module}.{alias.name}" if f"{module}.{alias.name}" in MODULES else module
                for alias in node.names
            }
    return found


FILES = {name_of(path): path for path in PACKAGE.rglob("*.py")}
MODULES = {f"pynetstat.{name}".rstrip(".") for name in FILES}
FLOOR = {name: number for number, floor in enumerate(FLOORS) for name in floor}


def test_every_module_has_its_floor() -> None:
    assert set(FLOOR) == set(FILES)


@pytest.mark.parametrize("name", sorted(FILES))
def test_imports_go_down(name: str) -> None:
    ours = {
        module.removeprefix("pynetstat").removeprefix(".")
        for module in imports(FILES[name])
        if module in MODULES
    }
    allowed = {other for other in FLOOR if FLOOR[other] < FLOOR[name]}
    assert ours - allowed - MAY_OPEN_HIGHER.get(name, set()) == set()


@pytest.mark.parametrize("library", sorted(LIBRARIES))
def test_a_library_loads_in_its_room_only(library: str) -> None:
    users = {
        name
        for name, path in FILES.items()
        if any(module.split(".")[0] == library for module in imports(path))
    }
    assert users == LIBRARIES[library]
