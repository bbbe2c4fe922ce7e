"""Small worlds for tests of the whole model: a few traders, a few assets on coarse grids, some minutes long."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from hashlib import blake2b
from typing import Any

import numpy as np

from abm.model import CascadeModel
from abm.records import Records
from abm.scenario import Scenario

COUNTS = {"crowd": 12, "pairs": 4, "hedgers": 6, "liquidity": 10, "value": 4, "trend": 3, "arbitrage": 0}


def asset(name: str, **changes: Any) -> dict[str, Any]:
    """1,000 ticks of 0.1 at the opening, lots of 1: a lot is worth 100 in currency."""
    plain = {
        "name": name,
        "price": 100.0,
        "tick": 0.1,
        "lot": 1.0,
        "volatility_daily": 0.04,
        "open_interest": 1e6,
        "max_leverage": 20.0,
        "maker_depth": 0.01,
    }
    return plain | changes


def token(name: str, **changes: Any) -> dict[str, Any]:
    """A stable token worth 1 in currency: 1,000 ticks of 0.001 at the opening, lots of 1."""
    plain = {
        "name": name,
        "form": "spot",
        "price": 1.0,
        "tick": 0.001,
        "lot": 1.0,
        "volatility_daily": 0.001,
        "open_interest": 2e5,
        "maker_depth": 0.01,
    }
    return plain | changes


def shock(size: float = -0.25, **changes: Any) -> dict[str, Any]:
    """A fall of BTC at half a minute, built up over half a minute."""
    return {"name": "fall", "assets": ["BTC"], "size": size, "at": 30.0, "ramp": 30.0} | changes


def world(changes: Mapping[str, Any] | None = None, **counts: int) -> Scenario:
    """BTC and ETH on one venue for five minutes, BTC falls by a quarter; `counts` by group, `changes` dotted."""
    start: dict[str, Any] = {
        "name": "small",
        "time.duration": 300.0,
        "time.burn_in": 25.0,
        "assets": [asset("BTC"), asset("ETH")],
        "world.shocks": [shock()],
        "makers.count": 2,
    }
    start |= {f"population.{group}.count": number for group, number in (COUNTS | counts).items()}
    return _baseline().with_(start | dict(changes or {}))


def market(changes: Mapping[str, Any] | None = None, seed: int = 1, **counts: int) -> CascadeModel:
    """The model of `world`, at the opening."""
    return CascadeModel(scenario=world(changes, **counts), rng=seed)


def played(scenario: Scenario, seed: int = 1) -> Records:
    """The records of one run from opening to end."""
    model = CascadeModel(scenario=scenario, rng=seed)
    records = model.run()
    model.forget()
    return records


def columns(records: Records) -> dict[str, Any]:
    """Everything that was recorded, table by table, but the wall time."""
    health = {"health step": records.health.step, "health notional": records.health.notional}
    tables = {"seconds": records.seconds, "liquidations": records.liquidations, "events": records.events}
    return {**tables, **health, **records.per_instrument, **records.scalars}


def fingerprint(records: Records) -> str:
    """A digest of everything recorded: equal runs have equal ones."""
    digest = blake2b(digest_size=16)
    for name, column in columns(records).items():
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(column).tobytes())
    return digest.hexdigest()


@cache
def _baseline() -> Scenario:
    return Scenario.load("baseline")
