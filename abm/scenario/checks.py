"""Rules that involve more than one field of a scenario; each broken one is a ValueError of one line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from abm.clearing.margin.grids import PRESETS
from abm.clearing.margin.tiered import Tiered
from abm.scenario import book_files
from abm.scenario.instruments import LADDER, instruments_of
from abm.scenario.parameters import parameters
from abm.world.fundamentals import Assets
from abm.world.shocks import nearest

if TYPE_CHECKING:
    from abm.scenario.scenario import Scenario

SHARES_SUM = 1e-9  # how far from 1 the shares of the venues may sum
CASH_LIMIT = 2**62
HEADROOM = 64  # gross positions and cash of all accounts together, over both sides of the open interest


def check(scenario: Scenario) -> None:
    """All rules, the plainest first."""
    refuse_names("assets", [asset.name for asset in scenario.assets])
    refuse_names("venues", [venue.name for venue in scenario.venues])
    refuse_names("world.shocks", [shock.name for shock in scenario.world.shocks])
    refuse_names("population.others", [group.name for group in scenario.population.others])
    _refuse_groups(scenario)
    _refuse_shares(scenario)
    _refuse_tokens(scenario)
    instruments_of(scenario)
    _refuse_overflow(scenario)
    _refuse_durations(scenario)
    _refuse_world(scenario)
    _refuse_by_asset(scenario)


def check_files(scenario: Scenario) -> None:
    """The data files that the scenario names can be read and say what it needs; ValueError in one line with the key."""
    names = [asset.name for asset in scenario.assets]
    if (path := scenario.world.path) is not None:
        _keyed("world.path.file", lambda: path.check(names, scenario.time.duration, Path()))
    for venue in scenario.venues:
        margin = venue.clearing.margin
        base = getattr(margin, "base", margin)
        if isinstance(base, Tiered):
            key = "margin" if base is margin else "margin.base"
            _keyed(f"venues.{venue.name}.clearing.{key}.brackets_file", partial(base.ladders, names))
    for key, read in book_files.check(scenario):
        _keyed(key, read)


def _keyed(key: str, read: Callable[[], Any]) -> None:
    try:
        read()
    except ValueError as error:
        raise ValueError(f"{key}: {' '.join(str(error).split())}") from None


def refuse_names(key: str, names: Sequence[str]) -> None:
    """Names of a list's members: plain and unique, since they are parts of dotted keys and file names."""
    for row, name in enumerate(names):
        if not (name.isascii() and name.replace("_", "").replace("-", "").isalnum()):
            raise ValueError(f"{key}.{row}.name must be letters, digits, - and _ only, was {name!r}")
        if name in names[:row]:
            raise ValueError(f"{key}: names must be unique, {name!r} occurs twice")


def _refuse_groups(scenario: Scenario) -> None:
    taken = {*type(scenario.population).model_fields, "makers"}
    for group in scenario.population.others:
        if group.name in taken:
            raise ValueError(f"population.others.{group.name}: the name is taken by a built-in parameter; choose another")


def _refuse_shares(scenario: Scenario) -> None:
    total = sum(venue.share for venue in scenario.venues)
    if abs(total - 1.0) > SHARES_SUM:
        shares = " + ".join(f"{venue.share:g}" for venue in scenario.venues)
        raise ValueError(f"venues.*.share must sum to 1, was {shares} = {total:g}")


def _refuse_tokens(scenario: Scenario) -> None:
    """Tokens follow perpetuals, and only tokens are held as collateral."""
    perpetuals = [asset.name for asset in scenario.assets if asset.form == "perpetual"]
    tokens = [asset.name for asset in scenario.assets if asset.form == "spot"]
    if not perpetuals:
        raise ValueError('assets: at least one must be a perpetual, all had form = "spot"')
    for asset in scenario.assets:
        if asset.tracks is not None and asset.tracks not in perpetuals:
            raise ValueError(f"assets.{asset.name}.tracks must name a perpetual, was {asset.tracks!r}; "
                             f"{nearest(asset.tracks, perpetuals)}")  # fmt: skip
    for name in scenario.population.collateral.mix:
        if name not in tokens:
            hint = nearest(name, tokens) if tokens else 'no asset has form = "spot"'
            raise ValueError(f"population.collateral.mix names {name!r}, not a token; {hint}")
    for venue in scenario.venues:
        for name in set(tokens).intersection(getattr(venue.clearing.margin, "brackets", {})):
            raise ValueError(f"venues.{venue.name}.clearing.margin.brackets names the token {name!r}; "
                             f"set assets.{name}.haircut instead")  # fmt: skip


