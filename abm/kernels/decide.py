"""The decision of the most numerous traders in one pass: zero-intelligence orders."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abm.kernels.compiled import compiled

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]


@compiled
def noise(
    rows: I8, event: F8, pick: F8, price: F8, size: F8,
    backing: I8, state: NDArray[np.int8], position: I8, open_buy: I8, open_sell: I8,
    limit: I8, market: F8, rule: F8, batch: NDArray[Any],
) -> int:  # fmt: skip
    """Write the orders of `rows` (k,) into `batch` (>= 2 k, ORDER) and return how many.

    event, pick, price, size: (k,) uniforms; backing: (n_owners, n_instruments) accounts; state: (n_accounts,), seized from 2 on;
    position, open_buy, open_sell: (n_accounts, n_instruments) lots; limit: (n_traders, n_instruments) lots;
    market: (n_instruments, 3) mid, volatility ratio, last tick of the ladder;
    rule: event below [0] is a market order, below [1] a limit order, else a bare cancel; [2] median and [3] largest
    offset, [4] protection, [5] half the mean size as share of the limit.
    Instrument i = int(n pick); the rest of `pick` is a fresh uniform f and the side is BUY if f < (1 - position / limit) / 2;
    lots = [5] limit / sqrt(1 - size) (Pareto, exponent 2), at most what the limit leaves;
    tick = mid (1 -+ min([2] ratio u / (1 - u), [3])), market orders mid (1 +- [4]); bids round down, offers up.
    """
    count = 0
    width = limit.shape[1]
    for j in range(rows.shape[0]):
        x = pick[j] * width
        i = int(x)
        row = rows[j]
        account = backing[row, i]
        if state[account] >= 2:  # LIQUIDATING
            continue
        if open_buy[account, i] + open_sell[account, i] > 0:
            batch[count]["key"] = 0
            batch[count]["tick"] = 0
            batch[count]["lots"] = 0
            batch[count]["ref"] = 0
            batch[count]["trader"] = row
            batch[count]["account"] = 0
            batch[count]["instrument"] = i
            batch[count]["kind"] = 4  # CANCEL_ALL
            batch[count]["side"] = 1
            batch[count]["reason"] = 0
            batch[count]["reduce_only"] = 0
            count += 1
        most = limit[row, i]
        if most <= 0 or event[j] >= rule[1]:
            continue
        held = position[account, i]
        side = 1 if x - i < 0.5 * (1.0 - held / most) else -1
        lots = min(max(int(rule[5] * most / math.sqrt(1.0 - size[j])), 1), most - side * held)
        if lots <= 0:
            continue
        at_market = event[j] < rule[0]
        behind = min(rule[2] * market[i, 1] * price[j] / (1.0 - price[j]), rule[3])
        distance = -rule[4] if at_market else behind
        target = market[i, 0] * (1.0 - side * distance)
        tick = math.floor(target) if side == 1 else math.ceil(target)
        batch[count]["key"] = 0
        batch[count]["tick"] = min(max(tick, 1), int(market[i, 2]))
        batch[count]["lots"] = lots
        batch[count]["ref"] = 0
        batch[count]["trader"] = row
        batch[count]["account"] = 0
        batch[count]["instrument"] = i
        batch[count]["kind"] = 1 if at_market else 0  # IOC or LIMIT
        batch[count]["side"] = side
        batch[count]["reason"] = 0
        batch[count]["reduce_only"] = 0
        count += 1
    return count
