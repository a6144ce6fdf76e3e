"""Fuzzing: any bytes at all go through the parsers, the filter and the views.

::

    python -m tests.fuzz all --seconds 60      every target, as many at once as there are cores
    python -m tests.fuzz filters               one of them, for a minute

needs the extra ``fuzz`` (atheris, a libFuzzer for Python). A finding is printed as bytes
made as short as they get, with the traceback; nothing is left in the tree. Keep it: write
the test that it asks for into the ordinary test file of the code at fault, and put the
bytes beside the other seeds. ``tests/test_fuzz_seeds.py`` runs every seed through its
target in the ordinary suite, without atheris.

A new target is two things:

- a module in ``targets/`` with ``check(data: bytes) -> None``, which raises nothing unless
  the code is wrong. It takes what it needs from the bytes with :class:`.choices.Choices`
  and asserts what has to hold of the result: a row kept for each good one, a count for
  each bad one, the same by a slower way. ``WORDS``, if it has that, are pieces of input
  that chance would hardly find; ``SHARE`` is the part of the time asked for that it is run,
  all of it unless it says so. For rows of hostile names and checks of what a view
  prints there are ``rows.py`` and ``harmless.py``: a new format needs one call more in
  ``targets/render.py``, or a target of ten lines.
- at least one file in ``seeds/<its name>/``: the input itself, or in a ``.hex`` file its
  hex digits, which a person can read in a diff.
"""
