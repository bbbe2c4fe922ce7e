"""Legends: names with a sample of their colour, in rows that keep to a width."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from abm.view.svg import LETTER, box, text

ROW = 14.0  # pixels between rows


class Entry(NamedTuple):
    """One line of a legend; `kind`: box, line, dashed, dotted or dot."""

    name: str
    colour: str
    kind: str = "box"


def legend(x: float, y: float, entries: Sequence[Entry], *, width: float = 1e9) -> str:
    """Names with their colours side by side from (x, y) on, in rows of `width` that grow upwards."""
    rows = rows_of(entries, width)
    parts = []
    for row, members in enumerate(rows):
        at, foot = x, y - ROW * (len(rows) - 1 - row)
        for entry in members:
            parts.append(_sample(at, foot, entry) + text(at + 17, foot, entry.name))
            at += wide(entry)
    return "".join(parts)


def wide(entry: Entry) -> float:
    """Pixels that an entry takes, with the gap behind it."""
    return 17 + LETTER * len(entry.name) + 9


def rows_of(entries: Sequence[Entry], width: float) -> list[list[Entry]]:
    """Entries in rows, each no wider than `width` pixels."""
    rows: list[list[Entry]] = [[]]
    for entry in entries:
        if rows[-1] and sum(map(wide, rows[-1])) + wide(entry) - 9 > width:
            rows.append([])
        rows[-1].append(entry)
    return rows


def _sample(x: float, y: float, entry: Entry) -> str:
    if entry.kind == "box":
        return box(x + 3, y - 8, 9, 9, fill=entry.colour)
    if entry.kind == "dot":
        return f'<circle cx="{x + 7.5:.1f}" cy="{y - 3.5:.1f}" r="3.5" fill="{entry.colour}"/>'
    css = "" if entry.kind == "line" else f' class="{entry.kind}"'
    return f'<path{css} fill="none" stroke="{entry.colour}" stroke-width="2" d="M{x:.1f} {y - 3.5:.1f}h14"/>'
