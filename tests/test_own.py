"""Rules of the user's own: found, refused in one line, run, written, hashed, and carried to worker processes."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from abm import own
from abm.clearing.margin.half_initial import HalfInitial
from abm.clearing.margin.own import OwnMargin
from abm.clearing.margin.tiered import Requirement, Tiered
from abm.cli.main import main
from abm.model import CascadeModel
from abm.record import param
from abm.scenario import Scenario
from abm.scenario.errors import ScenarioError
from abm.scenario.parameters import parameters
from abm.twins import run_job, tasks
from tests.small_worlds import fingerprint, played, world

MARGIN, LIQUIDATION = "venues.*.clearing.margin", "venues.*.clearing.liquidation"
CODE = """
import numpy as np
from abm.behaviour.view import View
from abm.clearing.liquidation import Whole
from abm.clearing.margin.own import OwnMargin
from abm.clearing.margin.tiered import Requirement, Tiered
from abm.market.order import Kind, no_orders, orders
from abm.record import Record, param


class Share(OwnMargin):
    share: float = param(0.05, unit="share of notional", source="choice", help="Kept.", gt=0, le=0.5)

    def requirement(self, position, price, state):
        kept = np.rint(self.share * (np.abs(position) @ price)).astype(np.int64)
        return Requirement(2 * kept, kept)


