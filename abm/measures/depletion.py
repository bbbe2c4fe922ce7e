"""How fast equity goes, against what a trader expects who knows the shock but takes correlations from the calm."""

from __future__ import annotations

from typing import Any

import numpy as np

from abm.measures import ex_ante
from abm.measures.dependence import FEWEST, Floats, returns
from abm.measures.path import relative, total
from abm.measures.reproduction import UNTRACED
from abm.measures.value import Missing, ratio
from abm.records import Records

MEASURED = ("actual", "expected", "times")
FLOOR = 0.001  # share of equity: a smaller expected loss is no denominator; choice


def expected_moves(calm: Floats, moves: Floats, shocked: list[int]) -> Floats:
    """What calm returns `calm` (n, n_assets) let expect of all assets, given how far the `shocked` moved: (k, n_assets).

    E[move_i | move_s] = S_is S_ss^-1 move_s, with S the covariance of the calm returns (the regression of all on the
    shocked); what the shocked did, `moves` (k, n_assets), is known exactly. A shocked asset that stood still says nothing.
    """
    covariance = np.cov(calm.T)
    known = np.ix_(shocked, shocked)
    weights = covariance[:, shocked] @ np.linalg.pinv(covariance[known])
    found: Floats = moves[:, shocked] @ weights.T
    found[:, shocked] = moves[:, shocked]
    return found


def losses(value: Floats, moves: Floats) -> Floats:
    """Joint loss of the accounts that lose, (k,): sum over accounts of max(0, -value . move) for each row of `moves`
    (k, n_assets), with `value` (n_accounts, n_assets) held unchanged; cash units."""
    return np.array([np.maximum(0.0, -value @ move).sum() for move in moves])


def equity_depletion(run: Records) -> dict[str, Any]:
    """Measures of accounts with positions as they stood before the shock, see `abm.measures.table`.

    Losses are those of the positions before the shock, unchanged, when they are largest together on the marks of the run.
    """
    exposure, shocked = run.exposure, list(run.meta.shocked)
    calm, _ = returns(run)
    if exposure is None:
        return dict.fromkeys(MEASURED, ex_ante.TOO_SHORT if run.meta.traced else UNTRACED)
    if not shocked:
        return dict.fromkeys(MEASURED, Missing("nothing is shocked in this run"))
    if len(calm) < FEWEST:
        return dict.fromkeys(MEASURED, Missing(f"needs {FEWEST} returns before the shock, had {len(calm)}"))
    equity = int((exposure.buffer + exposure.maintenance).sum())
    path = relative(run)
    moves = path[exposure.step :] / path[exposure.step] - 1.0
    value = total(run.meta, (exposure.position * exposure.price).astype(np.float64))
    actual = losses(value, moves)
    worst = int(actual.argmax())
    if not actual[worst] or equity <= 0:
        return dict.fromkeys(MEASURED, Missing("nobody lost" if equity > 0 else "there was no collateral"))
    lost = float(actual[worst]) / equity
    foreseen = float(losses(value, expected_moves(calm, moves[worst : worst + 1], shocked))[0]) / equity
    return {"actual": lost, "expected": foreseen, "times": ratio(lost, foreseen, floor=FLOOR, what="the expected loss")}
