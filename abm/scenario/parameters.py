"""Every parameter of a scenario under its one dotted name, with value, unit, bounds, default, source and help."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic.fields import FieldInfo

from abm import own
from abm.record import Record
from abm.scenario.schema import Shape, bounds_text, shape_of


@dataclass(frozen=True)
class Parameter:
    """One row of `params`."""

    name: str  # dotted, list members by name
    value: Any
    unit: str
    bounds: str  # empty where there are none
    default: Any  # None where the scientist must choose
    source: str
    help: str


def parameters(record: Record, prefix: str = "") -> Iterator[Parameter]:
    """The parameters of a record in the order of their declaration, those of inner records in place.

    A choice between records is a parameter of its own (its value is the kind), followed by those of the chosen record.
    """
    for name, field in type(record).model_fields.items():
        if name == "kind":
            continue
        value, key = getattr(record, name), f"{prefix}{name}"
        shape = shape_of(field.annotation)
        if shape.many:
            for row, member in enumerate(value):
                yield from parameters(member, f"{key}.{getattr(member, 'name', getattr(member, 'kind', row))}.")
        elif isinstance(value, Record):
            if len(shape.records) > 1 or type(value) not in shape.records:
                yield _parameter(key, _kind(value, shape), field)
            yield from parameters(value, f"{key}.")
        elif shape.records:
            yield _parameter(key, "none", field)
        else:
            yield _parameter(key, value, field)


def _kind(record: Record, shape: Shape) -> str:
    return str(getattr(record, "kind", "")) if type(record) in shape.records else own.name_of(type(record))


def _parameter(key: str, value: Any, field: FieldInfo) -> Parameter:
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    default = None if field.is_required() else field.get_default()
    return Parameter(
        name=key,
        value=value,
        unit=str(extra.get("unit", "")),
        bounds=bounds_text(field),
        default=getattr(default, "kind", type(default).__name__) if isinstance(default, Record) else default,
        source=str(extra.get("source", "")),
        help=field.description or "",
    )
