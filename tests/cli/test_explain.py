"""`explain` and `compare` read what is stored: nothing is simulated again, every mistake is one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from abm.cli.compare import comparison, measure_of
from abm.cli.explain import clock, words
from abm.cli.main import main
from abm.measures.explanation import explanation
from abm.measures.summary import summarise
from abm.records import Records
from abm.scenario import Scenario
from tests.small_worlds import played, shock, world

CRASH = {"world.shocks": [shock(-0.4)]}


def stored(folder: Path, scenario: Scenario) -> tuple[str, Records]:
    """What a run leaves behind, in `folder`."""
    records = played(scenario)
    folder.mkdir()
    records.save(folder)
    (folder / "summary.json").write_text(json.dumps(summarise(records, {})), encoding="utf-8")
    (folder / "scenario.toml").write_text(scenario.to_toml(), encoding="utf-8")
    return str(folder), records


@pytest.fixture(scope="module")
def crash(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Records]:
    return stored(tmp_path_factory.mktemp("results") / "crash", world(CRASH, crowd=25))


def test_what_is_told_is_what_is_on_record(crash: tuple[str, Records], capsys: pytest.CaptureFixture[str]) -> None:
    directory, records = crash
    account = int(records.seizures["account"][-1])
    assert main(["explain", directory, str(account), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    rows, unit = records.seizures[records.seizures["account"] == account], records.meta.cash_unit
    assert [one["liquidation"] for one in told["liquidations"]] == list(dict.fromkeys(rows["liquidation"].tolist()))
    last = told["liquidations"][-1]
    mine = records.lineage[records.lineage["liquidation"] == last["liquidation"]]
    assert sum(leg["loss"] for leg in last["legs"]) == pytest.approx(mine["loss"].sum() * unit)
    assert sum(cause["loss"] for cause in last["causes"]) == pytest.approx(mine["loss"].sum() * unit)
    assert last["equity"] < last["maintenance"] or last["equity"] < 0
    filled = records.liquidations[records.liquidations["account"] == account]
    sold = sum(sale["value"] for one in told["liquidations"] for sale in one["sold"])
    assert sold == pytest.approx(filled["value"].sum() * unit)


def test_everybody_who_was_seized_can_be_explained_in_words(crash: tuple[str, Records]) -> None:
    tables = crash[1].frames()
    parts = {name: tables[name] for name in ("seizures", "lineage", "liquidations", "events")}
    ends = set()
    for account in dict.fromkeys(crash[1].seizures["account"].tolist()):
        told = explanation(parts, account)
        for one in told["liquidations"]:
            assert words(one, told, "USD").startswith(f"Account {account}")
            assert sum(b["amount"] for b in one["borne"]) == pytest.approx(one["deficit"])
            ends.add(one["ended"])
    assert "closed" in ends


def test_words_by_hand() -> None:
    leg = {"instrument": "ETH", "quantity": 2.0, "mark": 900.0, "loss": 200.0, "own": 10.0, "alone": 36.0, "healthy": False}
    other = leg | {"instrument": "BTC", "loss": -20.0, "own": 50.0, "healthy": True}
    causes = [{"cause": "forced", "loss": 150.0}, {"cause": "quotes", "loss": 50.0}]
    one: dict[str, Any] = {
        "liquidation": 3, "seconds": 65.0, "equity": 60.0, "maintenance": 72.0, "legs": [leg, other],
        "causes": [cause | {"instrument": "ETH"} for cause in causes],
        "parents": [{"liquidation": 1, "account": 8, "loss": 150.0}],
        "sold": [{"instrument": "ETH", "filled": -2.0, "value": 1782.0, "price": 891.0, "mark": 900.0, "cost": 18.0,
                  "unfilled": False}],
        "taken": [{"how": "fund_takeover", "instrument": "BTC", "quantity": 2.0, "value": 1800.0, "accounts": [99]}],
        "deficit": 5.0, "borne": [{"by": "fund_paid", "amount": 5.0, "accounts": 1}],
        "ended": "closed", "ended_seconds": 70.0,
    }  # fmt: skip
    assert words(one, {"account": 7, "group": "crowd"}, "USD") == (
        "Account 7 (crowd) was seized at 1 min 5 s: it had 60 USD and had to hold 72 USD. Since it last changed, its position in "
        "ETH lost most, 200 USD; of what went against it came 75.0 % through forced orders of earlier liquidations and 25.0 % "
        "through quotes. Of earlier liquidations it lost most through the forced orders of account 8 (150 USD). By itself BTC "
        "was healthy. By force, 2 ETH was sold at 891, 1.0 % below the mark. Of the rest, the insurance fund took 2 BTC "
        "(account 99). It was closed at 1 min 10 s. It owed 5 USD more than it had, borne by the insurance fund."
    )
    assert clock(120.0) == "2 min"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["explain", "{}", "99999"], "account 99999 was not liquidated"),
        (["explain", "{}", "-1x"], "no such option"),
        (["explain", "{}", "x"], "ACCOUNT must be a whole number, was 'x'"),
        (["explain", "{}/nowhere", "1"], "holds no results of a run"),
        (["compare", "{}", "{}/nowhere"], "holds no results of a run"),
    ],
)
def test_mistakes(
    crash: tuple[str, Records], capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:  # fmt: skip
    assert main([argument.format(crash[0]) for argument in arguments]) == 2
    printed = capsys.readouterr()
    assert said in printed.err and printed.err.count("\n") == 1 and not printed.out
    if "99999" in arguments:
        assert str(crash[1].seizures["account"][0]) in printed.err


def test_compare_names_what_differs(crash: tuple[str, Records], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    milder, _ = stored(tmp_path / "milder", world({"world.shocks": [shock(-0.1)]}, crowd=25))
    assert main(["compare", crash[0], milder, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["scenario"] == {"world.shocks.fall.size": [-0.4, -0.1]}
    assert told["measures"]["fall.BTC"]["worse"] == "first" and told["measures"]["fall.BTC"]["difference"] < 0
    assert told["measures"]["conservation.cash_error"] | {"unit": None} == {
        "first": 0, "second": 0, "difference": 0, "unit": None, "worse": None,
    }  # fmt: skip
    assert main(["compare", crash[0], crash[0]]) == 0
    assert "0 keys of the scenarios differ" in capsys.readouterr().out


def test_overlapping_intervals_are_not_told_apart() -> None:
    def seeds(median: float, low: float, high: float) -> dict[str, Any]:
        fall = {"median": median, "low": low, "high": high, "count": 8}
        return {"assets": ["BTC"], "seeds": {"count": 8, "list": [], "warnings": [], "fall": {"BTC": fall}}}

    apart = comparison((seeds(0.1, 0.05, 0.15), seeds(0.3, 0.2, 0.4)), ({}, {}))["measures"]["fall.BTC"]
    over = comparison((seeds(0.1, 0.05, 0.25), seeds(0.3, 0.2, 0.4)), ({}, {}))["measures"]["fall.BTC"]
    assert (apart["worse"], over["worse"]) == ("second", None)
    assert over["difference"] == pytest.approx(0.2)


def test_measures_are_found_by_their_documented_names() -> None:
    found = measure_of("twins.isolated.contagion_matrix.ETH.BTC", ["BTC", "ETH"])
    assert found is not None and found.unit == "share per share"
    assert measure_of("contagion_matrix.ETH.XRP", ["BTC", "ETH"]) is None
