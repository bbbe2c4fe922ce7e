"""The contagion matrix filling in: in which asset liquidated accounts had lost, and which assets were sold for it."""

from __future__ import annotations

import numpy as np

from abm.view.colours import var
from abm.view.history import History
from abm.view.svg import Floats, Size, box, head, short, svg, text

MOST = 8  # assets drawn


def by_asset(run: History) -> Floats:
    """Currency traded by force, (n_assets that lost, n_assets traded): venues are added up."""
    places = run.instruments.asset
    table = np.zeros((int(places.max()) + 1,) * 2)
    np.add.at(table, (places[:, None], places[None, :]), run.matrix * run.money(1))
    return table


def matrix(run: History, size: Size) -> str:
    """Rows: asset that lost; columns: asset traded by force; each forced trade is split by its account's losses."""
    names, table = [asset.name for asset in run.model.scenario.assets[:MOST]], by_asset(run)
    n, top, left = len(names), 36.0, 60.0
    wide, tall = (size.width - left - 4) / n, (size.height - top - 20) / n
    largest = max(float(table.max()), 1e-9)
    parts = [head("Contagion", f"traded by force, {run.model.scenario.money.currency}")]
    parts.append(text(4, top - 6, "lost in ↓"))
    for j, name in enumerate(names):
        parts.append(text(left + (j + 0.5) * wide, top - 6, f"{name} traded" if j == 0 and wide > 76 else name, anchor="middle"))
        parts.append(text(left - 6, top + (j + 0.5) * tall + 4, name, anchor="end"))
        for i in range(n):
            share = float(np.sqrt(table[i, j] / largest)) if table[i, j] > 0 else 0.0
            parts.append(_cell(float(table[i, j]), share, (left + j * wide, top + i * tall, wide - 2, tall - 2)))
    total = float(table.sum())
    off = total - float(np.trace(table))
    told = f"{100 * off / total:.0f} % in another asset than the one that lost" if total else "nothing traded by force yet"
    return svg(size, *parts, text(4, size.height - 5, told), label="Contagion between assets")


def _cell(value: float, share: float, place: tuple[float, float, float, float]) -> str:
    """A field whose shade is the root of its share of the largest one."""
    x, y, wide, tall = place
    back = f'<rect class="cell" x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{tall:.1f}"/>'
    shade = box(x, y, wide, tall, fill=var("book"), opacity=round(0.85 * share, 3)) if share else ""
    css = "light" if share > 0.65 else "strong"
    return back + shade + text(x + wide / 2, y + tall / 2 + 4, short(value), anchor="middle", css=css)
