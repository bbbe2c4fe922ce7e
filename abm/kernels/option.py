"""Value of a European option (Black and Scholes 1973, with a rate of interest and no dividends)."""

from __future__ import annotations

from math import erf, exp, log, sqrt

from abm.kernels.compiled import compiled


@compiled
def european(price: float, strike: float, years: float, volatility: float, rate: float, call: bool) -> float:
    """Value per unit of underlying: S N(d1) - K exp(-rT) N(d2) for a call, by put-call parity for a put.

    Where nothing is left to chance (no time, no volatility, a price of 0) the value is the discounted exercise.
    """
    discounted = strike * exp(-rate * years)
    forward = price - discounted
    if years <= 0.0 or volatility <= 0.0 or price <= 0.0:
        return max(0.0, forward) if call else max(0.0, -forward)
    spread = volatility * sqrt(years)
    d1 = log(price / discounted) / spread + 0.5 * spread
    value = price * _normal(d1) - discounted * _normal(d1 - spread)
    return value if call else value - forward


@compiled
def delta(price: float, strike: float, years: float, volatility: float, rate: float, call: bool) -> float:
    """Change of `european` per unit of price: N(d1) for a call, N(d1) - 1 for a put."""
    discounted = strike * exp(-rate * years)
    if years <= 0.0 or volatility <= 0.0 or price <= 0.0:
        exercised = 1.0 if price > discounted else 0.0
        return exercised if call else exercised - 1.0
    spread = volatility * sqrt(years)
    up = _normal(log(price / discounted) / spread + 0.5 * spread)
    return up if call else up - 1.0


@compiled
def _normal(x: float) -> float:
    """Distribution function of the standard normal."""
    return 0.5 * (1.0 + erf(x / sqrt(2.0)))
