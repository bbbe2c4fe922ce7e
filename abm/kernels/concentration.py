"""Extra margin on what an owner holds beyond a share of the open interest."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from abm.kernels.compiled import compiled

Ints = NDArray[np.int64]


class Pools(NamedTuple):
    """Accounts that are looked at together: those of pool p are `members[first[p] : first[p + 1]]`."""

    pool: Ints  # (n_accounts,), pool of each account
    first: Ints  # (n_pools + 1,)
    members: Ints  # (n_accounts,), accounts


@compiled
def add_ons(
    rows: Ints,
    pools: Pools,
    position: Ints,
    asset: Ints,
    price: Ints,
    interest: Ints,
    threshold: float,
    rate: float,
    slope: float,
) -> Ints:
    """Cash units asked of every leg of the accounts `rows` (m,) on top of its margin, (m, n_instruments).

    S = |sum of the pool's lots in the asset|, x = max(0, S - threshold * interest) lots of the instrument the leg is in,
    charge = rate * x * (1 + slope * x / interest) * price; a leg bears it in proportion to its lots among the pool's on the
    side of S, and never more than its own value. `position` (n_accounts, n_instruments) lots; `asset`, `price` (cash units
    per lot), `interest` (lots) are (n_instruments,).
    """
    n = price.size
    result = np.zeros((rows.size, n), dtype=np.int64)
    net, side = np.zeros(asset.max() + 1, dtype=np.int64), np.zeros(asset.max() + 1, dtype=np.int64)
    for k in range(rows.size):
        row = rows[k]
        p = pools.pool[row]
        net[:], side[:] = 0, 0
        for m in pools.members[pools.first[p] : pools.first[p + 1]]:
            for j in range(n):
                net[asset[j]] += position[m, j]
        for m in pools.members[pools.first[p] : pools.first[p + 1]]:
            for j in range(n):
                side[asset[j]] += max(0, position[m, j] * (1 if net[asset[j]] > 0 else -1))
        for j in range(n):
            own = position[row, j] * (1 if net[asset[j]] > 0 else -1)
            beyond = float(abs(net[asset[j]])) - threshold * interest[j]
            if own > 0 and beyond > 0:
                share = own / float(side[asset[j]])
                asked = rate * beyond * (1.0 + slope * beyond / max(1.0, float(interest[j]))) * share
                result[k, j] = int(np.rint(min(asked, float(own)) * price[j]))
    return result
