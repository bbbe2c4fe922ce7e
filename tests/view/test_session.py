"""A visitor's session: stepping, resetting, twins, changes, and numbers equal to those of a run from the command line."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pandas as pd
import pytest

from abm.measures.genealogy import parents
from abm.model import CascadeModel
from abm.scenario import Scenario
from abm.view.controls import controls
from abm.view.export import archive
from abm.view.panels.figures import key_numbers
from abm.view.panels.losses import borne
from abm.view.session import Session
from abm.view.svg import short
from tests.small_worlds import fingerprint, played, world


@pytest.fixture(name="file")
def _file(tmp_path: Path) -> str:
    """A small world with a fall of 25 % at half a minute, as a file."""
    path = tmp_path / "small.toml"
    path.write_text(world({"population.crowd.leverage_median": 12.0}).to_toml(), encoding="utf-8")
    return str(path)


def through(session: Session) -> Session:
    """The session at its end."""
    while not session.done:
        session.step()
    return session


def test_what_is_watched_is_what_run_would_have_made(file: str) -> None:
    session = through(Session(file, seed=3))
    records = played(Scenario.load(file), seed=3)
    assert fingerprint(session.run.model.records()) == fingerprint(records)
    assert len(session.run.seized) > 0, "somebody is seized in this world"
    numbers = key_numbers(session.run)
    assert numbers["accounts seized"] == str(len(set(records.events["account"][records.events["kind"] == 0].tolist())))
    assert session.run.parent == parents(records).tolist()
    unit = records.meta.cash_unit
    columns = {"insurance fund": "by_fund", "keepers": "by_keeper", "auto-deleveraged": "by_adl"}
    for layer, column in columns.items():
        assert borne(session.run)[layer] == pytest.approx(records.scalars[column].sum() * unit)
    forced = records.per_instrument["forced_value"].sum() * unit
    assert session.run.matrix.sum() * unit <= forced * (1 + 1e-12)
    session.close()


def test_the_key_numbers_are_those_of_the_summary_of_run(file: str) -> None:
    session = through(Session(file, seed=3))
    model = CascadeModel(scenario=Scenario.load(file), rng=3)
    model.run()
    summary, numbers = model.summary(), key_numbers(session.run)
    assert numbers["accounts seized"] == f"{summary['liquidations']['accounts']:,}" != "0"
    assert numbers["forced, USD"] == short(sum(summary["liquidations"]["notional"].values()))
    assert numbers["bad debt, USD"] == short(summary["bad_debt"]["total"])
    assert numbers["generations"] == str(summary["genealogy"]["generations"])
    steps = model.records().frames()["steps"]
    for asset in session.scenario.assets:
        assert numbers[f"low of {asset.name}"] == f"{100 * (steps[f'{asset.name}.mark'].min() / asset.price - 1):.1f} %"


def test_reset_begins_anew_and_repeats_itself(file: str) -> None:
    session = through(Session(file))
    first = fingerprint(session.run.model.records())
    session.reset()
    assert (session.tick, session.message) == (0, "")
    assert fingerprint(through(session).run.model.records()) == first
    session.step()
    assert session.tick == session.steps, "nothing is stepped after the end"


def test_a_twin_catches_up_and_then_walks_beside(file: str) -> None:
    session = Session(file)
    for _ in range(10):
        session.step()
    session.pair("no_liquidation")
    assert session.other is not None
    assert session.tick == session.other.model.tick == 10
    through(session)
    assert len(session.run.seized) > 0
    assert len(session.other.seized) == 0, "nothing is liquidated in this twin"
    session.pair("none")
    assert session.other is None


def test_a_slider_becomes_an_override_and_changes_the_outcome(file: str) -> None:
    session = through(Session(file))
    before = fingerprint(session.run.model.records())
    size = next(control for control in controls(session.scenario) if control.name == "world.shocks.fall.size")
    assert (size.value, size.unit) == (-0.25, "share of value")
    session.change(size.name, size.meant(-0.4))
    assert session.scenario.world.shocks[0].size == -0.4
    assert fingerprint(through(session).run.model.records()) != before
    assert "--set world.shocks.fall.size=-0.4" in session.command()


def test_every_control_takes_every_end_of_its_range(file: str) -> None:
    session = Session(file)
    for control in controls(session.scenario):
        ends = control.choices or (control.low, control.value, control.high)
        for end in ends:
            scenario = session.scenario.with_({control.name: control.meant(control.value)})
            assert scenario.hash() == session.scenario.hash(), control.name
            session.change(control.name, control.meant(end))
            assert "\n" not in session.message
            session.changes.clear()
            session.reset()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("population.cross_share", 2.0, "must be in [0, 1], was 2"),
        ("population.cros", 1.0, "unknown key"),
        ("time.duration", 0.1, "time"),
    ],
)
def test_the_impossible_is_told_and_changes_nothing(file: str, name: str, value: float, said: str) -> None:
    session = Session(file)
    session.step()
    session.change(name, value)
    assert session.message
    assert said in session.message
    assert (session.tick, session.changes) == (1, {})
    session.reset()
    assert session.message == ""


def test_a_step_that_fails_is_told_and_ends_the_run(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session(file)
    session.step()

    def broken() -> None:
        raise KeyError("a rule of the user's own")

    monkeypatch.setattr(session.run.model, "step", broken)
    session.step()
    assert (session.message, session.done) == ('step 2 failed, Reset begins anew: KeyError: "a rule of the user\'s own"', True)
    session.reset()
    session.step()
    assert (session.message, session.tick) == ("", 1)


@pytest.mark.parametrize("seed", ["abc", "-1", "1.5", str(2**63), ""])
def test_a_seed_that_is_none_is_told(file: str, seed: str) -> None:
    session = Session(file, seed=4)
    session.sow(seed)
    assert "seed must be a whole number" in session.message
    assert session.seed == 4
    session.sow(" 7 ")
    assert (session.seed, session.message) == (7, "")


def test_two_visitors_have_two_runs(file: str) -> None:
    mine, yours = Session(file), Session(file)
    mine.step()
    assert (mine.tick, yours.tick) == (1, 0)


def test_what_is_taken_home_repeats_the_run(file: str) -> None:
    session = through(Session(file))
    with ZipFile(BytesIO(archive(session))) as zipped:
        names = set(zipped.namelist())
        assert {"scenario.toml", "command.txt", "steps.parquet", "events.parquet", "figures/prices.svg"} <= names
        steps = pd.read_parquet(BytesIO(zipped.read("steps.parquet")))
        assert np.array_equal(steps["BTC.mark"], session.run.model.records().frames()["steps"]["BTC.mark"])
        again = Path(file).with_name("again.toml")
        again.write_bytes(zipped.read("scenario.toml"))
    assert Scenario.load(again).hash() == session.scenario.hash()
