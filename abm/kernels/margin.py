"""Revaluation of accounts: equity, collateral and margin under brackets of rising rates."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from abm.kernels.compiled import compiled

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_BLOCK = 512  # accounts worked at a time: a column of them stays in the first-level cache
_GROUP = 64  # accounts of a block that are looked at together for the higher brackets
STRIDE = 3  # brackets that every leg is tried against; tables hold at least so many


class Brackets(NamedTuple):
    """Margin brackets of every rule; arrays are (n_rules, n_instruments, n_brackets) unless stated.

    The margin of a notional n is the largest of `rate * n - amount` over the brackets: rates do not fall and the margin
    is continuous, so it is convex and the bracket that holds n gives the largest value. Unused places repeat the last
    rate and amount under an infinite floor.
    """

    floor: Floats  # cash units
    initial_rate: Floats
    initial_amount: Floats  # cash units
    maintenance_rate: Floats
    maintenance_amount: Floats  # cash units
    gains_share: Floats  # (n_rules,), share of unrealised gains that counts as collateral


class Revaluation(NamedTuple):
    """What accounts are worth and must hold to keep their positions; arrays (n_accounts,), cash units."""

    equity: Ints
    collateral: Ints  # equity less the unrealised gains that do not count
    maintenance: Ints


@compiled
def revalue(cash: Ints, position: Ints, cost: Ints, price: Ints, rule: Ints, brackets: Brackets) -> Revaluation:
    """Equity, collateral and maintenance margin of all accounts: the margin check of a step.

    `cash` (n_accounts, n_currencies) cash units, all at par; `position` (n_accounts, n_instruments) lots and `cost` cash
    units, this read only if some gains do not count; `price` (n_instruments,) cash units per lot, mark x unit; `rule`
    (n_accounts,) row of `brackets`. collateral = equity - round((1 - gains_share) * sum of max(0, value - cost)).
    """
    equity = _sum_of_cash(cash)
    maintenance = margin(position, price, rule, brackets.floor, brackets.maintenance_rate, brackets.maintenance_amount, equity)
    if brackets.gains_share.min() == 1.0:
        return Revaluation(equity, equity, maintenance)
    collateral = gains(position, cost, price)
    for i in range(equity.size):
        collateral[i] = equity[i] - int(np.rint((1.0 - brackets.gains_share[rule[i]]) * collateral[i]))
    return Revaluation(equity, collateral, maintenance)


@compiled
def initial_margin(position: Ints, price: Ints, rule: Ints, brackets: Brackets) -> Ints:
    """What accounts must hold to open their positions, (n_accounts,) cash units; arguments as in `revalue`."""
    unused = np.zeros(position.shape[0], dtype=np.int64)
    return margin(position, price, rule, brackets.floor, brackets.initial_rate, brackets.initial_amount, unused)


@compiled
def revalue_rows(
    rows: Ints, cash: Ints, position: Ints, cost: Ints, price: Ints, rule: Ints, brackets: Brackets
) -> Revaluation:
    """`revalue` of the accounts in `rows` (m,); the result has their order."""
    rules = np.empty(rows.size, dtype=np.int64)
    for i in range(rows.size):
        rules[i] = rule[rows[i]]
    return revalue(_take(cash, rows), _take(position, rows), _take(cost, rows), price, rules, brackets)


@compiled
def leg_margin(position: Ints, price: Ints, brackets: Brackets, rule: int) -> Ints:
    """Maintenance margin of every leg of `position` (n_accounts, n_instruments) under one rule: cash units, same shape."""
    result = np.empty(position.shape, dtype=np.int64)
    for j in range(position.shape[1]):
        rate, amount = brackets.maintenance_rate[rule, j], brackets.maintenance_amount[rule, j]
        for i in range(position.shape[0]):
            result[i, j] = bracket_margin(float(abs(position[i, j] * price[j])), rate, amount)
    return result


@compiled
def gains(position: Ints, cost: Ints, price: Ints) -> Ints:
    """Unrealised gains of every account, (n_accounts,) cash units: sum over instruments of max(0, value - cost)."""
    columns, costs = position.T, cost.T
    result = np.zeros(position.shape[0], dtype=np.int64)
    for j in range(position.shape[1]):
        lots, paid, p = columns[j], costs[j], price[j]
        for i in range(result.size):
            result[i] += max(0, lots[i] * p - paid[i])
    return result


@compiled
def equity_of(rows: Ints, cash: Ints, position: Ints, price: Ints) -> Ints:
    """Cash plus value of positions of the accounts `rows` (m,), cash units; arguments as in `revalue`."""
    result = np.zeros(rows.size, dtype=np.int64)
    for column in cash.T:
        for i in range(rows.size):
            result[i] += column[rows[i]]
    for j in range(price.size):
        lots, p = position.T[j], price[j]
        for i in range(rows.size):
            result[i] += lots[rows[i]] * p
    return result


@compiled
def long_lots(position: Ints) -> Ints:
    """Sum of the long positions of every instrument, (n_instruments,) lots."""
    result = np.zeros(position.shape[1], dtype=np.int64)
    for j in range(position.shape[1]):
        lots = position.T[j]
        total = 0
        for i in range(lots.size):
            total += max(lots[i], 0)
        result[j] = total
    return result


@compiled
def bracket_margin(notional: float, rate: Floats, amount: Floats) -> int:
    """Margin of one leg of |notional| cash units under one row of brackets (n_brackets,)."""
    result = rate[0] * notional
    for k in range(1, rate.size):
        result = max(result, rate[k] * notional - amount[k])
    return int(np.rint(result))


@compiled
def _take(table: Ints, rows: Ints) -> Ints:
    """Rows of a table, stored by column."""
    taken = np.empty((table.shape[1], rows.size), dtype=np.int64)
    for i in range(rows.size):
        for j in range(table.shape[1]):
            taken[j, i] = table[rows[i], j]
    return np.asarray(taken.T)


@compiled
def _sum_of_cash(cash: Ints) -> Ints:
    columns = cash.T
    result: Ints = columns[0].copy()
    for c in range(1, cash.shape[1]):
        column = columns[c]
        for i in range(result.size):
            result[i] += column[i]
    return result


@compiled
def margin(position: Ints, price: Ints, rule: Ints, floor: Floats, rate: Floats, amount: Floats, worth: Ints) -> Ints:
    """Margin of every account, (n_accounts,) cash units; the value of its positions is added to `worth` in the same pass.

    margin = sum over instruments of round(max over brackets k of rate_k * |lots * price| - amount_k), rounded half to
    even per leg, so that margins of legs add up exactly. `position` (n_accounts, n_instruments) lots, fastest in column
    order; `price` (n_instruments,) cash units per lot; `rule` (n_accounts,) row of the tables `floor`, `rate`, `amount`.
    """
    n_accounts, n_instruments = position.shape
    columns = position.T
    result = np.empty(n_accounts, dtype=np.int64)
    block = np.empty(_BLOCK)
    first = 0
    while first < n_accounts:
        last = _end_of_block(rule, first)
        r = rule[first]
        total = block[: last - first]
        total[:] = 0.0
        equity = worth[first:last]
        for j in range(n_instruments):
            lots = columns[j][first:last]
            p = price[j]
            r0, r1, r2 = rate[r, j, 0], rate[r, j, 1], rate[r, j, 2]
            a1, a2 = amount[r, j, 1], amount[r, j, 2]
            top = 0
            for i in range(total.size):
                value = lots[i] * p
                equity[i] += value
                value = abs(value)
                top = max(top, value)
                n = float(value)
                total[i] += np.rint(max(max(r0 * n, r1 * n - a1), r2 * n - a2))
            if floor.shape[2] > STRIDE and floor[r, j, STRIDE] <= top:
                _add_excess(lots, p, floor[r, j], rate[r, j], amount[r, j], total)
        whole = result[first:last]
        for i in range(total.size):
            whole[i] = int(total[i])
        first = last
    return result


@compiled
def _end_of_block(rule: Ints, first: int) -> int:
    """End of the run of accounts under one rule, at most a block long."""
    block = rule[first : first + _BLOCK]
    others = 0
    for i in range(block.size):
        others += block[i] != block[0]
    last = first + block.size
    if others > 0:
        last = first + 1
        while rule[last] == rule[first]:
            last += 1
    return last


@compiled
def _add_excess(lots: Ints, price: int, floor: Floats, rate: Floats, amount: Floats, total: Floats) -> None:
    """Add what the higher brackets ask beyond the first `STRIDE`, in those groups of accounts that reach them."""
    scratch = np.empty((3, _GROUP))
    r0, r1, r2 = rate[0], rate[1], rate[2]
    a1, a2 = amount[1], amount[2]
    for first in range(0, lots.size, _GROUP):
        held = lots[first : first + _GROUP]
        n, low, leg = scratch[0], scratch[1], scratch[2]
        top = 0
        for i in range(held.size):
            top = max(top, abs(held[i]))
        top *= price
        if top < floor[STRIDE]:
            continue
        for i in range(held.size):
            n[i] = abs(held[i] * price)
            low[i] = max(max(r0 * n[i], r1 * n[i] - a1), r2 * n[i] - a2)
            leg[i] = low[i]
        for k in range(STRIDE, rate.size):
            if top < floor[k]:
                break
            r, a = rate[k], amount[k]
            for i in range(held.size):
                leg[i] = max(leg[i], r * n[i] - a)
        for i in range(held.size):
            total[first + i] += np.rint(leg[i]) - np.rint(low[i])
