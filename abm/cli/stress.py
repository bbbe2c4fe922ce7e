"""The command `stress`: a grid of shocks, checked before anything is simulated."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from abm.cli.errors import Mistake, hint
from abm.cli.inspect import SET
from abm.cli.load import load
from abm.cli.output import Identity
from abm.cli.run import WholeNumber, chosen_seeds, execute, processors

if TYPE_CHECKING:
    from abm.scenario.scenario import Scenario
    from abm.stress import Cell

SIZES = "-0.05,-0.1,-0.15,-0.2,-0.3"


@dataclass(frozen=True)
class StressJob:
    """A checked request: one scenario, a grid of shocks, seeds."""

    scenario: Scenario
    cells: tuple[Cell, ...]
    seeds: tuple[int, ...]
    tolerance: float  # of the critical shocks, share of value
    critical: bool
    jobs: int
    out: Path
    as_json: bool

    @property
    def identity(self) -> Identity:
        """What makes it the same test as an earlier one."""
        return Identity(self.scenario.hash(), self.seeds, self.request)

    @property
    def request(self) -> str:
        """The grid in one line."""
        cells = [[*_place(cell), cell.size] for cell in self.cells]
        return json.dumps({"stress": cells, "critical": self.tolerance if self.critical else None})


@click.command("stress")
@click.argument("scenario", default="baseline")
@click.option("--assets", metavar="NAMES", default="all", show_default=True, help="Assets to shock, A,B or jointly A+B, or all.")
@click.option("--sizes", metavar="MOVES", default=SIZES, show_default=True, help="Falls, in (-1, 0).")
@click.option("--correlations", metavar="NUMBERS", help="Values of world.fundamentals.correlation.  [default: the scenario's]")
@click.option("--transmissions", metavar="NUMBERS", help="Values of world.fundamentals.transmission.  [default: the scenario's]")
@click.option("--seeds", type=WholeNumber(1), metavar="N", default=6, show_default=True, help="Seeds 0 to N-1.")
@SET
@click.option("--tolerance", metavar="SHARE", default="0.005", show_default=True, help="Width of the bisection.")
@click.option("--no-critical", is_flag=True, help="Do not look for the critical shocks.")
@click.option("--out", metavar="DIR", help="Directory of results.  [default: results/stress-<scenario>-...]")
@click.option("--jobs", type=WholeNumber(1), metavar="N", help="Processes.  [default: all processors]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout and nothing else.")
def stress(scenario: str, sets: tuple[str, ...], assets: str, sizes: str, **chosen: Any) -> None:
    """Shock SCENARIO in many ways: losses, cascades and margin calls by shock, and the smallest shock that runs away.

    Every cell is run with each seed, against its run without liquidations; the time and the ramp of the shocks are those
    of the scenario's first shock.
    """
    from abm.stress import Cell, places

    loaded = load(scenario, sets)
    if not loaded.world.shocks:
        raise Mistake("stress takes the time of its shocks from the scenario's first one: world.shocks is empty, add one")
    falls = [_inside("--sizes", size, -1.0, 0.0) for size in _numbers("--sizes", sizes)]
    axes = [_axis(f"--{name}", chosen[name]) for name in ("correlations", "transmissions")]
    cells = tuple(Cell(place, fall) for place in places(_assets(loaded, assets), *axes) for fall in sorted(falls, reverse=True))
    _refuse(loaded, cells)
    job = StressJob(
        scenario=loaded,
        cells=cells,
        seeds=chosen_seeds(None, chosen["seeds"]),
        tolerance=_inside("--tolerance", _numbers("--tolerance", chosen["tolerance"])[0], 0.0, 1.0),
        critical=not chosen["no_critical"],
        jobs=chosen["jobs"] or processors(),
        out=Path(chosen["out"] or f"results/stress-{loaded.name}-{len(cells)}x{chosen['seeds']}-{loaded.hash()[:8]}"),
        as_json=chosen["as_json"],
    )
    from abm.cli.stress_publish import publish, simulate

    execute(job, simulate, publish)


def _place(cell: Cell) -> list[Any]:
    return [cell.place.name, cell.place.correlation, cell.place.transmission]


def _assets(scenario: Scenario, text: str) -> list[tuple[str, ...]]:
    """Single assets and joint ones in the order given."""
    known = [asset.name for asset in scenario.assets]
    if text == "all":
        return [(name,) for name in known]
    chosen = [tuple(part.strip() for part in joint.split("+")) for joint in text.split(",")]
    for name in (name for joint in chosen for name in joint):
        if name not in known:
            raise Mistake(f"--assets: no asset {name!r} in {scenario.name}; {hint(name, known)}")
    return list(dict.fromkeys(chosen))


def _numbers(option: str, text: str) -> list[float]:
    try:
        return list(dict.fromkeys(float(part) for part in text.split(",")))
    except ValueError:
        raise Mistake(f"{option} must be numbers separated by commas, was {text!r}") from None


def _inside(option: str, number: float, low: float, high: float) -> float:
    if not low < number < high:
        raise Mistake(f"{option} must be in ({low:g}, {high:g}), was {number:g}")
    return number


def _axis(option: str, text: str | None) -> Sequence[float | None]:
    return (None,) if text is None else _numbers(option, text)


def _refuse(scenario: Scenario, cells: Sequence[Cell]) -> None:
    """Mistake where a cell breaks a rule of scenarios."""
    from abm.scenario.errors import ScenarioError
    from abm.stress import struck

    for cell in cells:
        try:
            struck(scenario, cell)
        except ScenarioError as error:
            raise Mistake(f"stress of {cell.place.name} by {cell.size:g}: {error}") from None
