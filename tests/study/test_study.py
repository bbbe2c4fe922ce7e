"""Study files: what they mean, and one line for every mistake in them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from abm.study.axes import Axis
from abm.study.design import points, unit_samples
from abm.study.errors import StudyError
from abm.study.plan import Plan
from abm.study.study import Study
from tests.study.desk import study, subject

RULES = {"rule": [{"name": "flat", "set": {"margin": "flat"}}, {"name": "tiered", "set": {"margin": "tiered", "x": 5}}]}


def test_the_smallest_study_file(tmp_path: Path) -> None:
    file = tmp_path / "small.toml"
    file.write_text('question = "q?"\nscenario = "baseline"\nreplications = 2\n[axes]\n"population.cross_share" = [0.0, 1.0]\n')
    assert points(Study.load(file)) == [(0.0,), (1.0,)]


@pytest.mark.parametrize(
    ("axis", "values"),
    [
        ([1, 2.5, "x"], (1, 2.5, "x")),
        ({"linspace": [0, 0.3, 4]}, (0.0, 0.1, 0.2, 0.3)),  # not 0.30000000000000004
        ({"logspace": [0.01, 1, 3]}, (0.01, 0.1, 1.0)),  # ends, not exponents
        ({"linspace": [10, 30, 3], "integer": True}, (10, 20, 30)),
    ],
)
def test_an_axis_lists_its_values(axis: Any, values: tuple[Any, ...]) -> None:
    assert Axis.model_validate(axis).levels() == values


def test_a_range_is_cut_evenly_in_itself_or_in_its_logarithm() -> None:
    assert Axis(range=(0, 4)).at(0.5) == 2.0
    assert Axis(range=(0.01, 1), log=True).at(0.5) == pytest.approx(0.1)
    assert Counter(Axis(range=(1, 3), integer=True).at(u) for u in np.linspace(0, 1, 301)[:-1]) == {1: 100, 2: 100, 3: 100}
    assert Axis(range=(1, 3), integer=True).at(1.0) == 3


def test_a_grid_takes_every_combination_variants_first() -> None:
    asked = study({"z": [1, 2], "y": ["a"]}, variants=RULES)
    assert asked.columns() == ("rule", "z", "y")
    assert points(asked) == [("flat", 1, "a"), ("flat", 2, "a"), ("tiered", 1, "a"), ("tiered", 2, "a")]


def test_zipped_axes_move_together() -> None:
    asked = study({"x": [1, 2], "z": [7], "y": [10, 20]}, zipped=[["x", "y"]])
    assert asked.columns() == ("x", "y", "z")
    assert points(asked) == [(1, 10, 7), (2, 20, 7)]
    assert asked.overrides((2, 20, 7)) == {"x": 2, "y": 20, "z": 7}


def test_an_axis_is_laid_over_a_variant_and_a_variant_over_set() -> None:
    asked = study({"margin.rate": [1]}, variants=RULES, set={"margin": "none", "fee": 3})
    assert asked.overrides(("tiered", 1)) == {"margin": "tiered", "fee": 3, "x": 5, "margin.rate": 1}
    assert list(asked.overrides(("tiered", 1))) == ["margin", "fee", "x", "margin.rate"]


def test_one_at_a_time_changes_one_thing_from_the_scenario_as_it_is() -> None:
    asked = study({"a": [0, 1], "y": ["a"]}, variants=RULES, design="one_at_a_time")
    assert points(asked) == [
        ("flat", None, None),
        ("tiered", None, None),
        ("flat", 0, None),
        ("flat", 1, None),
        ("flat", None, "a"),
    ]
    assert asked.overrides(("flat", None, "a")) == {"margin": "flat", "y": "a"}
    assert Plan.of(asked, subject()).rows[0] == ("flat", 0.0, None)  # the scenario's own a is 0, its y is not known


def test_a_latin_hypercube_has_one_point_in_each_layer_of_each_axis() -> None:
    asked = study({"x": {"range": [0, 8]}, "y": ["a", "b"]}, design={"kind": "latin_hypercube", "points": 8, "seed": 3})
    assert sorted(int(x) for x, _ in points(asked)) == list(range(8))
    assert Counter(y for _, y in points(asked)) == {"a": 4, "b": 4}
    assert points(asked) == points(asked)


@pytest.mark.parametrize(
    ("design", "count"),
    [
        ({"kind": "sobol", "points": 8}, 8 * (2 + 2)),  # Saltelli: N (D + 2)
        ({"kind": "sobol", "points": 8, "second_order": True}, 8 * (2 * 2 + 2)),
        ({"kind": "morris", "trajectories": 5}, 5 * (2 + 1)),
    ],
)
def test_designs_for_indices_have_the_points_their_authors_say(design: dict[str, Any], count: int) -> None:
    asked = study({"x": {"range": [0, 8]}, "y": {"range": [1, 2]}}, design=design)
    assert len(points(asked)) == count
    assert ((unit_samples(asked) >= 0) & (unit_samples(asked) <= 1)).all()


def test_a_study_read_back_from_its_manifest_is_the_same_study() -> None:
    asked = study(
        {"z": {"linspace": [0, 1, 3]}, "y": [{"kind": "a"}, [1, 2]]},
        variants=RULES,
        set={"fee": 0.1},
        figures=[{"kind": "lines", "measures": ["square"]}],
    )
    assert Study.of(asked.dump()) == asked


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"replications": 0}, "replications: input should be greater than or equal to 1, was 0"),
        ({"replications": "3"}, "replications: input should be a valid integer, was '3'"),
        ({"replication": 3}, "unknown key replication; did you mean 'replications'?"),
        ({"question": None}, "question: input should be a valid string, was None"),
        ({"axes": {"x": []}}, "axes.x: is empty: it needs at least one value"),
        ({"axes": {"x": [1, 1]}}, "axes.x: names a value twice"),
        ({"axes": {"x": {"linspace": [0, 1, 0]}}}, "axes.x: needs at least one value, was 0"),
        ({"axes": {"x": {"logspace": [0, 1, 3]}}}, "axes.x: spaced in logarithms needs ends above 0, was [0.0, 1.0]"),
        ({"axes": {"x": {"range": [2, 1]}}}, "axes.x: range must ascend"),
        ({"axes": {"x": {"range": [1, 2]}}}, "axes.x: a range is sampled, design grid needs a list or a spacing"),
        ({"axes": {"x": {"values": [1], "range": [1, 2]}}}, "axes.x: must be a list, or have exactly one of"),
        ({"axes": {"x": [1, 2], "y": [1]}, "zipped": [["x", "y"]]}, "zipped axes must be equally long, were {'x': 2, 'y': 1}"),
        ({"zipped": [["x", "z"]]}, "zipped: no axis 'z'; known: x"),
        ({"variants": {"rule": []}}, "variants.rule is empty"),
        ({"variants": {"x": [{"name": "a", "set": {}}]}}, "'x' is an axis and a group of variants"),
        ({"design": "gird"}, "design: input tag 'gird'"),
        ({"design": {"kind": "sobol", "points": 6}}, "design: points must be a power of two, was 6"),
        ({"design": {"kind": "latin_hypercube", "points": 1}}, "design.points: input should be greater than or equal to 2"),
        ({"axes": {}, "design": {"kind": "morris", "trajectories": 4}}, "design morris needs at least one axis"),
        ({"figures": [{"kind": "lines", "measures": ["a"], "x": "X"}]}, "figures.0.x: no swept parameter 'X'"),
        ({"figures": [{"kind": "frontier", "measures": ["a"]}]}, "figures.0.measures: a frontier has two, across and up, were 1"),
        ({"axes": {"x": [1, 1.0]}}, "axes.x: names a value twice"),
        ({"axes": {"x": [1.0, float("nan")]}}, "axes.x: needs finite values"),
        ({"axes": {"x": {"linspace": [0, 1, 10_000_000]}}}, "axes.x: has 10,000,000 values; 1,000,000 is the most"),
        ({"axes": {"x": {"linspace": [0, 1, 2000]}, "y": {"linspace": [0, 1, 2000]}}}, "design grid has 4,000,000 points"),
        ({"replications": 1_000_000, "axes": {"x": {"linspace": [0, 1, 200]}}}, "200 points x 1,000,000 replications are"),
        ({"set": {"x": 3}}, "set.x changes nothing, it is an axis"),
        ({"axes": {"a.*.x": [1], "a.b.x": [2]}}, "axes.a.*.x sets axes.a.b.x as well"),
        ({"variants": {"rule": [{"name": "a", "set": {"x": 1}}]}}, "variants.rule changes x for nothing, it is an axis"),
        ({"variants": {"rule": [{"name": "a", "set": {}}, {"name": "a", "set": {}}]}}, "variants.rule names a variant twice"),
        ({"variants": {"seed": [{"name": "a", "set": {}}]}}, "variants.seed: the results have a column of that name"),
        ({"variants": {"a/b": [{"name": "a", "set": {}}]}}, "variants.a/b: names a file of the report: no /"),
        ({"tables": [{"measures": ["a"], "name": "../a"}]}, "tables.0.name: names a file of the report"),
        ({"figures": [{"kind": "lines", "measures": ["a"], "name": "f"}] * 2}, "'f' stands there twice"),
        ({"design": {"kind": "morris", "trajectories": 4, "levels": 3}}, "design.levels: input should be a multiple of 2, was 3"),
        ({"design": {"kind": "morris", "trajectories": 1}}, "design.trajectories: input should be greater than or equal to 2"),
        ({"figures": [{"kind": "phase", "measures": ["a"]}]}, "figures.0: a phase diagram needs two swept parameters"),
        ({"figures": [{"kind": "paired", "measures": ["a"]}]}, "figures.0: paired differences need `by`, variants or twins"),
        ({"figures": [{"kind": "indices", "measures": ["a"]}]}, "figures.0: a grid has no indices"),
        ({"figures": [{"kind": "pie", "measures": ["a"]}]}, "figures.0.kind: input should be"),
    ],
)
def test_a_mistake_is_one_line(change: dict[str, Any], said: str) -> None:
    tree = {"question": "q?", "scenario": "toy", "replications": 3, "axes": {"x": [0, 1]}} | change
    with pytest.raises(StudyError) as refused:
        Study.of(tree, "s.toml")
    assert str(refused.value).startswith("s.toml: ")
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)
