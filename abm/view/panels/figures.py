"""The key numbers on top of the page."""

from __future__ import annotations

from html import escape

from abm.clearing.journal import EventKind
from abm.view.history import History
from abm.view.svg import short

MOST = 5  # assets whose low is told


def key_numbers(run: History) -> dict[str, str]:
    """Label -> number as it is written; the same numbers as in a run's summary once the run is at its end."""
    scenario, tick = run.model.scenario, run.model.tick
    seconds, currency = tick * run.model.step_seconds, scenario.money.currency
    waiting, away = run.column("in_liquidation"), run.column("withdrawn_makers")
    return {
        "time": f"{int(seconds // 60)}:{int(seconds % 60):02d}",
        "step": f"{tick} of {scenario.time.steps}",
        "accounts seized": f"{len(set(run.seized)):,}",
        "in liquidation": f"{int(waiting[-1]) if tick else 0:,}",
        f"forced, {currency}": short(run.money(int(run.column("forced_value").sum()))),
        f"bad debt, {currency}": short(run.money(run.amount[EventKind.CLOSED])),
        "makers away": f"{int(away[-1]) if tick else 0} of {len(run.model.desk.rows)}",
        "generations": f"{max(run.generation, default=0)}",
        **{f"low of {name}": f"{round(low, 1) + 0.0:.1f} %" for name, low in lows(run).items()},
    }


def lows(run: History) -> dict[str, float]:
    """Lowest mark of each asset so far, on any venue, percent since the opening."""
    mark = run.column("mark")
    fall = 100.0 * (mark.min(axis=0, initial=2**62) / run.opening - 1.0) if len(mark) else 0.0 * run.opening
    fall = fall.clip(max=0.0)
    assets = run.model.scenario.assets[:MOST]
    return {asset.name: float(fall[run.instruments.asset == row].min()) for row, asset in enumerate(assets)}


def strip(run: History, other: History | None) -> str:
    """The numbers in boxes, the twin's below them where they differ."""
    mine = key_numbers(run)
    twins = key_numbers(other) if other is not None else mine
    line = "<i>{}</i>" if other is not None else ""
    cells = [
        f'<div class="key"><span>{escape(label)}</span><b>{escape(value)}</b>'
        + line.format(f"twin {escape(twins[label])}" if twins[label] != value else "\u00a0")
        + "</div>"
        for label, value in mine.items()
    ]
    return f'<div class="keys">{"".join(cells)}</div>'