def _refuse_overflow(scenario: Scenario) -> None:
    """Every sum over accounts stays below 2^62 cash units, with all prices at the end of the ladder."""
    gross = 2.0 * HEADROOM * LADDER * sum(asset.open_interest for asset in scenario.assets)
    if gross / scenario.money.cash_unit >= CASH_LIMIT:
        most = CASH_LIMIT * scenario.money.cash_unit / (2.0 * HEADROOM * LADDER)
        raise ValueError(
            f"assets.*.open_interest: sums of money would overflow 64 bits; with money.cash_unit={scenario.money.cash_unit:g} "
            f"it must sum to less than {most:.3g}, was {gross / (2.0 * HEADROOM * LADDER):.3g}"
        )


def _refuse_durations(scenario: Scenario) -> None:
    step = scenario.time.step_seconds
    for parameter in parameters(scenario):
        if parameter.unit != "s" or parameter.name.startswith("time.") or parameter.name.endswith(".at"):
            continue
        if parameter.value is not None and 0 < parameter.value < step:
            raise ValueError(
                f"{parameter.name} must be at least one step (time.step_seconds={step:g} s)"
                f"{' or 0' if '>= 0' in parameter.bounds or '[0,' in parameter.bounds else ''}, was {parameter.value:g}"
            )


def _refuse_world(scenario: Scenario) -> None:
    time, world, names = scenario.time, scenario.world, [asset.name for asset in scenario.assets]
    try:
        world.fundamentals.check(outside(scenario), time.step_seconds)
    except ValueError as error:
        raise ValueError(f"world.fundamentals: {error}") from error
    for shock in world.shocks:
        try:
            shock.check(names, time.step_seconds, time.duration)
        except ValueError as error:
            raise ValueError(f"world.shocks.{shock.name}: {error}") from error


def _refuse_by_asset(scenario: Scenario) -> None:
    """Tables whose unit is `... by asset` name assets of the scenario, wherever they stand; presets may name more."""
    names = [asset.name for asset in scenario.assets]
    preset = {asset for grid in PRESETS for asset in grid.get("price_ranges", {})}
    for parameter in parameters(scenario):
        if parameter.unit.endswith("by asset"):
            known = preset.union(names) if parameter.name.endswith(".grid.price_ranges") else names
            for asset in parameter.value:
                if asset not in known:
                    raise ValueError(f"{parameter.name} names {asset!r}, not an asset; {nearest(asset, names)}")
    for venue in scenario.venues:
        for asset in (name for group in venue.clearing.fund_groups for name in group):
            if asset not in names:
                key = f"venues.{venue.name}.clearing.fund_groups"
                raise ValueError(f"{key} names {asset!r}, not an asset; {nearest(asset, names)}")


def outside(scenario: Scenario) -> Assets:
    """The assets as the world outside the market knows them."""
    rows = {asset.name: row for row, asset in enumerate(scenario.assets)}
    return Assets(
        names=tuple(asset.name for asset in scenario.assets),
        opening=np.array([asset.price for asset in scenario.assets], dtype=np.float64),
        volatility=np.array([asset.volatility_daily for asset in scenario.assets], dtype=np.float64),
        tokens=tuple(row for row, asset in enumerate(scenario.assets) if asset.form == "spot"),
        tracks=tuple((row, rows[asset.tracks]) for row, asset in enumerate(scenario.assets) if asset.tracks is not None),
    )
