"""Portfolio margin of many accounts: a scan over scenarios, and the deviation of a portfolio's value."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from abm.kernels.compiled import compiled

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_BLOCK = 256  # accounts worked at a time: their positions stay in the first-level cache
_UNROLL = 8  # legs added in one pass
_ROWS = 7  # of scratch


class Grid(NamedTuple):
    """What one lot of every leg gains in every scenario, and the charges on top; money is in the caller's unit.

    Legs are instruments sorted by underlying, then by strike; a unit is the legs of one underlying.
    """

    gain: Floats  # (n_legs, n_scenarios), counted gain of one lot
    notional: Floats  # (n_legs,), value of one lot's delta
    leg: Ints  # (n_legs,), column of the instrument in a table of positions
    unit: Ints  # (n_units + 1,), first leg of each underlying
    strike: Ints  # (n_strikes + 1,), first leg of each strike; legs that are no options lie between them, free of charge
    short_charge: Floats  # (n_strikes,), added per net short option of a strike
    short_minimum: Floats  # (n_legs,), least requirement per short option
    hedge_charge: float  # added, share of the delta that is hedged within an underlying
    hedged_minimum: float  # least requirement of an underlying, share of its hedged delta ...
    unhedged_minimum: float  # ... plus share of its net delta
    offset: float  # between underlyings: 0 adds them, 1 nets them fully
    offset_charge: float  # added where they are netted, share of the delta that is hedged between underlyings


@compiled
def scan(position: Ints | Floats, grid: Grid) -> Floats:
    """Requirement of every row of `position` (n_accounts, n_instruments) lots: (n_accounts,), fastest in column order.

    Underlying u asks R_u = max(W_u + charges, M_u) with W_u = max over scenarios s of max(0, -sum over its legs of
    lots x gain_s) and M_u the minimum; the account asks sum R_u - offset x max(0, sum R_u - N), where N is the same for
    all underlyings as one (each scenario moves them together) plus the offset charge.
    """
    n_accounts, n_legs = position.shape[0], grid.leg.size
    result = np.zeros(n_accounts)
    lots = np.zeros((n_legs + _UNROLL, _BLOCK))  # rows beyond the legs stay zero
    gain = np.zeros((grid.gain.shape[1], n_legs + _UNROLL))
    gain[:, :n_legs] = grid.gain.T
    scratch = np.zeros((_ROWS, _BLOCK))
    options = grid.short_charge.max() > 0.0 or grid.short_minimum.max() > 0.0
    hedges = grid.hedge_charge > 0.0 or grid.hedged_minimum > 0.0 or grid.unhedged_minimum > 0.0
    hedges = hedges or (grid.offset > 0.0 and grid.offset_charge > 0.0)
    for first in range(0, n_accounts, _BLOCK):
        size = min(_BLOCK, n_accounts - first)
        for k in range(n_legs):
            row, column = lots[k], position[first : first + size, grid.leg[k]]
            for i in range(size):
                row[i] = column[i]
        rows = scratch[:, :size]
        rows[:] = 0.0
        gross, net, charges, minimum = rows[0], rows[1], rows[2], rows[3]
        worst, charge, least = rows[4], rows[5], rows[6]
        total = result[first : first + size]
        for u in range(grid.unit.size - 1):
            start, end = grid.unit[u], grid.unit[u + 1]
            if end - start == 1 and not options and not hedges:
                _single(lots[start], gain[:, start], total)
                continue
            rows[4:] = 0.0
            if end - start == 1:
                _single(lots[start], gain[:, start], worst)
            else:
                _worst(lots, gain, start, end, worst)
            if hedges:
                _hedges(lots, grid, start, end, charge, least, gross, net)
            if options:
                _shorts(lots, grid, start, end, charge, least)
            for i in range(size):
                total[i] += max(worst[i] + charge[i], least[i])
                charges[i] += charge[i]
                minimum[i] += least[i]
        if grid.offset > 0.0:
            worst[:] = 0.0
            _worst(lots, gain, 0, n_legs, worst)
            for i in range(size):
                matched = 0.5 * (gross[i] - abs(net[i]))
                netted = max(worst[i] + charges[i] + grid.offset_charge * matched, minimum[i])
                total[i] -= grid.offset * max(0.0, total[i] - netted)
    return result


@compiled
def deviation(position: Ints, price: Ints, covariance: Floats) -> Floats:
    """Standard deviation of every row's value, (n_accounts,) in the unit of `price`: sqrt(v' C v), v = lots x price.

    `position` (n_accounts, n_instruments) lots, `price` (n_instruments,), `covariance` of returns, symmetric.
    """
    n_accounts, n = position.shape
    result = np.empty(n_accounts)
    value = np.empty((n, _BLOCK))
    for first in range(0, n_accounts, _BLOCK):
        size = min(_BLOCK, n_accounts - first)
        variance = np.zeros(size)
        for k in range(n):
            row, column = value[k], position[first : first + size, k]
            for i in range(size):
                row[i] = column[i] * price[k]
        for j in range(n):
            a = value[j]
            for k in range(j + 1):
                b = value[k]
                c = covariance[j, k] if j == k else 2.0 * covariance[j, k]
                for i in range(size):
                    variance[i] += c * a[i] * b[i]
        for i in range(size):
            result[first + i] = np.sqrt(max(0.0, variance[i]))
    return result


@compiled
def _single(lots: Floats, gain: Floats, total: Floats) -> None:
    """Add the worst loss of an underlying with one leg: that of the largest gain or fall of one lot."""
    high, low = gain.max(), gain.min()
    for i in range(total.size):
        total[i] += max(0.0, max(-low * lots[i], -high * lots[i]))


@compiled
def _worst(lots: Floats, gain: Floats, start: int, end: int, worst: Floats) -> None:
    """Raise `worst` (size,) to the largest loss over the scenarios of legs `start` to `end`."""
    high = np.zeros(worst.size)  # fresh, so that the compiler sees that it overlaps nothing
    n = end - start
    if n <= 2:
        x0, x1 = lots[start], lots[start + 1]
        for s in range(0, gain.shape[0], 2):
            g, h = gain[s], gain[min(s + 1, gain.shape[0] - 1)]
            a0, a1, b0, b1 = g[start], g[start + 1], h[start], h[start + 1]
            for i in range(high.size):
                high[i] = max(high[i], max(-(x0[i] * a0 + x1[i] * a1), -(x0[i] * b0 + x1[i] * b1)))
    elif n <= _UNROLL:
        _eight(lots[start : start + _UNROLL], gain[:, start : start + _UNROLL], n, high)
    else:
        part = np.empty(worst.size)
        for s in range(gain.shape[0]):
            part[:] = 0.0
            for k in range(start, end):
                x, a = lots[k], gain[s, k]
                for i in range(part.size):
                    part[i] += x[i] * a
            for i in range(part.size):
                high[i] = max(high[i], -part[i])
    for i in range(worst.size):
        worst[i] = max(worst[i], high[i])


@compiled
def _eight(lots: Floats, gain: Floats, n: int, worst: Floats) -> None:
    """`_worst` of up to eight legs, two scenarios a pass."""
    x0, x1, x2, x3, x4, x5, x6, x7 = lots[0], lots[1], lots[2], lots[3], lots[4], lots[5], lots[6], lots[7]
    high = np.zeros(worst.size)
    g, h = np.zeros(_UNROLL), np.zeros(_UNROLL)
    for s in range(0, gain.shape[0], 2):
        other = min(s + 1, gain.shape[0] - 1)
        for k in range(n):
            g[k], h[k] = gain[s, k], gain[other, k]
        a0, a1, a2, a3, a4, a5, a6, a7 = g[0], g[1], g[2], g[3], g[4], g[5], g[6], g[7]
        b0, b1, b2, b3, b4, b5, b6, b7 = h[0], h[1], h[2], h[3], h[4], h[5], h[6], h[7]
        for i in range(high.size):
            near = (x0[i] * a0 + x1[i] * a1) + (x2[i] * a2 + x3[i] * a3) + ((x4[i] * a4 + x5[i] * a5) + (x6[i] * a6 + x7[i] * a7))
            far = (x0[i] * b0 + x1[i] * b1) + (x2[i] * b2 + x3[i] * b3) + ((x4[i] * b4 + x5[i] * b5) + (x6[i] * b6 + x7[i] * b7))
            high[i] = max(high[i], max(-near, -far))
    worst[:] = high


@compiled
def _hedges(lots: Floats, grid: Grid, start: int, end: int, charge: Floats, least: Floats, gross: Floats, net: Floats) -> None:
    """Charge and minimum of one underlying by its long and short delta; its net is added to `net`, its size to `gross`."""
    if end - start == 1:
        _naked(lots[start], grid.notional[start], grid.unhedged_minimum, least, gross, net)
        return
    total, delta = np.zeros(charge.size), np.zeros(charge.size)
    for k in range(start, end):
        x, n = lots[k], grid.notional[k]
        for i in range(delta.size):
            value = x[i] * n
            total[i] += abs(value)
            delta[i] += value
    for i in range(delta.size):
        hedged = 0.5 * (total[i] - abs(delta[i]))
        charge[i] = grid.hedge_charge * hedged
        least[i] = grid.hedged_minimum * hedged + grid.unhedged_minimum * abs(delta[i])
    for i in range(delta.size):
        gross[i] += abs(delta[i])
        net[i] += delta[i]


@compiled
def _naked(lots: Floats, notional: float, rate: float, least: Floats, gross: Floats, net: Floats) -> None:
    """`_hedges` of an underlying with one leg, which hedges nothing."""
    for i in range(least.size):
        value = lots[i] * notional
        least[i] = rate * abs(value)
        gross[i] += abs(value)
        net[i] += value


@compiled
def _shorts(lots: Floats, grid: Grid, start: int, end: int, charge: Floats, least: Floats) -> None:
    """Add what one underlying's short options ask: a charge per net short of a strike, a minimum per short."""
    for g in range(grid.strike.size - 1):
        if start <= grid.strike[g] < end:
            for i in range(charge.size):
                net = 0.0
                for k in range(grid.strike[g], grid.strike[g + 1]):
                    net += lots[k, i]
                charge[i] += grid.short_charge[g] * max(0.0, -net)
    for i in range(least.size):
        shorts = 0.0
        for k in range(start, end):
            shorts += grid.short_minimum[k] * max(0.0, -lots[k, i])
        least[i] = max(least[i], shorts)
