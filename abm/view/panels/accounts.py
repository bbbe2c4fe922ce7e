"""Accounts as points: leverage against distance to liquidation, size by notional, colour by margin mode."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from abm.clearing.ledger import Mode, State
from abm.view.colours import var
from abm.view.history import History
from abm.view.legend import ROW, Entry, legend
from abm.view.svg import Axes, Floats, Size, box, dots, head, short, svg, text

LOW, HIGH = -4.0, 100.0  # buffer shown, % of notional; beyond it points stand at the edge
LEVERAGE = (0.1, 100.0)
MODES = {Mode.ISOLATED: "isolated", Mode.CROSS: "cross", Mode.UNIVERSAL: "universal"}
WIDTHS = (3.0, 5.0, 8.0, 12.0)  # pixels, of the points of each size class
CLASSES = (0.5, 0.8, 0.95)  # shares of accounts at the opening below the larger classes
NEAR = 14.0  # pixels within which a click finds a point


@dataclass(frozen=True)
class Points:
    """Margined accounts that hold something; every array is (n,)."""

    account: NDArray[np.int64]
    buffer: Floats  # (collateral - maintenance margin) / gross notional
    leverage: Floats  # gross notional / equity; the largest shown where equity is gone
    notional: Floats  # currency
    mode: NDArray[np.int8]
    seized: NDArray[np.bool_]

    def x(self, axes: Axes) -> Floats:
        """Pixels."""
        return axes.x(root(100.0 * self.buffer))

    def y(self, axes: Axes) -> Floats:
        """Pixels."""
        return axes.y(np.log10(np.clip(self.leverage, *LEVERAGE)))


def root(percent: ArrayLike) -> Floats:
    """The scale of distances: a signed square root, which gives most room to those close to the trigger."""
    value = np.asarray(percent, dtype=np.float64)
    return np.asarray(np.sign(value) * np.sqrt(np.abs(value)))


def axes_of(size: Size) -> Axes:
    """The rectangle of the points."""
    ends = root([LOW, HIGH])
    return Axes(34.0, 34.0, size.width - 12.0, size.height - 50.0, *map(float, ends), *map(float, np.log10(LEVERAGE)))


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


def nearest(run: History, size: Size, x: float, y: float) -> int | None:
    """The account whose point is nearest to a place in pixels, None where there is none close by."""
    seen, axes = points(run), axes_of(size)
    if not len(seen.account):
        return None
    distance = np.hypot(seen.x(axes) - x, seen.y(axes) - y)
    best = int(distance.argmin())
    return int(seen.account[best]) if distance[best] <= NEAR else None


def accounts(run: History, chosen: int | None, size: Size) -> str:
    """The trigger stands at zero: left of it accounts are seized."""
    seen, axes = points(run), axes_of(size)
    limits = np.quantile(run.opening_notional, CLASSES) if len(run.opening_notional) else np.zeros(len(CLASSES))
    x, y, parts = seen.x(axes), seen.y(axes), [_frame(axes)]
    classes = np.digitize(seen.notional, limits)
    for mode, name in MODES.items():
        for row, width in enumerate(WIDTHS):
            rows = (seen.mode == mode) & (classes == row) & ~seen.seized
            parts.append(dots(x[rows], y[rows], stroke=var(name), size=width, opacity=0.5))
    for row, width in enumerate(WIDTHS):
        rows = seen.seized & (classes == row)
        parts.append(dots(x[rows], y[rows], stroke=var("forced"), size=width + 2, opacity=0.9))
    for row in np.flatnonzero(seen.account == chosen)[:1]:
        parts.append(f'<circle class="chosen" cx="{x[row]:.1f}" cy="{y[row]:.1f}" r="9"/>')
    modes = [Entry(name, var(name), "dot") for mode, name in MODES.items() if (seen.mode == mode).any()]
    parts.append(legend(4, size.height - 5, [*modes, Entry("in liquidation", var("forced"), "dot")], width=size.width))
    parts.append(_sizes(run, limits, size))
    return svg(size, *parts, label="Accounts by leverage and distance to liquidation")


def _sizes(run: History, limits: Floats, size: Size) -> str:
    """The legend of sizes, above the points."""
    label = f"> {short(float(limits[-1]))} {run.model.scenario.money.currency}"
    at, y = size.width - 12, 23.5
    parts = [text(at, y + 3.5, label, anchor="end")]
    at -= 6.2 * len(label) + 10
    for width in reversed(WIDTHS):
        parts.append(f'<circle cx="{at:.1f}" cy="{y:.1f}" r="{width / 2:g}" fill="{var("soft")}" opacity="0.6"/>')
        at -= width / 2 + 6
    return "".join([*parts, text(at, y + 3.5, "notional", anchor="end")])


def _frame(axes: Axes) -> str:
    zero = float(axes.x(0.0))
    parts = [head("Accounts", "leverage by distance to liquidation"), text(4, 27, "notional / equity")]
    parts.append(box(axes.left, axes.top, zero - axes.left, axes.bottom - axes.top, fill=var("forced"), opacity=0.14))
    parts.append(f'<path class="axis" d="M{axes.left} {axes.top}V{axes.bottom}H{axes.right}"/>')
    for value in (0.1, 1.0, 10.0, 100.0):
        at = float(axes.y(np.log10(value)))
        parts.append(f'<path class="grid" d="M{axes.left} {at:.1f}H{axes.right}"/>')
        parts.append(text(axes.left - 4, at + 4, f"{value:g}x", anchor="end"))
    for percent in (0, 2, 10, 25, 50, 100):
        parts.append(axes.below(float(axes.x(root(percent))), f"≥{percent}%" if percent == HIGH else f"{percent}"))
    parts.append(f'<path stroke="{var("forced")}" stroke-width="1.8" d="M{zero:.1f} {axes.top}V{axes.bottom}"/>')
    parts.append(text(zero + 5, axes.top + 11, "liquidation", fill=var("forced")))
    middle = (axes.left + axes.right) / 2
    parts.append(text(middle, axes.bottom + 13 + ROW, "collateral above maintenance margin, % of notional", anchor="middle"))
    return "".join(parts)
