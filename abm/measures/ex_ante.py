"""Contagion before it happens: from accounts and books alone, how much forced selling one unit of forced selling sets off.

Not suitable as a forecast: books are taken as they stand, linear in the fall, and nobody but liquidators trades.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from abm.measures.value import Missing
from abm.records import Exposure, Records

Floats = NDArray[np.float64]

MEASURED = ("cross_share", "critical_shock", "risk_of_largest")
REACH = 0.02  # fall over which accounts that breach are counted: the width of the window of a density
TOO_SHORT = Missing("the run ended before its calm beginning did")
SIZES = np.linspace(0.0, 0.5, 201)  # falls among which the critical one is looked for


def buffer_after(exposure: Exposure, moves: Floats) -> Floats:
    """What accounts (n_accounts,) hold above maintenance after `moves` (n_instruments,) of the marks, shares; cash units.

    Maintenance margin moves with gross notional at each account's own rate.
    """
    value = exposure.position * (exposure.price * moves)
    gross = np.abs(exposure.position) * (exposure.price * moves)
    return np.asarray(exposure.buffer + value.sum(axis=1) - exposure.rate * gross.sum(axis=1))


def forced_sales(exposure: Exposure, moves: Floats, reach: float = REACH) -> Floats:
    """H (n_instruments, n_instruments): notional of i newly sold by force per unit fall of j beyond `moves`, cash units.

    sum over accounts that breach within a further fall of j by `reach` of position_i price_i, over `reach`; accounts are
    sold whole, shorts bought back count negative.
    """
    price = exposure.price * (1.0 + moves)
    notional = exposure.position * price
    buffer = buffer_after(exposure, moves)
    lost = notional - exposure.rate[:, np.newaxis] * np.abs(notional)  # buffer lost per unit fall, by instrument
    newly = (buffer >= 0)[:, np.newaxis] & (buffer[:, np.newaxis] < reach * lost)
    return np.asarray(notional.T @ newly / reach)


def impact(exposure: Exposure) -> Floats:
    """Fall per cash unit sold into the resting bids (n_instruments,): the reach of the counted depth over its value."""
    value = exposure.bids * exposure.price
    return np.where(value > 0, exposure.within / np.maximum(value, 1), np.inf)


def reproduction_matrix(exposure: Exposure, moves: Floats, reach: float = REACH) -> Floats:
    """K = H L: cash units of i sold by force per cash unit of j sold, (n_instruments, n_instruments)."""
    with np.errstate(invalid="ignore"):
        return np.nan_to_num(forced_sales(exposure, moves, reach) * impact(exposure), nan=0.0, posinf=np.inf)


def spectral_radius(matrix: Floats) -> float:
    """Largest absolute eigenvalue; infinite where a book has no bids for what would be sold."""
    return float(np.abs(np.linalg.eigvals(matrix)).max()) if np.isfinite(matrix).all() else float("inf")


def cross_share(matrix: Floats) -> float:
    """Share of the spectral radius that the assets by themselves do not have: (rho(K) - max_i K_ii) / rho(K), at least 0."""
    radius = spectral_radius(matrix)
    return max(0.0, 1.0 - float(np.diag(matrix).max()) / radius) if 0 < radius < np.inf else 0.0


def critical_shock(exposure: Exposure) -> float | Missing:
    """Smallest fall of the asset hit hardest, the others in proportion, after which the spectral radius reaches 1."""
    worst = -float(exposure.moves.min(initial=0.0))
    if worst <= 0:
        return Missing("no asset is shocked downwards")
    for size in SIZES:
        if spectral_radius(reproduction_matrix(exposure, exposure.moves * (size / worst))) >= 1.0:
            return float(size)
    return Missing(f"the spectral radius stays below 1 up to a fall of {SIZES[-1]:.0%}")


def overlap(exposure: Exposure) -> Floats:
    """Omega (n_accounts, n_accounts): overlap of positions weighted by illiquidity, sum of value_i value_j / depth; cash units.

    Cont & Schaanning (2019, Journal of Banking & Finance 104). Depth is the value that moves the price by 100 %.
    """
    value = exposure.position * exposure.price
    return np.asarray((value * np.where(np.isfinite(impact(exposure)), impact(exposure), 0.0)) @ value.T)


def endogenous_risk_index(exposure: Exposure) -> Floats:
    """Perron vector of the overlaps between different accounts, (n_accounts,), >= 0 and of sum 1: whose sales hurt most.

    By power iteration on the positive overlaps; no matrix over accounts is built. Cont & Schaanning (2019).
    """
    value = np.maximum(exposure.position * exposure.price, 0).astype(np.float64)
    scaled = value * np.sqrt(np.where(np.isfinite(impact(exposure)), impact(exposure), 0.0))
    own, vector = (scaled**2).sum(axis=1), np.ones(len(value))
    for _ in range(200):
        vector = scaled @ (scaled.T @ vector) - own * vector + own.max(initial=0.0) * vector  # the shift keeps it positive
        if not vector.sum():
            break
        vector /= vector.sum()
    return vector


def ex_ante(run: Records) -> dict[str, Any]:
    """Measures of the market as it stood before the shock, see `abm.measures.table`."""
    exposure = run.exposure
    if exposure is None:
        return dict.fromkeys(MEASURED, TOO_SHORT if run.meta.traced else Missing("record.genealogy is off: nobody looked"))
    matrix = reproduction_matrix(exposure, exposure.moves)
    risk = np.sort(endogenous_risk_index(exposure))[::-1]
    return {
        "cross_share": cross_share(matrix),
        "critical_shock": critical_shock(exposure),
        "risk_of_largest": float(risk[: max(1, len(risk) // 100)].sum()) if len(risk) else 0.0,
    }
