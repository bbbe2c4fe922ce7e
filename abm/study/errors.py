"""What a study cannot do, said in one line."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class StudyError(ValueError):
    """A mistake in a study, or a store that cannot be used; the message is one line for the user."""


def nearest(name: str, names: Iterable[str]) -> str:
    """The end of a message about an unknown name: the nearest valid one, or the first of them."""
    known = sorted(names)
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"known: {', '.join(known[:12])}{' ...' if len(known) > 12 else ''}" if known else "there are none"
