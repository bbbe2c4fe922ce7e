"""Accounts as points: leverage against distance to liquidation, size by notional, colour by margin mode."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from abm.clearing.ledger import Mode, State
from abm.view.history import History
from abm.view.svg import RED, Axes, Floats, dots, legend, svg, text

WIDTH, HEIGHT = 425, 300
LOW, HIGH = -0.02, 0.40  # buffer shown, share of notional; beyond it points stand at the edge
LEVERAGE = (0.1, 100.0)
MODES = {Mode.ISOLATED: ("isolated", "#009E73"), Mode.CROSS: ("cross", "#0072B2"), Mode.UNIVERSAL: ("universal", "#CC79A7")}
SIZES = (2.5, 4.0, 6.5, 10.0)
AXES = Axes(40.0, 22.0, WIDTH - 10.0, HEIGHT - 46.0, 100 * LOW, 100 * HIGH, np.log10(LEVERAGE[0]), np.log10(LEVERAGE[1]))


@dataclass(frozen=True)
class Points:
    """Margined accounts that hold something; every array is (n,)."""

    account: NDArray[np.int64]
    buffer: Floats  # (collateral - maintenance margin) / gross notional
    leverage: Floats  # gross notional / equity; the largest shown where equity is gone
    notional: Floats  # currency
    mode: NDArray[np.int8]
    seized: NDArray[np.bool_]

    def x(self) -> Floats:
        """Pixels."""
        return AXES.x(100.0 * self.buffer)

    def y(self) -> Floats:
        """Pixels."""
        return AXES.y(np.log10(np.clip(self.leverage, *LEVERAGE)))

    def nearest(self, x: float, y: float) -> int | None:
        """The account whose point is nearest to a place in pixels, None where there is none within 14 pixels."""
        if not len(self.account):
            return None
        distance = np.hypot(self.x() - x, self.y() - y)
        best = int(distance.argmin())
        return int(self.account[best]) if distance[best] <= 14.0 else None


def points(run: History) -> Points:
    """Where everybody stands on the marks of now."""
    model = run.model
    ledger, exchange = model.ledger, model.exchange
    worth = model.worth if model.tick else exchange.revalue()
    gross = np.abs(ledger.position) @ exchange.price
    rows = np.flatnonzero(exchange.margined & (gross > 0) & np.isin(ledger.mode, list(MODES)))
    gross, equity = gross[rows].astype(np.float64), worth.equity[rows]
    leverage = np.where(equity > 0, gross / np.maximum(equity, 1), LEVERAGE[1])
    seized = ledger.state[rows] == State.LIQUIDATING
    buffer = (worth.collateral[rows] - worth.maintenance[rows]) / gross
    notional = np.asarray(gross * model.scenario.money.cash_unit, dtype=np.float64)
    return Points(rows, buffer, leverage, notional, ledger.mode[rows], seized)


def accounts(run: History, chosen: int | None) -> str:
    """The trigger stands at zero: left of it accounts are seized."""
    seen = points(run)
    x, y, parts = seen.x(), seen.y(), [_axes()]
    size = np.digitize(seen.notional, np.quantile(seen.notional, (0.5, 0.8, 0.95))) if len(seen.notional) else seen.account
    for mode, (_, stroke) in MODES.items():
        for row, width in enumerate(SIZES):
            rows = (seen.mode == mode) & (size == row) & ~seen.seized
            parts.append(dots(x[rows], y[rows], stroke=stroke, size=width, opacity=0.55))
    parts.append(dots(x[seen.seized], y[seen.seized], stroke=RED, size=7.0, opacity=0.9))
    for row in np.flatnonzero(seen.account == chosen)[:1]:
        parts.append(f'<circle class="chosen" cx="{x[row]:.1f}" cy="{y[row]:.1f}" r="9"/>')
    modes = [(name, stroke) for mode, (name, stroke) in MODES.items() if (seen.mode == mode).any()]
    parts.append(legend(44, HEIGHT - 6, [*modes, ("in liquidation", RED)]))
    parts.append(text(WIDTH - 10, HEIGHT - 6, "larger: more notional", anchor="end"))
    return svg(WIDTH, HEIGHT, *parts, label="Accounts by leverage and distance to liquidation")


def _axes() -> str:
    parts = [f'<path class="axis" d="M{AXES.left} {AXES.top}V{AXES.bottom}H{AXES.right}"/>']
    for value in (0.1, 1.0, 10.0, 100.0):
        at = float(AXES.y(np.log10(value)))
        parts.append(f'<path class="grid" d="M{AXES.left} {at:.1f}H{AXES.right}"/>')
        parts.append(text(AXES.left - 4, at + 3, f"{value:g}", anchor="end"))
    for share in (0, 10, 20, 30, 40):
        parts.append(text(float(AXES.x(share)), AXES.bottom + 12, f"{share}", anchor="middle"))
    zero = float(AXES.x(0.0))
    parts.append(f'<path stroke="{RED}" stroke-width="1.5" stroke-dasharray="4 3" d="M{zero:.1f} {AXES.top}V{AXES.bottom}"/>')
    parts.append(text(zero + 4, AXES.top + 9, "liquidation", fill=RED))
    parts.append(text(4, 13, "Accounts: leverage (notional / equity) by distance to liquidation", css="head"))
    middle = (AXES.left + AXES.right) / 2
    parts.append(text(middle, AXES.bottom + 25, "collateral above maintenance margin, % of notional", anchor="middle"))
    return "".join(parts)
