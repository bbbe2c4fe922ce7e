"""Sliders and switches, made from the declarations of the scenario's own parameters: value, bounds, unit, help."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from abm.scenario import Scenario
from abm.scenario.parameters import Parameter, parameters

VENUE = "venues.*"  # a change holds for every venue; the first one's value is shown
# dotted name, what it is called on the page; {shock} is the first shock's name
OFFERED = (
    ("population.cross_share", "Share of cross margin"),
    ("population.universal_share", "of them across venues"),
    ("population.crowd.leverage_median", "Median leverage of the crowd"),
    ("world.fundamentals.correlation", "Correlation of values"),
    ("makers.capital_share", "Makers' capital"),
    ("world.shocks.{shock}.size", "Size of the shock"),
    ("world.shocks.{shock}.assets", "Shocked asset"),
    (f"{VENUE}.clearing.margin", "Margin rule"),
    (f"{VENUE}.clearing.liquidation", "Liquidation"),
    (f"{VENUE}.clearing.liquidation.priority", "Priority of forced orders"),
    (f"{VENUE}.breaker", "Circuit breaker"),
    (f"{VENUE}.clearing.fund_share", "Insurance fund"),
)
SIZES = {"population.crowd.leverage_median": (1.0, 20.0), "makers.capital_share": (0.0, 0.2), "size": (-0.6, 0.3)}
NARROW = {"fund_share": (0.0, 0.02)}  # bounds are much wider than anything of interest
STEPS = 100  # of a slider
INTERVAL = re.compile(r"^[\[(](?P<low>[^,]+), (?P<high>[^\])]+)[\])]$")


@dataclass(frozen=True)
class Control:
    """One slider (low < high) or one list of choices."""

    name: str  # dotted, as overrides take it
    label: str
    unit: str
    help: str
    value: Any
    low: float = 0.0
    high: float = 0.0
    choices: tuple[str, ...] = ()

    @property
    def grain(self) -> float:
        """Smallest move of the slider."""
        return float(f"{(self.high - self.low) / STEPS:.1g}")

    def meant(self, chosen: Any) -> Any:
        """What the scenario is told when `chosen` is picked on the page."""
        if self.name.endswith(".assets"):
            return [chosen]
        return chosen if self.choices else round(float(chosen), 9)


def controls(scenario: Scenario) -> list[Control]:
    """Those of `OFFERED` that the scenario has, in that order."""
    declared = {parameter.name: parameter for parameter in parameters(scenario)}
    shocks = scenario.world.shocks
    found = []
    for name, label in OFFERED:
        if "{shock}" in name and not shocks:
            continue
        key = name.format(shock=shocks[0].name if shocks else "")
        parameter = declared.get(key.replace(VENUE, f"venues.{scenario.venues[0].name}"))
        if parameter is not None:
            found += list(_control(key, label, parameter, scenario))
    return found


def _control(key: str, label: str, parameter: Parameter, scenario: Scenario) -> Iterator[Control]:
    words: dict[str, Any] = {"name": key, "label": label, "unit": parameter.unit, "help": parameter.help}
    if key.endswith(".assets"):
        if len(parameter.value) > 1:  # sizes may be stated one by one: another asset alone would not fit them
            return
        names = tuple(asset.name for asset in scenario.assets)
        yield Control(**words, value=parameter.value[0], choices=names)
    elif isinstance(parameter.value, str):
        yield Control(**words, value=parameter.value, choices=_choices(parameter))
    elif isinstance(parameter.value, (int, float)) and not isinstance(parameter.value, bool):
        low, high = _range(key, float(parameter.value), parameter.bounds)
        yield Control(**words, value=parameter.value, low=low, high=high)


def _choices(parameter: Parameter) -> tuple[str, ...]:
    declared = tuple(choice.strip() for choice in parameter.bounds.split("|"))
    return declared if parameter.value in declared else (parameter.value, *declared)


def _range(key: str, value: float, bounds: str) -> tuple[float, float]:
    """Ends of a slider: the declared bounds, or where those are wide or open what is of interest; the value lies inside."""
    last = key.rsplit(".", 1)[-1]
    found = INTERVAL.match(bounds)
    low, high = SIZES.get(key) or SIZES.get(last) or NARROW.get(last) or (
        (float(found["low"]), float(found["high"])) if found else (0.0, 4.0 * abs(value) or 1.0)
    )
    return min(low, value), max(high, value)