class Half(Tiered):
    def requirement(self, position, price, state):
        asked = super().requirement(position, price, state)
        return Requirement(asked.initial, asked.maintenance // 2)


class Everything(Record):
    limit: float = param(0.05, unit="share of mark", source="choice", help="Worst price.", gt=0, le=1)

    def slices(self, seized):
        return seized.position


class Seller(Record):
    lots: int = param(5, unit="lots", source="choice", help="Sold at once.", ge=1)

    def decide(self, view, rows, draws):
        rows = rows[draws.uniform("act", rows) < 0.5]
        return orders(trader=rows, instrument=0, side=-1, lots=self.lots, kind=Kind.MARKET) if len(rows) else no_orders()


class Mute(Record):
    pass


class Curt(Record):
    def requirement(self, position):
        return position

    def open(self, terms):
        return None

    def advance(self, state, index):
        return None

    def tables(self, assets, **terms):
        return None


class Plain:
    pass


number = 7
"""


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    path = tmp_path / "own_rules_of_a_test.py"
    path.write_text(CODE)
    return path


def kind(rules: Path, name: str, **parameters: Any) -> dict[str, Any]:
    return {"kind": f"{rules}:{name}", **parameters}


def sellers(rules: Path, **more: Any) -> dict[str, Any]:
    return {"name": "sellers", "count": 3, "behaviour": kind(rules, "Seller")} | more


def test_a_margin_rule_of_ones_own_asks_what_the_built_in_one_asks(rules: Path) -> None:
    # 20x leverage and half of it to keep: 2.5 % of notional
    own_rule = played(world({MARGIN: kind(rules, "Share", share=0.025)}))
    np.testing.assert_array_equal(own_rule.scalars["entered"], played(world()).scalars["entered"])
    assert fingerprint(played(world({MARGIN: kind(rules, "Share", share=0.04)}))) != fingerprint(own_rule)


def test_a_subclass_of_a_built_in_rule_is_not_taken_for_it(rules: Path) -> None:
    model = CascadeModel(scenario=world({MARGIN: kind(rules, "Half")}), rng=1)
    plain = CascadeModel(scenario=world(), rng=1)
    rows = model.exchange.houses[0].accounts
    np.testing.assert_array_equal(model.worth.maintenance[rows], plain.worth.maintenance[rows] // 2)


def test_a_policy_of_ones_own_sells_what_it_says(rules: Path) -> None:
    mine = played(world({LIQUIDATION: kind(rules, "Everything", limit=0.02)}))
    # the built-in one waits 5 s between slices, which is a step
    assert fingerprint(mine) == fingerprint(played(world({LIQUIDATION: {"kind": "whole", "limit": 0.02, "interval": 5.0}})))
    assert len(mine.liquidations)


def test_a_group_of_ones_own_trades_from_money_of_its_own(rules: Path) -> None:
    model = CascadeModel(scenario=world({"population.others": [sellers(rules)]}), rng=1)
    mine = model.exchange.traders.rows("sellers")
    assert len(mine) == 3 and not model.positions(mine).any()
    # 1 % of 2 M open interest in three parts, in units of 0.001
    assert model.equity(mine).tolist() == [6_666_666] * 3
    for _ in range(4):
        model.step()
    assert (model.positions(mine)[:, 0] < 0).any()
    assert (model.positions(mine)[:, 0] % 5 == 0).any()
    assert model.groups["sellers"].count == 3


def test_members_go_by_name(rules: Path) -> None:
    scenario = world({"population.others": [sellers(rules)]})
    more = scenario.with_({"population.others.sellers.behaviour.lots": 7, "population.others.sellers.count": 1})
    assert (more.population.others[0].behaviour.lots, more.population.others[0].count) == (7, 1)  # type: ignore[attr-defined]
    names = [parameter.name for parameter in parameters(more)]
    assert "population.others.sellers.behaviour" in names and "population.others.sellers.behaviour.lots" in names


def all_three(rules: Path) -> Scenario:
    changes = {MARGIN: kind(rules, "Share", share=0.03), LIQUIDATION: kind(rules, "Everything")}
    return world(changes | {"population.others": [sellers(rules)]})


def test_it_is_written_and_read_again(rules: Path, tmp_path: Path) -> None:
    scenario = all_three(rules)
    (tmp_path / "elsewhere").mkdir()
    copy = tmp_path / "elsewhere" / "scenario.toml"
    copy.write_text(scenario.to_toml())
    assert Scenario.load(copy) == scenario
    assert Scenario.load(copy).hash() == scenario.hash()
    assert scenario.with_({f"{MARGIN}.share": 0.04}).venues[0].clearing.margin.share == 0.04  # type: ignore[union-attr]
    assert pickle.loads(pickle.dumps(scenario)) == scenario


def test_worker_processes_load_it(rules: Path) -> None:
    scenario = all_three(rules).with_({"time.duration": 50.0})
    todo = tasks(scenario, [1], ["no_shock"], matrix=False)
    [alone] = run_job(todo, jobs=1)
    [shared] = run_job(todo, jobs=2)
    assert fingerprint(alone.run) == fingerprint(shared.run)  # type: ignore[arg-type]


def test_the_hash_counts_the_source(rules: Path, tmp_path: Path) -> None:
    before = all_three(rules).hash()
    rules.write_text(CODE.replace("0.5 else", "0.5  else") + "\n# a remark\n")
    assert all_three(rules).hash() != before
    (tmp_path / "copy").mkdir()
    copy = tmp_path / "copy" / rules.name
    copy.write_text(CODE)
    assert all_three(copy).hash() == before  # wherever it lies


def test_a_changed_file_is_read_again(rules: Path) -> None:
    assert world({MARGIN: kind(rules, "Share")}).venues[0].clearing.margin.share == 0.05  # type: ignore[union-attr]
    rules.write_text(CODE.replace("param(0.05", "param(0.07"))
    assert world({MARGIN: kind(rules, "Share")}).venues[0].clearing.margin.share == 0.07  # type: ignore[union-attr]


def test_a_module_beside_the_scenario_or_importable(rules: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = tmp_path / "mine.toml"
    text = 'base = "baseline"\nname = "mine"\n[venues.main.clearing]\nmargin = "{}"\n'
    mine.write_text(text.format("own_rules_of_a_test.Share"))
    assert Scenario.load(mine).venues[0].clearing.margin == own.load(f"{rules}:Share")()
    (tmp_path / "sub").mkdir()
    far = tmp_path / "sub" / "far.toml"
    far.write_text(text.format("own_rules_of_a_test.Share"))
    with pytest.raises(ScenarioError, match="'own_rules_of_a_test' is found neither beside the scenario nor"):
        Scenario.load(far)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert Scenario.load(far).dump()["venues"][0]["clearing"]["margin"]["kind"] == "own_rules_of_a_test.Share"


class Here(OwnMargin):
    """A rule that a notebook has defined."""

    share: float = param(0.05, unit="share", source="choice", help="Kept.", gt=0, le=1)

    def requirement(self, position: Any, price: Any, state: Any) -> Requirement:
        kept = np.rint(self.share * (np.abs(position) @ price)).astype(np.int64)
        return Requirement(kept, kept)


def test_an_object_may_be_given_in_python() -> None:
    assert world({MARGIN: Here(share=0.02)}).venues[0].clearing.margin == Here(share=0.02)


def test_a_rule_of_ones_own_may_follow_volatility(rules: Path) -> None:
    still = {"kind": "dynamic", "floor": 1.0, "cap": 1.0, "base": kind(rules, "Share", share=0.04)}
    assert fingerprint(played(world({MARGIN: still}))) == fingerprint(played(world({MARGIN: kind(rules, "Share", share=0.04)})))


def test_the_command_line_seeks_it_in_the_working_directory(
    rules: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(rules.parent)
    assert main(["show", "baseline", "--set", f"venues.main.clearing.margin={rules.stem}.Share"]) == 0
    assert f'kind = "{rules}:Share"' in capsys.readouterr().out


def test_built_in_rules_need_no_state_of_their_own() -> None:
    from abm.clearing.margin.rule import opened

    assert opened(Tiered(), None) is None and opened(HalfInitial(), None) is None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("where", "name", "said"),
    [
        (MARGIN, "Shar", "has no class 'Shar'; did you mean 'Share'?"),
        (MARGIN, "number", "has no class 'number'"),
        (MARGIN, "Plain", "is not a Record; inherit it from abm.record.Record"),
        (MARGIN, "Mute", "has no method requirement(position, price, state); inherit it from abm.clearing.margin.own.OwnMargin"),
        (MARGIN, "Curt", "Curt.requirement must take (position, price, state)"),
        (LIQUIDATION, "Mute", "has no method slices(seized)"),
    ],
)
def test_a_class_that_is_no_rule_costs_one_line(rules: Path, where: str, name: str, said: str) -> None:
    with pytest.raises(ScenarioError) as refused:
        world({where: kind(rules, name)})
    assert said in str(refused.value) and str(refused.value).startswith("venues.main.clearing.")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("nowhere.Rule", "module 'nowhere' is found neither beside the scenario nor among the installed"),
        ("nowhere.py:Rule", "there is no file 'nowhere.py'"),
        ("abm.nowhere.Rule", "module 'abm.nowhere' is found neither"),
        ("numpy.ndarray", "is not a Record"),
    ],
)
def test_a_place_without_a_rule_costs_one_line(wrong: str, said: str) -> None:
    with pytest.raises(ScenarioError, match="venues.main.clearing.margin: ") as refused:
        world({MARGIN: wrong})
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import nowhere\n", "cannot be imported; it imports 'nowhere'"),
        ("1 / 0\n", "cannot be imported: ZeroDivisionError: division by zero"),
        ("class (\n", "cannot be imported: SyntaxError"),
    ],
)
def test_code_that_fails_costs_one_line(tmp_path: Path, code: str, said: str) -> None:
    (tmp_path / "broken.py").write_text(code)
    with pytest.raises(ScenarioError) as refused:
        world({MARGIN: f"{tmp_path / 'broken.py'}:Rule"})
    assert said in str(refused.value) and "\n" not in str(refused.value)


def test_parameters_of_ones_own_have_bounds_and_names(rules: Path) -> None:
    with pytest.raises(ScenarioError, match=r"venues.main.clearing.margin.share must be in \(0, 0.5\], was 2.0"):
        world({MARGIN: kind(rules, "Share", share=2.0)})
    with pytest.raises(ScenarioError, match=r"unknown key venues.main.clearing.margin.shar \(= 0.1\); did you mean 'share'"):
        world({MARGIN: kind(rules, "Share", shar=0.1)})


def test_groups_have_names_of_their_own_and_a_class(rules: Path) -> None:
    with pytest.raises(ScenarioError, match="population.others.crowd: the name is taken"):
        world({"population.others": [sellers(rules, name="crowd")]})
    with pytest.raises(ScenarioError, match="population.others: names must be unique, 'sellers' occurs twice"):
        world({"population.others": [sellers(rules), sellers(rules)]})
    with pytest.raises(ScenarioError, match="population.others.sellers.behaviour: must name a class of your own"):
        world({"population.others": [sellers(rules, behaviour={"kind": "trend"})]})
