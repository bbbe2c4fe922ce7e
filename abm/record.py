"""The base of every rule and parameter record: typed, frozen, validated, declared once."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Record(BaseModel):
    """A frozen record whose fields are parameters; unknown keys and silent conversions are refused.

    Of conversions only two are made: a whole number where a float is wanted, a list where a tuple is.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _lists_become_tuples(cls, data: Any) -> Any:
        return _frozen(data) if isinstance(data, dict) else data


def param(default: Any = ..., *, unit: str, source: str, help: str, **bounds: Any) -> Any:
    """Declare one parameter: `default` (omit where the scientist must choose), unit, source, one sentence of help.

    `bounds` are pydantic's (`ge`, `gt`, `le`, `lt`, `min_length`, `discriminator` ...).
    """
    return Field(default, description=help, json_schema_extra={"unit": unit, "source": source}, **bounds)


def _frozen(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _frozen(entry) for key, entry in value.items()}
    return tuple(_frozen(entry) for entry in value) if isinstance(value, list) else value
