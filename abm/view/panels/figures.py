"""The key numbers on top of the page."""

from __future__ import annotations

from html import escape

from abm.clearing.journal import EventKind
from abm.view.history import History
from abm.view.panels.prices import changes
from abm.view.svg import short


def key_numbers(run: History) -> dict[str, str]:
    """Label -> number as it is written; the same numbers as in a run's summary once the run is at its end."""
    scenario, tick = run.model.scenario, run.model.tick
    seconds, currency = tick * run.model.step_seconds, scenario.money.currency
    falls = {}
    for i, name in enumerate(run.instruments.names[:8]):
        path = changes(run, i)["mark"]
        falls[f"low of {name}"] = f"{min(0.0, float(path.min(initial=0.0))):.1f} %"
    makers = run.column("withdrawn_makers")
    waiting = run.column("in_liquidation")
    return {
        "time": f"{int(seconds // 60)}:{int(seconds % 60):02d}",
        "step": f"{tick} of {scenario.time.steps}",
        "accounts seized": f"{len(set(run.seized)):,}",
        "in liquidation": f"{int(waiting[-1]) if tick else 0:,}",
        f"forced trades, {currency}": short(run.money(int(run.column("forced_value").sum()))),
        f"bad debt, {currency}": short(run.money(run.amount[EventKind.CLOSED])),
        "makers away": f"{int(makers[-1]) if tick else 0} of {len(run.model.desk.rows)}",
        "generations": f"{max(run.generation, default=0)}",
        **falls,
    }


def strip(run: History, other: History | None) -> str:
    """The numbers in boxes, the twin's below them where they differ."""
    mine = key_numbers(run)
    twins = key_numbers(other) if other is not None else mine
    cells = [
        f'<div class="key"><span>{escape(label)}</span><b>{escape(value)}</b>'
        + (f"<i>twin {escape(twins[label])}</i>" if twins[label] != value else "")
        + "</div>"
        for label, value in mine.items()
    ]
    return f'<div class="keys">{"".join(cells)}</div>'
