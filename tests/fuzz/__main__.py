"""Runs targets for a bounded time, side by side, and tells what they found.

Exit status 0 when nothing was found, 1 after a finding, 2 without atheris.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from . import corpus
from .shrink import shortened

_ROOT = Path(__file__).parents[2]
_LONGEST_INPUT = 4096
_SLOWEST_INPUT_S = 20
_START_AND_END_S = 120
"""Besides the fuzzing itself: loading, the seeds, and an input that is too slow."""
_SHRINKING_S = 20.0
_FINDINGS = ("crash-*", "timeout-*", "oom-*")


class Outcome(NamedTuple):
    """How one target fared: how many inputs it was given, and what it broke on, if anything.

    ``raised`` says that it broke with an exception, not by taking too much time or memory.
    """

    target: str
    inputs: int
    broke_on: bytes | None
    raised: bool
    log: str
    status: int

    @property
    def good(self) -> bool:
        """Whether it ran to its end and nothing was found."""
        return self.status == 0 and self.broke_on is None


def main() -> int:
    """Run what the command line asks for."""
    names = corpus.target_names()
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("target", choices=[*names, "all"])
    parser.add_argument("--seconds", type=int, default=60, help="for each target that has no SHARE")
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, help="targets at a time (one a core)"
    )
    options = parser.parse_args()
    if importlib.util.find_spec("atheris") is None:
        print("atheris is not installed: pip install -e '.[fuzz]'", file=sys.stderr)
        return 2
    wanted = names if options.target == "all" else [options.target]
    with ThreadPoolExecutor(options.jobs) as pool:
        outcomes = []
        for outcome in pool.map(lambda name: fuzz(name, options.seconds), wanted):
            print(_report(outcome), flush=True)
            outcomes.append(outcome)
    return 0 if all(outcome.good for outcome in outcomes) else 1


def fuzz(name: str, seconds: int) -> Outcome:
    """One target for its share of so many seconds; all that it writes goes with its folder."""
    target = corpus.load_target(name)
    seconds = max(round(seconds * getattr(target, "SHARE", 1.0)), 1)
    with tempfile.TemporaryDirectory(prefix=f"fuzz-{name}-") as folder:
        found = Path(folder)
        seeds = found / "corpus"
        seeds.mkdir()
        for seed, data in corpus.seeds(name).items():
            (seeds / seed).write_bytes(data)
        command = [
            *(sys.executable, "-m", f"{__package__}.worker", name, str(seeds)),
            f"-max_total_time={seconds}",
            f"-max_len={_LONGEST_INPUT}",
            f"-timeout={_SLOWEST_INPUT_S}",
            f"-artifact_prefix={found}/",
        ]
        dictionary = _dictionary(getattr(target, "WORDS", ()))
        if dictionary:
            words = found / "words"
            words.write_text(dictionary, "ascii")
            command.append(f"-dict={words}")
        with (found / "log").open("w+") as log:
            status = _run(command, log.fileno(), seconds + _START_AND_END_S)
            log.seek(0)
            text = log.read()
        artifacts = [path for pattern in _FINDINGS for path in found.glob(pattern)]
        broke_on = artifacts[0].read_bytes() if artifacts else None
        raised = bool(artifacts) and artifacts[0].name.startswith("crash-")
    inputs = re.search(r"^Done (\d+) runs", text, re.MULTILINE)
    return Outcome(name, int(inputs[1]) if inputs else 0, broke_on, raised, text, status)


def _run(command: list[str], output: int, timeout_s: float) -> int:
    with subprocess.Popen(
        command, cwd=_ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=output
    ) as process:
        try:
            return process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()


def _dictionary(words: tuple[str | bytes, ...]) -> str:
    """Words as libFuzzer reads them."""
    raw = (word if isinstance(word, bytes) else word.encode() for word in words)
    return "".join('"' + "".join(f"\\x{byte:02x}" for byte in word) + '"\n' for word in raw)


def _report(outcome: Outcome) -> str:
    if outcome.good:
        return f"{outcome.target}: {outcome.inputs} inputs, nothing found"
    if outcome.broke_on is None:
        return f"{outcome.target}: ended with status {outcome.status}\n{_tail(outcome.log)}"
    data = outcome.broke_on
    check = corpus.check_of(outcome.target)
    if outcome.raised:
        data = shortened(check, data, _SHRINKING_S)
    return (
        f"{outcome.target}: a finding\n{_tail(outcome.log)}\n"
        f"from tests.fuzz.targets import {outcome.target}\n"
        f"{outcome.target}.check({data!r})\n"
        f"# keep it as tests/fuzz/seeds/{outcome.target}/WHAT-IT-IS.hex:\n# {data.hex(' ')}"
    )


def _tail(log: str) -> str:
    """The traceback, else the last lines."""
    _, mark, trace = log.rpartition("=== Uncaught Python exception: ===")
    if mark:
        return trace.partition("\n==")[0].strip()
    return "\n".join(log.splitlines()[-20:])


if __name__ == "__main__":
    sys.exit(main())
