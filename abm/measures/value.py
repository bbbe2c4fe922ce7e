"""A measured number, or the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass

MATERIAL = 0.001  # share of the opening price: ten ticks of a price of 10,000, so a tick of rounding moves a ratio by 10 %


@dataclass(frozen=True)
class Missing:
    """A number that is not defined here, and why; never a silent NaN."""

    reason: str


Value = float | Missing


def ratio(numerator: float, denominator: float, *, floor: float, what: str) -> Value:
    """`numerator / denominator`, or `Missing` where the denominator is below the materiality `floor`.

    `what` names the denominator in the reason. Equal arguments above the floor give exactly 1.
    """
    if denominator < floor or denominator == 0.0:
        return Missing(f"{what} is {denominator:.4%}, below the materiality floor of {floor:.4%}" if floor else f"{what} is 0")
    return numerator / denominator
