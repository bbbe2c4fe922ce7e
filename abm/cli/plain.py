"""Results as strict JSON has them: no NaN, no numpy, every missing number with its reason."""

from __future__ import annotations

import math
from typing import Any

UNAVAILABLE = "unavailable"  # dotted key -> why the number is null
UNDEFINED = "not defined in this run"


def plain(value: dict[str, Any]) -> dict[str, Any]:
    """A copy of plain dicts, lists, numbers and texts.

    NaN and infinities become null, and `unavailable.<dotted key>` says why unless the caller has said so already.
    """
    missing: list[str] = []
    result = _plain(value, "", missing)
    reasons = result.get(UNAVAILABLE, {})
    unexplained = {key: UNDEFINED for key in missing if not _explained(result, key)}
    if reasons or unexplained:
        result[UNAVAILABLE] = {**reasons, **unexplained}
    return dict(result)


def _plain(value: Any, key: str, missing: list[str]) -> Any:
    if isinstance(value, dict):
        return {str(name): _plain(entry, f"{key}.{name}" if key else str(name), missing) for name, entry in value.items()}
    if hasattr(value, "tolist"):  # numpy arrays and scalars
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [_plain(entry, f"{key}.{row}", missing) for row, entry in enumerate(value)]
    if isinstance(value, float) and not math.isfinite(value):
        missing.append(key)
        return None
    return value


def _explained(result: dict[str, Any], key: str) -> bool:
    """Whether an `unavailable` table at the top or beside the value names the key or a part that contains it."""
    names = key.split(".")
    node: Any = result
    for depth in range(len(names)):
        reasons = node.get(UNAVAILABLE, {}) if isinstance(node, dict) else {}
        if any(".".join(names[depth:end]) in reasons for end in range(depth + 1, len(names) + 1)):
            return True
        node = node.get(names[depth]) if isinstance(node, dict) else None
    return False
