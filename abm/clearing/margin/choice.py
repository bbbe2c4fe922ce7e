"""A choice between records that need not be named: a table without a kind is of the usual one."""

from __future__ import annotations

from typing import Any

from pydantic import BeforeValidator


def usually(kind: str) -> BeforeValidator:
    """To stand in the annotation of a union by `kind`: tables that name none are of this kind."""

    def named(data: Any) -> Any:
        return {"kind": kind, **data} if isinstance(data, dict) else data

    return BeforeValidator(named)
