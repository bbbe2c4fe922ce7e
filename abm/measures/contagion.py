"""Who infected whom: the fall of each asset per unit of fall forced on another."""

from __future__ import annotations

from collections.abc import Mapping

from abm.measures.path import gap, largest
from abm.measures.prices import forced_fall
from abm.measures.value import MATERIAL, Missing, Value, ratio
from abm.records import Records

Row = tuple[Value, ...]  # (n_assets,), the affected assets


def contagion_row(run: Records, no_shock: Records, shocked: int, floor: float = MATERIAL) -> Row:
    """Row `shocked` of the contagion matrix, (n_assets,), share per share; the own asset included.

    C_ij = max_t (m_j without shock - m_j) / m_j(opening), over max_t (v_i without shock - v_i) / v_i(opening), with m
    the mark and v the outside value. Exactly 0.0 where the marks of j are equal to the bit. With correlated
    fundamentals the row holds the transmitted shock too: compare with the twins. `Missing` where other assets are
    shocked as well, or less than `floor` was forced. With isolated margin and all channels off it is exactly 0 off the diagonal.
    """
    if run.meta.shocked != (shocked,):
        reason = "several assets are shocked at once" if run.meta.shocked else "nothing is shocked in this run"
        return (Missing(reason),) * len(run.meta.assets)
    forced = float(forced_fall(run, no_shock)[shocked])
    falls = largest(gap(no_shock, run))
    return tuple(ratio(float(fallen), forced, floor=floor, what="the forced fall") for fallen in falls)


def contagion_matrix(runs: Mapping[int, Records], no_shock: Records) -> dict[int, Row]:
    """Rows from runs that each shock one asset: shocked asset -> `contagion_row`."""
    return {shocked: contagion_row(run, no_shock, shocked) for shocked, run in runs.items()}
