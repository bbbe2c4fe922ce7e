"""Laying differences over a scenario: dotted keys or partial tables, list members by name (layers by kind), choices by kind.

A scenario is a *tree* here: tables are dicts, lists are lists, as in a TOML file. Nothing is validated: a change that
no record knows stays in the tree and is refused when the tree becomes a scenario again.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Any

from abm.record import Record
from abm.scenario.errors import ScenarioError, shown
from abm.scenario.schema import NONE, Shape, field_shapes
from abm.world.shocks import nearest

EVERY = "*"  # as a name of a list member: all of them


def parsed(text: str) -> tuple[str, Any]:
    """Key and value of `KEY=VALUE`; the value is TOML (`0.5`, `true`, `[]`, `"a b"`) or else a plain text."""
    key, equals, value = (part.strip() for part in text.partition("="))
    if not equals or not key:
        raise ScenarioError(f"--set must be KEY=VALUE, was {text!r}")
    try:
        table = tomllib.loads(f"value = {value}")
    except tomllib.TOMLDecodeError:
        return key, value
    return key, table["value"] if len(table) == 1 else value


def overridden(root: type[Record], tree: dict[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """The tree with overrides applied in their order; keys are dotted names, values may be tables of further names."""
    for key, value in overrides.items():
        change = value
        for part in reversed(key.split(".")):
            if not part:
                raise ScenarioError(f"{key!r} is no dotted name")
            change = {part: change}
        tree = merged(Shape(records=(root,)), tree, change, "")
    return tree


def merged(shape: Shape, old: Any, new: Any, key: str) -> Any:
    """`new` laid over `old`; a new `kind` starts from that kind's defaults, so nothing of the old kind survives."""
    if shape.optional and new == NONE and NONE not in shape.kinds():
        return None
    if shape.many:
        return _merged_list(Shape(records=shape.records), old, new, key)
    if shape.records and isinstance(new, str):
        return {"kind": new} if shape.kinds() else new
    if shape.records and isinstance(new, dict):
        return _merged_table(shape, old if isinstance(old, dict) else {}, new, key)
    if isinstance(old, dict) and isinstance(new, dict):
        return {**old, **new}
    return new


def _merged_table(shape: Shape, old: dict[str, Any], new: dict[str, Any], key: str) -> dict[str, Any]:
    if "kind" in new and new["kind"] != old.get("kind"):
        old = {"kind": new["kind"]}
    record = shape.record_of(old)
    shapes = field_shapes(record) if record else {}
    table = dict(old)
    for name, change in new.items():
        value = merged(shapes.get(name, Shape()), old.get(name), change, _join(key, name))
        if value is None:
            table.pop(name, None)
        else:
            table[name] = value
    return table


def _merged_list(shape: Shape, old: Any, new: Any, key: str) -> Any:
    """A list replaces the list; a table changes the members that its keys name (`*` names all)."""
    if isinstance(new, (list, tuple)):
        return [merged(shape, {}, member, key) for member in new]
    if not isinstance(new, dict) or not isinstance(old, list):
        return new
    members = list(old)
    names = [str(member.get("name", member.get("kind"))) for member in members]
    for name, change in new.items():
        if name != EVERY and name not in names:
            raise ScenarioError(f"unknown key {_join(key, name)} (= {shown(change)}); {nearest(name, names)}")
        if not isinstance(change, dict):
            raise ScenarioError(f"{_join(key, name)} must be a table, was {shown(change)}")
        for row in range(len(members)):
            if name in (EVERY, names[row]):
                members[row] = merged(shape, members[row], change, _join(key, names[row]))
    return members


def _join(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name
