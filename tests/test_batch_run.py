"""Mesa's batch runner and a notebook's use of the model: overrides by dotted names, a data collector, an end."""

from __future__ import annotations

import importlib.util
from typing import Any

import mesa
import pytest

from abm import CascadeModel, Scenario
from abm.scenario.errors import ScenarioError
from abm.scenario.files import EXPERIMENTS

SHORT = {"scenario": "baseline", "time.duration": 120.0, "time.burn_in": 30.0, "population.crowd.count": 20,
         "world.shocks.eth.at": 30.0, "world.shocks.eth.ramp": 30.0}  # fmt: skip
STEPS = 24  # of 5 s


@pytest.fixture(scope="module")
def script() -> Any:
    """The example as a module."""
    spec = importlib.util.spec_from_file_location("batch_run_example", EXPERIMENTS / "batch_run.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_batch_run_runs_every_combination_on_its_seed_to_the_end(script: Any) -> None:
    frame = script.batch({**SHORT, "world.shocks.eth.size": [-0.01, -0.2]}, [0, 7])
    assert frame.groupby("RunId").size().tolist() == [STEPS] * 4
    last = frame.groupby(["world.shocks.eth.size", "rng" if "rng" in frame else "iteration"])["ETH.value"].last()
    assert last.nunique() == 4  # two sizes, two seeds
    alone = CascadeModel(scenario=Scenario.load("baseline").with_({k: v for k, v in SHORT.items() if k != "scenario"}
                                                                  | {"world.shocks.eth.size": -0.2}), rng=7)  # fmt: skip
    path = alone.run().frames()["steps"]
    assert last.iloc[1] == path["ETH.value"].iloc[-1]  # -0.2 comes first in the index, seed 7 second


def test_batch_run_at_the_end_only_gives_the_last_step(script: Any) -> None:
    frame = script.batch(SHORT, [0], data_collection_period=-1)
    assert len(frame) == 1
    assert frame["seconds"].iloc[0] == 120.0


def test_a_scenario_record_goes_into_a_list(script: Any) -> None:
    scenario = Scenario.load("baseline").with_({k: v for k, v in SHORT.items() if k != "scenario"})
    assert len(script.batch({"scenario": [scenario]}, [0])) == STEPS


def test_a_notebook_reads_the_collector_while_the_model_runs() -> None:
    model = CascadeModel(rng=1, **SHORT)  # type: ignore[arg-type]
    for _ in range(3):
        model.step()
    frame = model.datacollector.get_model_vars_dataframe()
    assert len(frame) == 3
    assert frame["BTC.mark"].iloc[-1] == pytest.approx(model.marks.mark[0] * model.instruments.tick_size[0])
    assert model.datacollector is model.datacollector  # built once per step
    model.run()
    assert not model.running
    assert len(model.datacollector.get_model_vars_dataframe()) == STEPS


class Watched(CascadeModel):
    """A user's model with a collector of its own."""

    def __init__(self, **chosen: Any) -> None:
        super().__init__(**chosen)
        self.datacollector = mesa.DataCollector(model_reporters={"seized": lambda model: int(model.tape.recorder.done)})

    def step(self) -> None:
        """And collect."""
        super().step()
        self.datacollector.collect(self)


def test_a_collector_of_the_users_own_takes_its_place() -> None:
    model = Watched(rng=0, **SHORT)
    model.step()
    model.step()
    assert model.datacollector.get_model_vars_dataframe()["seized"].tolist() == [1, 2]


def test_an_unknown_override_is_refused_in_one_line() -> None:
    with pytest.raises(ScenarioError, match="population.cros_share"):
        CascadeModel(**{"population.cros_share": 0.5})  # type: ignore[arg-type]
