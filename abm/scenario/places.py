"""Where the files that a scenario names lie: paths of data and of the user's own rules, wherever they stand in its tree."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo

from abm import own
from abm.record import Record
from abm.scenario import files
from abm.scenario.schema import Shape, shape_of

PATH = "path"  # unit of a parameter that names a file
Text = Callable[[str], str]


def placed(root: type[Record], tree: dict[str, Any], directory: Path) -> dict[str, Any]:
    """The tree with its paths sought from `directory`, so that they lead there from anywhere."""
    result: dict[str, Any] = _mapped(
        Shape(records=(root,)), tree, lambda path: str(directory / path), lambda kind: own.placed(kind, directory)
    )
    return result


def by_content(root: type[Record], tree: dict[str, Any]) -> dict[str, Any]:
    """The tree with every file named by its content."""
    result: dict[str, Any] = _mapped(Shape(records=(root,)), tree, files.digest, own.digest)
    return result


def _mapped(shape: Shape, tree: Any, path: Text, kind: Text) -> Any:
    if isinstance(tree, str):
        return kind(tree) if shape.records and own.is_own(tree) else tree
    if shape.many:
        one = Shape(records=shape.records)
        if isinstance(tree, dict):
            return {name: _mapped(one, member, path, kind) for name, member in tree.items()}
        return [_mapped(one, member, path, kind) for member in tree] if isinstance(tree, (list, tuple)) else tree
    if not isinstance(tree, dict) or not shape.records:
        return tree
    return {name: _field(_fields(shape, tree, name), name, value, path, kind) for name, value in tree.items()}


def _field(fields: list[FieldInfo], name: str, value: Any, path: Text, kind: Text) -> Any:
    if name == "kind":
        return kind(value) if own.is_own(value) else value
    if isinstance(value, str) and any(_unit(field) == PATH for field in fields):
        return path(value) if value else value
    shapes = [shape_of(field.annotation) for field in fields]
    merged = Shape(records=tuple(r for s in shapes for r in s.records), many=any(s.many for s in shapes))
    return _mapped(merged, value, path, kind)


def _fields(shape: Shape, tree: dict[str, Any], name: str) -> list[FieldInfo]:
    """The fields of this name in the record that the table stands for; in all it may stand for, where it names no kind."""
    one = shape.record_of(tree) if "kind" in tree else None
    records = (one,) if one else shape.records
    return [record.model_fields[name] for record in records if name in record.model_fields]


def _unit(field: FieldInfo) -> str:
    extra = field.json_schema_extra
    return str(extra.get("unit", "")) if isinstance(extra, dict) else ""
