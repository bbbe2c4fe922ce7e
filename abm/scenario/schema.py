"""What the fields of a record admit: which records, how many, within which bounds. Read from the annotations."""

from __future__ import annotations

import types
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import annotated_types
from pydantic.fields import FieldInfo

from abm import own
from abm.record import Record

NONE = "none"  # how a file or an override says that an optional parameter is absent


@dataclass(frozen=True)
class Shape:
    """What one parameter admits."""

    records: tuple[type[Record], ...] = ()  # alternatives, told apart by `kind`
    many: bool = False  # a list of records
    optional: bool = False  # may be absent

    def kinds(self) -> dict[str, type[Record]]:
        """The alternatives by kind; empty for records without a kind."""
        return {str(record.model_fields["kind"].default): record for record in self.records if "kind" in record.model_fields}

    def record_of(self, tree: Any) -> type[Record] | None:
        """The record that a table stands for, None if its kind is unknown."""
        kind = tree.get("kind") if isinstance(tree, dict) else None
        if kind is None and self.records:
            return self.records[0]
        if own.is_own(kind):
            return own.found(str(kind))
        return self.kinds().get(str(kind))


def shape_of(annotation: Any) -> Shape:
    """Reads `Record`, `A | B`, `tuple[Record, ...]`, `... | None` and the same inside `Annotated`."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return shape_of(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        parts = [shape_of(part) for part in get_args(annotation) if part is not types.NoneType]
        return Shape(
            records=tuple(record for part in parts for record in part.records),
            many=any(part.many for part in parts),
            optional=types.NoneType in get_args(annotation) or any(part.optional for part in parts),
        )
    if origin in (tuple, list):
        inner = shape_of(get_args(annotation)[0])
        return Shape(records=inner.records, many=bool(inner.records))
    if isinstance(annotation, type) and issubclass(annotation, Record):
        return Shape(records=(annotation,))
    return Shape()


def field_shapes(record: type[Record]) -> dict[str, Shape]:
    """Shape of every field of a record."""
    return {name: shape_of(info.annotation) for name, info in record.model_fields.items()}


def bounds_text(field: FieldInfo) -> str:
    """The bounds of a parameter as a reader writes them: `(0, 1]`, `>= 0`, `'a' | 'b'`; empty where there are none."""
    shape = shape_of(field.annotation)
    if shape.records:
        return " | ".join(shape.kinds()) if len(shape.records) > 1 else ""
    return _interval(list(_constraints(field))) or _choices(field.annotation)


def _constraints(field: FieldInfo) -> Iterator[Any]:
    yield from field.metadata
    pending = [field.annotation]
    while pending:
        annotation = pending.pop()
        if get_origin(annotation) is Annotated:
            for extra in get_args(annotation)[1:]:
                yield from extra.metadata if isinstance(extra, FieldInfo) else [extra]
        pending.extend(part for part in get_args(annotation) if not isinstance(part, (str, int, FieldInfo)))


def _interval(constraints: list[Any]) -> str:
    low = next((c for c in constraints if isinstance(c, (annotated_types.Ge, annotated_types.Gt))), None)
    high = next((c for c in constraints if isinstance(c, (annotated_types.Le, annotated_types.Lt))), None)
    least = "" if low is None else f"{low.ge:g}" if isinstance(low, annotated_types.Ge) else f"{low.gt:g}"
    most = "" if high is None else f"{high.le:g}" if isinstance(high, annotated_types.Le) else f"{high.lt:g}"
    if low is not None and high is not None:
        left = "[" if isinstance(low, annotated_types.Ge) else "("
        return f"{left}{least}, {most}{']' if isinstance(high, annotated_types.Le) else ')'}"
    if low is not None:
        return f"{'>=' if isinstance(low, annotated_types.Ge) else '>'} {least}"
    if high is not None:
        return f"{'<=' if isinstance(high, annotated_types.Le) else '<'} {most}"
    return ""


def _choices(annotation: Any) -> str:
    if annotation is bool:
        return "true | false"
    if get_origin(annotation) is Literal:
        return " | ".join(str(choice) for choice in get_args(annotation))
    return ""
