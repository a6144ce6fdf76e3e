"""The pages under docs/: their examples run, their links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pynetstat.shell.vocabulary import read_vocabulary

from .examples import ROOT, blocks, run_python

PAGES = sorted((ROOT / "docs").glob("*.md"))
EXAMPLES = [
    pytest.param(code, id=f"{page.stem}-{number}")
    for page in PAGES
    for number, code in enumerate(blocks(page, "python"))
]


@pytest.mark.parametrize("code", EXAMPLES)
def test_an_example_runs(code: str, tmp_path: Path) -> None:
    result = run_python(code, tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_link_leads_to_a_file(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_columns_are_those_that_there_are() -> None:
    text = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")
    table = text.partition("| column | what it shows |")[2].partition("\n\n")[0]
    assert dict(re.findall(r"^\| `(.+?)` \| (.+?) \|$", table, re.M)) == read_vocabulary().columns
