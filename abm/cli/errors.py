"""Mistakes of the user: one line on stderr, exit code 2, no traceback."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

MISTAKE = 2  # exit code of every mistake of the user
STOPPED = 130  # exit code after Ctrl-C


class Mistake(Exception):
    """Something the user can mend; the message is one line."""


def hint(name: str, names: Iterable[str]) -> str:
    """The end of a message about an unknown name: the nearest valid one, or all of them."""
    known = list(names)
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known) or 'none'}"
