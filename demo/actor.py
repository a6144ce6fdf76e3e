"""A process of a lab: it runs the code that it is sent and says what came of it.

Started as a program of its own, with the standard library alone. A request is a line of
JSON on standard input, ``{"code": ...}`` or ``{"names": {...}}``; each gets one line back,
``{"value": ...}`` (the repr of the code's last expression) or ``{"error": ...}``.
"""

from __future__ import annotations

import ast
import json
import socket
import sys
from typing import Any


def run(code: str, names: dict[str, Any]) -> Any:
    """Run the code in ``names``; the value of its last line if that is an expression."""
    tree = ast.parse(code)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "<lab>", "exec"), names)
    if not isinstance(last, ast.Expr):
        return None
    return eval(compile(ast.Expression(last.value), "<lab>", "eval"), names)


def main() -> None:
    """Serve requests until standard input ends."""
    names: dict[str, Any] = {"__name__": "__lab__", **vars(socket)}
    exec("import errno, os, socket as socket_module, struct, time", names)
    for line in sys.stdin.buffer:
        request = json.loads(line)
        try:
            names.update(request.get("names", {}))
            answer = {"value": repr(run(request.get("code", ""), names))}
        except Exception as error:  # noqa: BLE001 - it is the answer
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
