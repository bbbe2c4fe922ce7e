"""Settlement: fills and takeovers become cash, positions, cost and fees."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from abm.kernels.compiled import compiled

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

AHEAD = 32  # fills whose memory is fetched together


@compiled
def leg_after(position: int, cost: int, realised: int, lots: int, value: int) -> tuple[int, int, int]:
    """Position, cost and realised profit of a leg after it takes `lots` (signed) for `value` paid (signed, cash units).

    Average cost: an increase adds its value; a reduction removes cost pro rata, rounded half to even, and realises the
    difference; a flip closes the old leg and opens the new one with what is left of the value. Always exact:
    cost - realised = sum of values paid.
    """
    if position == 0 or (position > 0) == (lots > 0):
        return position + lots, cost + value, realised
    closed = min(abs(lots), abs(position))
    removed, paid = cost, value
    if closed < abs(position):
        removed = int(np.rint(float(cost) * closed / abs(position)))
    if closed < abs(lots):
        paid = int(np.rint(float(value) * closed / abs(lots)))
    return position + lots, cost - removed + value - paid, realised - paid - removed


@compiled
def touch(fills: NDArray[Any], cash: Ints, position: Ints, cost: Ints, realised: Ints) -> int:
    """Read what `fills` will change and return a number that depends on all of it, so that memory is fetched side by side."""
    seen = 0
    for i in range(fills.size):
        j, taker, maker = fills[i]["instrument"], fills[i]["taker"], fills[i]["maker"]
        seen += cash[taker, 0] + position[taker, j] + cost[taker, j] + realised[taker, j]
        seen += cash[maker, 0] + position[maker, j] + cost[maker, j] + realised[maker, j]
    return seen


@compiled
def settle(
    fills: NDArray[Any],
    cash: Ints,
    position: Ints,
    cost: Ints,
    realised: Ints,
    terms: Ints,
    rates: Floats,
    forced: int,
) -> None:
    """Book every fill on both accounts, in order: cash pays the full value, then the fees.

    `fills` (n,) FILL; `cash` (n_accounts, n_currencies); `position`, `cost`, `realised` (n_accounts, n_instruments);
    `terms` (4, n_instruments): cash units per tick and lot, settlement currency, fee account, fund account; `rates`
    (3, n_instruments): taker, maker and liquidation fee as shares of value (negative: a rebate), the last charged to
    takers whose reason is `forced`. A fee is round-half-even(rate * value) cash units.
    """
    seen = np.empty(1, dtype=np.int64)
    for i in range(fills.size):
        if i % AHEAD == 0:
            seen[0] = touch(fills[i : i + AHEAD], cash, position, cost, realised)
        fill = fills[i]
        j = fill["instrument"]
        taker, maker = fill["taker"], fill["maker"]
        lots = fill["side"] * fill["lots"]
        value = lots * fill["tick"] * terms[0, j]
        c = terms[1, j]
        taker_fee = int(np.rint(rates[0, j] * abs(value)))
        maker_fee = int(np.rint(rates[1, j] * abs(value)))
        cash[taker, c] -= value + taker_fee
        cash[maker, c] += value - maker_fee
        cash[terms[2, j], c] += taker_fee + maker_fee
        if fill["taker_reason"] == forced:
            fee = int(np.rint(rates[2, j] * abs(value)))
            cash[taker, c] -= fee
            cash[terms[3, j], c] += fee
        position[taker, j], cost[taker, j], realised[taker, j] = leg_after(
            position[taker, j], cost[taker, j], realised[taker, j], lots, value
        )
        position[maker, j], cost[maker, j], realised[maker, j] = leg_after(
            position[maker, j], cost[maker, j], realised[maker, j], -lots, -value
        )


@compiled
def tally(fills: NDArray[Any], reason: int, volume: Ints, driven: Ints, value: Ints) -> None:
    """Add up `fills` (n,) FILL by instrument: `volume` (n_instruments,) lots of all, `driven` lots and `value` lots x tick
    of those whose taker's reason is `reason`."""
    for i in range(fills.size):
        j, lots = fills[i]["instrument"], fills[i]["lots"]
        volume[j] += lots
        if fills[i]["taker_reason"] == reason:
            driven[j] += lots
            value[j] += lots * fills[i]["tick"]


@compiled
def own_fills(fills: NDArray[Any], first: int, owner: Ints, bought: Ints, sold: Ints) -> None:
    """Add the lots of `fills` (n,) FILL that the accounts from `first` on bought and sold, to the rows `owner` (k,) names
    for them, in `bought` and `sold` (n_owners, n_instruments)."""
    for i in range(fills.size):
        j, lots = fills[i]["instrument"], fills[i]["lots"]
        taker, maker = fills[i]["taker"] - first, fills[i]["maker"] - first
        buyer, seller = (taker, maker) if fills[i]["side"] > 0 else (maker, taker)
        if 0 <= buyer < owner.size:
            bought[owner[buyer], j] += lots
        if 0 <= seller < owner.size:
            sold[owner[seller], j] += lots


@compiled
def take_over(moves: Ints, cash: Ints, position: Ints, cost: Ints, realised: Ints, currency: Ints) -> None:
    """Move positions off the book, in order; `moves` (n, 5): source, target, instrument, lots, value the target pays."""
    for i in range(moves.shape[0]):
        source, target, j, lots, value = moves[i, 0], moves[i, 1], moves[i, 2], moves[i, 3], moves[i, 4]
        cash[source, currency[j]] += value
        cash[target, currency[j]] -= value
        position[source, j], cost[source, j], realised[source, j] = leg_after(
            position[source, j], cost[source, j], realised[source, j], -lots, -value
        )
        position[target, j], cost[target, j], realised[target, j] = leg_after(
            position[target, j], cost[target, j], realised[target, j], lots, value
        )
