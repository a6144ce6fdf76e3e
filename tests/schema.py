"""The documented JSON schema, and how to hold a value to it."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

SCHEMA = Path(__file__).parents[1] / "docs" / "schema" / "pynetstat.schema.json"


@lru_cache
def _validator(part: str | None) -> Draft202012Validator:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    if part is not None:
        schema["anyOf"] = [{"$ref": f"#/$defs/{part}"}]
    return Draft202012Validator(schema)


def validate(value: Any, part: str | None = None) -> None:
    """Raise where ``value`` is nothing, or not the ``part``, that the schema describes."""
    _validator(part).validate(value)
