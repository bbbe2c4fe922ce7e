"""The contagion matrix filling in: in which asset liquidated accounts had lost, and which assets were sold for it."""

from __future__ import annotations

import numpy as np

from abm.view.history import History
from abm.view.svg import BLUE, box, short, svg, text

WIDTH, HEIGHT = 380, 240


def matrix(run: History) -> str:
    """Rows: asset that lost; columns: asset traded by force; each forced trade is split by its account's losses."""
    names, table = run.instruments.names, run.matrix * run.money(1)
    currency = run.model.scenario.money.currency
    n, top, left = len(names), 48.0, 62.0
    wide, tall = (WIDTH - left - 6) / n, (HEIGHT - top - 26) / n
    largest = max(float(table.max()), 1e-9)
    parts = [text(4, 13, f"Contagion: lost in row, sold by force in column, {currency}", css="head")]
    for j, name in enumerate(names):
        parts.append(text(left + (j + 0.5) * wide, top - 5, name, anchor="middle"))
        parts.append(text(left - 6, top + (j + 0.5) * tall + 4, name, anchor="end"))
        for i in range(n):
            share = float(np.sqrt(table[i, j] / largest)) if table[i, j] > 0 else 0.0
            x, y = left + j * wide, top + i * tall
            parts.append(f'<rect class="cell" x="{x:.1f}" y="{y:.1f}" width="{wide - 2:.1f}" height="{tall - 2:.1f}"/>')
            parts.append(box(x, y, wide - 2, tall - 2, fill=BLUE, opacity=round(0.85 * share, 3)) if share else "")
            css = "light" if share > 0.6 else ""
            parts.append(text(x + wide / 2 - 1, y + tall / 2 + 3, short(float(table[i, j])), anchor="middle", css=css))
    off = float(table.sum() - np.trace(table))
    total = float(table.sum())
    told = f"{100 * off / total:.0f} % of it in another asset than the one that lost" if total else "nothing traded by force yet"
    parts.append(text(4, HEIGHT - 8, told))
    return svg(WIDTH, HEIGHT, *parts, label="Contagion between assets")
