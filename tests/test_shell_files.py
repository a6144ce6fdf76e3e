"""The completions and the manual page: as the parser has them, installed, without complaint."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from importlib import metadata
from pathlib import Path

import pytest

from pynetstat.command.arguments import parse_arguments
from pynetstat.filter_grammar import CONDITION_VALUES, parse_filter
from pynetstat.shell import shell_files
from pynetstat.shell.__main__ import main
from pynetstat.shell.man import EXAMPLES, page
from pynetstat.shell.vocabulary import Flag, Heading, Kind, Vocabulary, read_vocabulary

from .examples import ROOT

FILES = shell_files()
MAN_PAGE = ROOT / "share/man/man1/pynetstat.1"

HOSTILE = Vocabulary(
    "",
    (
        Heading(
            ".heading",
            (
                Flag(("-x",), ".dot 'quoted' back\\slash", Kind.NOTHING, "", (), False, False),
                Flag(("--long-name",), "'so -- ~^`x", Kind.FREE, "A-B", (), False, False),
            ),
        ),
    ),
    {"'name": ".TH"},
    {},
    (),
)
"""Text with all that roff takes for something else."""


@pytest.mark.parametrize("name", sorted(FILES))
def test_the_file_is_what_the_parser_says_now(name: str) -> None:
    path = ROOT / "share" / name
    written = path.read_text(encoding="utf-8") if path.exists() else ""
    assert written == FILES[name], "write it anew: python -m pynetstat.shell share"


def test_nothing_else_is_shared() -> None:
    share = ROOT / "share"
    found = {str(path.relative_to(share)) for path in share.rglob("*") if path.is_file()}
    assert found == set(FILES)


@pytest.mark.parametrize("name", sorted(FILES))
def test_the_file_is_installed_with_the_package(name: str) -> None:
    installed = metadata.files("pynetstat") or []
    assert any(str(path).endswith(f"share/{name}") for path in installed)


def test_writing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path)]) == 0
    assert capsys.readouterr().out.splitlines() == [str(tmp_path / name) for name in FILES]
    for name, text in FILES.items():
        assert (tmp_path / name).read_text(encoding="utf-8") == text


def test_writing_where_nothing_can_be_written(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["/dev/null"])
    assert end.value.code == 1
    assert "can't write /dev/null/bash-completion" in capsys.readouterr().err


@pytest.mark.parametrize("name", sorted(FILES))
def test_the_text_is_plain(name: str) -> None:
    assert FILES[name].isascii()
    assert all(line.isprintable() for line in FILES[name].replace("\t", " ").splitlines())


def test_every_flag_is_in_the_vocabulary(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse_arguments(["--help"], "0")
    shown = re.findall(r"^  (-.*?)(?:  .*)?$", capsys.readouterr().out, re.MULTILINE)
    names = [name for line in shown for name in re.findall(r"(?<![\w=\[{])--?[\w-]+", line)]
    assert [name for flag in read_vocabulary().flags for name in flag.names] == names


@pytest.mark.parametrize(
    "text",
    [f"{condition} {value}" for condition, values in CONDITION_VALUES.items() for value in values],
)
def test_the_words_of_filters_are_understood(text: str) -> None:
    parse_filter(text)


@pytest.mark.parametrize("command", EXAMPLES.values())
def test_the_examples_of_the_page_are_understood(command: str) -> None:
    parse_arguments(command.replace("'", "").split()[1:], "0")


def _lint(argv: list[str]) -> None:
    if shutil.which(argv[0]) is None:
        pytest.skip(f"{argv[0]} is not installed")
    done = subprocess.run(
        argv,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    if argv[0] == "mandoc":
        assert done.stdout == ""


@pytest.mark.parametrize("hostile", [False, True], ids=["the page", "hostile text"])
@pytest.mark.parametrize(
    "argv", [["mandoc", "-Tlint"], ["man", "--warnings", "-l"]], ids=["mandoc", "man"]
)
def test_the_page_is_without_complaint(argv: list[str], hostile: bool, tmp_path: Path) -> None:
    path = MAN_PAGE
    if hostile:
        path = tmp_path / "pynetstat.1"
        path.write_text(page(HOSTILE), encoding="ascii")
    _lint([*argv, str(path)])


def _shown(path: Path) -> str:
    if shutil.which("mandoc") is None:
        pytest.skip("mandoc is not installed")
    done = subprocess.run(
        ["mandoc", "-Tascii", str(path)], capture_output=True, text=True, timeout=60, check=True
    )
    return re.sub(r".\x08", "", done.stdout)


def test_the_page_shows_every_flag_as_it_is_typed() -> None:
    shown = _shown(MAN_PAGE)
    for flag in read_vocabulary().flags:
        assert re.search(rf"^ +{re.escape(', '.join(flag.names))}( |\[|$)", shown, re.MULTILINE)
        assert flag.about.split()[0] in shown
    for heading in (
        "NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "COLUMNS", "FILTERS", "EXIT STATUS",
        "ENVIRONMENT", "FILES", "EXAMPLES", "SEE ALSO",
    ):  # fmt: skip
        assert re.search(rf"^{heading}$", shown, re.MULTILINE)
    for command in EXAMPLES.values():
        assert re.search(rf"^ +{re.escape(command)}$", shown, re.MULTILINE)


def test_hostile_text_is_shown_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "pynetstat.1"
    path.write_text(page(HOSTILE), encoding="ascii")
    shown = _shown(path)
    for text in (".dot 'quoted' back\\slash", "'so -- ~^`x", "--long-name A-B", "'name", ".TH"):
        assert text in shown
