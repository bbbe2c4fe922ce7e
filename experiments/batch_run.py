"""Mesa's own batch runner on this model, for a handful of runs in a notebook. For thousands: `python run.py sweep`.

`python experiments/batch_run.py` prints the lowest mark of BTC and the most accounts in liquidation for three shares of traders
with cross margin. Parameters are the dotted names of the command line; a scenario record goes into a list, because Mesa
takes it apart otherwise. Seeds: on Mesa 3.3 they are a parameter like any other, from 3.5 on an argument of `batch_run`.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import click
import mesa
import pandas as pd

from abm import CascadeModel

SHARES = (0.0, 0.5, 1.0)


def batch(parameters: Mapping[str, Any], seeds: Sequence[int], **arguments: Any) -> pd.DataFrame:
    """`mesa.batch_run` over parameters and seeds, a row per run and step (every step, unless `arguments` say otherwise)."""
    known = inspect.signature(mesa.batch_run).parameters
    if "rng" in known:
        arguments["rng"] = list(seeds)
    else:
        parameters = {**parameters, "rng": list(seeds)}
    chosen = {"max_steps": 100_000, "data_collection_period": 1, "display_progress": False} | arguments
    return pd.DataFrame(mesa.batch_run(CascadeModel, parameters=parameters, **chosen))


@click.command()
@click.option("--seeds", type=click.IntRange(1), default=2, show_default=True, help="Seeds 0 to N-1.")
@click.option("--minutes", type=click.FloatRange(20.0), default=30.0, show_default=True, help="Length of each run.")
def main(seeds: int, minutes: float) -> None:
    """Run the baseline with three shares of cross margin."""
    steps = batch(
        {"scenario": "baseline", "time.duration": 60.0 * minutes, "population.cross_share": list(SHARES)}, range(seeds)
    )
    runs = steps.groupby(["population.cross_share", "RunId"])[["BTC.mark", "in_liquidation"]].agg(["min", "max"])
    click.echo(runs.to_string())


if __name__ == "__main__":
    main()
