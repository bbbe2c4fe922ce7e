"""Losses beyond equity as a waterfall: what was lost, and which layer bore how much of it."""

from __future__ import annotations

import numpy as np

from abm.clearing.journal import EventKind
from abm.view.history import History
from abm.view.svg import GREY, RED, box, colour, short, svg, text

WIDTH, HEIGHT = 380, 240
LAYERS = (
    ("keepers", (EventKind.KEEPER_TAKEOVER,)),
    ("insurance fund", (EventKind.FUND_TAKEOVER, EventKind.FUND_PAID)),
    ("auto-deleveraged", (EventKind.ADL,)),
    ("members, for clients", (EventKind.MEMBER_TAKEOVER, EventKind.MEMBER_PAID)),
    ("house's own money", (EventKind.SKIN_PAID,)),
    ("members' fund", (EventKind.CONTRIBUTED,)),
    ("calls on members", (EventKind.ASSESSED,)),
    ("cuts of gains", (EventKind.GAINS_HAIRCUT,)),
    ("all others", (EventKind.SOCIALISED,)),
)
ALWAYS = 3  # layers that are shown even if they bore nothing


def borne(run: History) -> dict[str, float]:
    """Currency by layer; those beyond the first `ALWAYS` only if they bore something."""
    amounts = {name: run.money(sum(run.amount[kind] for kind in kinds)) for name, kinds in LAYERS}
    return {name: amount for row, (name, amount) in enumerate(amounts.items()) if row < ALWAYS or amount}


def losses(run: History) -> str:
    """Every layer begins where the one before it ended."""
    total, parts_of = run.money(run.amount[EventKind.CLOSED]), borne(run)
    scale = max(total, sum(parts_of.values()), 1.0)
    left, most = 118.0, WIDTH - 118.0 - 54.0
    tall = min(22.0, (HEIGHT - 72) / (len(parts_of) + 1))
    currency = run.model.scenario.money.currency
    parts = [text(4, 13, f"Losses beyond equity, {currency}, and who bore them", css="head")]
    parts.append(_bar("lost", total, (left, 26, most * total / scale, tall), RED))
    at = left
    for row, (name, amount) in enumerate(parts_of.items(), start=1):
        width = most * amount / scale
        parts.append(_bar(name, amount, (at, 26 + row * (tall + 3), width, tall), colour(row - 1)))
        at += width
    funds = np.unique(np.concatenate([house.fund for house in run.model.exchange.houses]))
    fund = int(run.model.ledger.equity_of(funds, run.model.exchange.price).sum())
    closed = f"fund's equity {short(run.money(fund))} {currency} · keepers took over {run.count[EventKind.KEEPER_TAKEOVER]:,}"
    parts.append(text(4, HEIGHT - 20, f"{closed} positions"))
    told = f"auto-deleveraged {run.count[EventKind.ADL]:,} · recovered {run.count[EventKind.RECOVERED]:,}"
    parts.append(text(4, HEIGHT - 6, f"{told} · closed {run.count[EventKind.CLOSED]:,}"))
    return svg(WIDTH, HEIGHT, *parts, label="Losses beyond equity and who bore them")


def _bar(name: str, amount: float, place: tuple[float, float, float, float], fill: str) -> str:
    x, y, width, height = place
    label = text(4, y + height * 0.7, name)
    if amount <= 0:
        return label + text(x + 4, y + height * 0.7, "0", fill=GREY)
    width = max(width, 1.0)
    return label + box(x, y, width, height - 2, fill=fill) + text(x + width + 4, y + height * 0.7, short(amount))
