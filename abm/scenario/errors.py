"""A mistake in a scenario, said in one line: file, dotted key, value, rule broken, nearest valid name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from abm.record import Record
from abm.scenario.schema import Shape, bounds_text, shape_of
from abm.world.shocks import nearest

BOUNDS = {"greater_than", "greater_than_equal", "less_than", "less_than_equal"}
WANTED = {
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "a text",
    "tuple_type": "a list",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
    "finite_number": "finite",
}


class ScenarioError(ValueError):
    """A scenario or an override that breaks a rule; the message is one line for the user."""


def one_line(error: ValidationError, root: type[Record], tree: Any) -> str:
    """The first mistake that pydantic found in `tree`, in house style; unknown keys go first, they explain the others."""
    found = sorted(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
    places = [_place(found_error["loc"], root, tree) for found_error in found]
    key, value, field, owner = places[0]
    rules = list(dict.fromkeys(_rule(e, field) for e, place in zip(found, places, strict=True) if place[0] == key))
    kind, where = found[0]["type"], f"{key} " if key else ""
    if kind == "extra_forbidden":
        names = [name for name in owner.model_fields if name != "kind"] if owner else []
        return f"unknown key {key} (= {shown(value)}); {nearest(key.rpartition('.')[2], names)}"
    if kind == "missing":
        return f"{where}is missing{f': {field.description}' if field else ''}"
    if kind == "union_tag_not_found":
        return f"{where.strip()}.kind is missing; one of {', '.join(_names(field))}"
    if kind in ("value_error", "assertion_error"):
        return f"{key}: {rules[0]}" if key else rules[0]
    if kind == "union_tag_invalid" and isinstance(value, dict):
        value = value.get("kind")
    hint = f"; {nearest(value, _names(field))}" if isinstance(value, str) and _names(field) else ""
    return f"{where}must be {' or '.join(rules)}, was {shown(value)}{hint}"


def shown(value: Any) -> str:
    """A value as a file would write it, shortened."""
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."  # noqa: PLR2004


def _rule(error: Any, field: FieldInfo | None) -> str:
    kind = error["type"]
    if kind in ("value_error", "assertion_error"):
        return " ".join(str(error["ctx"]["error"]).split())
    if kind in BOUNDS and field is not None and bounds_text(field):
        text = bounds_text(field)
        return f"in {text}" if text[0] in "[(" else text
    if kind in ("literal_error", "union_tag_invalid"):
        return f"one of {', '.join(_names(field))}"
    return WANTED.get(kind) or str(error["msg"]).removeprefix("Input should ").removeprefix("be ").removeprefix("have ")


def _names(field: FieldInfo | None) -> list[str]:
    if field is None:
        return []
    kinds = list(shape_of(field.annotation).kinds())
    return kinds or [name for name in bounds_text(field).split(" | ") if name.isidentifier()]


def _place(loc: tuple[Any, ...], root: type[Record], tree: Any) -> tuple[str, Any, FieldInfo | None, type[Record] | None]:
    """Dotted key, value, field and record of a pydantic location; tags of unions are no part of the key."""
    names: list[str] = []
    field: FieldInfo | None = None
    owner: type[Record] | None = None
    shape = Shape(records=(root,))
    rest: Iterator[Any] = iter(loc)
    for part in rest:
        if shape.many and isinstance(part, int):
            tree = tree[part]
            names.append(_name(tree, part))
            shape = Shape(records=shape.records)
        elif shape.records and not shape.many and len(shape.records) > 1 and part in shape.kinds():
            shape = Shape(records=(shape.kinds()[part],))
        elif shape.records and isinstance(part, str):
            owner = shape.record_of(tree)
            field = owner.model_fields.get(part) if owner else None
            tree = tree.get(part) if isinstance(tree, dict) else None
            names.append(part)
            shape = shape_of(field.annotation) if field else Shape()
        elif isinstance(part, int) and isinstance(tree, (list, tuple)):
            tree = tree[part]
            names.append(str(part))
    return ".".join(names), tree, field, owner


def _name(tree: Any, index: int) -> str:
    name = tree.get("name") if isinstance(tree, dict) else None
    return name if isinstance(name, str) and name else str(index)
