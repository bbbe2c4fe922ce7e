"""The command `attribute`: which channels to share an outcome out to, checked before anything is simulated."""

from __future__ import annotations

import json
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
    from abm.attribute import Attribution
    from abm.scenario.scenario import Scenario

CROSS_ASSET = "cross_margin,maker_capital,value_capital,pairs"


@dataclass(frozen=True)
class AttributionJob:
    """A checked request."""

    asked: Attribution
    jobs: int
    out: Path
    as_json: bool

    @property
    def identity(self) -> Identity:
        """What makes it the same attribution as an earlier one."""
        return Identity(self.asked.scenario.hash(), self.asked.seeds, self.request)

    @property
    def request(self) -> str:
        """Channels, design and measure in one line."""
        return json.dumps({"attribute": self.asked.channels, "design": self.asked.design, "measure": self.asked.measure})


@click.command("attribute")
@click.argument("scenario", default="baseline")
@click.option("--channels", metavar="NAMES", default=CROSS_ASSET, show_default=True, help="Channels, separated by commas.")
@click.option(
    "--design",
    metavar="NAME",
    default="add_drop",
    show_default=True,
    help="add_drop: each alone and all but each; factorial: all effects and interactions; shapley: one share for each.",
)
@click.option("--measure", metavar="NAME", default="excess_fall", show_default=True, help="The outcome to attribute.")
@click.option("--seeds", type=WholeNumber(1), metavar="N", default=1, show_default=True, help="Seeds 0 to N-1.")
@SET
@click.option("--out", metavar="DIR", help="Directory of results.  [default: results/attribution-<scenario>-...]")
@click.option("--jobs", type=WholeNumber(1), metavar="N", help="Processes.  [default: all processors]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout and nothing else.")
def attribute(scenario: str, sets: tuple[str, ...], channels: str, **chosen: Any) -> None:
    """Say which channel of contagion carries how much of what SCENARIO came to, by switching them off in turn and together."""
    from abm.attribute import Attribution
    from abm.measures.attribution import DESIGNS, MOST
    from abm.measures.outcomes import OUTCOMES

    loaded = load(scenario, sets)
    names, design, measure = _channels(channels), chosen["design"], chosen["measure"]
    if design not in DESIGNS:
        raise Mistake(f"--design: no design {design!r}; {hint(design, DESIGNS)}")
    if measure not in OUTCOMES:
        raise Mistake(f"--measure: no measure {measure!r}; {hint(measure, OUTCOMES)}")
    if design != "add_drop" and len(names) > MOST:
        raise Mistake(f"--design {design} takes at most {MOST} channels (2^n runs per seed), were {len(names)}; use add_drop")
    _refuse(loaded, names, measure)
    asked = Attribution(loaded, names, design, measure, chosen_seeds(None, chosen["seeds"]))
    name = f"attribution-{loaded.name}-{design}-{measure}-{len(names)}x{len(asked.seeds)}-{loaded.hash()[:8]}"
    job = AttributionJob(
        asked=asked,
        jobs=chosen["jobs"] or processors(),
        out=Path(chosen["out"] or f"results/{name}"),
        as_json=chosen["as_json"],
    )
    from abm.cli.attribute_publish import publish, simulate

    execute(job, simulate, publish)


def _channels(text: str) -> tuple[str, ...]:
    from abm.channels import CHANNELS

    names = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    for name in names:
        if name not in CHANNELS:
            raise Mistake(f"--channels: no channel {name!r}; {hint(name, CHANNELS)}")
    return names


def _refuse(scenario: Scenario, names: tuple[str, ...], measure: str) -> None:
    """Mistake where a channel cannot be switched off here, or the measure is not defined."""
    from abm.channels import without
    from abm.scenario.errors import ScenarioError

    for name in names:
        try:
            without(scenario, (name,))
        except ScenarioError as error:
            raise Mistake(f"--channels: {name} cannot be switched off in {scenario.name}: {error}") from None
    shocked = {asset for shock in scenario.world.shocks for asset in shock.assets}
    if measure == "excess_fall" and not 0 < len(shocked) < len(scenario.assets):
        raise Mistake("--measure excess_fall needs an asset that is shocked and one that is not; choose another, as forced_share")
