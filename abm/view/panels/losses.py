"""Losses beyond equity as a waterfall: what was lost, and which layer bore how much of it."""

from __future__ import annotations

from abm.clearing.journal import EventKind
from abm.view.colours import asset, var
from abm.view.history import History
from abm.view.svg import Size, box, head, short, svg, text

LAYERS = (
    ("keepers", (EventKind.KEEPER_TAKEOVER,)),
    ("insurance fund", (EventKind.FUND_TAKEOVER, EventKind.FUND_PAID)),
    ("auto-deleveraged", (EventKind.ADL,)),
    ("clearing members", (EventKind.MEMBER_TAKEOVER, EventKind.MEMBER_PAID)),
    ("house's own money", (EventKind.SKIN_PAID,)),
    ("members' fund", (EventKind.CONTRIBUTED,)),
    ("calls on members", (EventKind.ASSESSED,)),
    ("cuts of gains", (EventKind.GAINS_HAIRCUT,)),
    ("all others", (EventKind.SOCIALISED,)),
)
ALWAYS = 3  # layers that are shown even if they bore nothing
LEFT, RIGHT = 112.0, 52.0  # pixels kept for names and numbers


def borne(run: History) -> dict[str, float]:
    """Currency by layer; those beyond the first `ALWAYS` only if they bore something."""
    amounts = {name: run.money(sum(run.amount[kind] for kind in kinds)) for name, kinds in LAYERS}
    return {name: amount for row, (name, amount) in enumerate(amounts.items()) if row < ALWAYS or amount}


def losses(run: History, size: Size) -> str:
    """Every layer begins where the one before it ended; at the foot what is left of the insurance fund."""
    total, parts_of = run.money(run.amount[EventKind.CLOSED]), borne(run)
    scale = max(total, sum(parts_of.values()), 1.0)
    most = size.width - LEFT - RIGHT
    tall = min(26.0, (size.height - 66) / (len(parts_of) + 1))
    parts = [head("Losses beyond equity", f"{run.model.scenario.money.currency}, and who bore them")]
    parts.append(_bar("lost", total, (LEFT, 22, most * total / scale, tall), var("forced")))
    at = LEFT
    for row, (name, amount) in enumerate(parts_of.items(), start=1):
        width = most * amount / scale
        parts.append(_bar(name, amount, (at, 22 + row * tall, width, tall), asset(row - 1)))
        at += width
    parts.append(_fund(run, size, most))
    told = f"auto-deleveraged {run.count[EventKind.ADL]:,} · recovered {run.count[EventKind.RECOVERED]:,}"
    parts.append(text(4, size.height - 5, f"{told} · closed {run.count[EventKind.CLOSED]:,}"))
    return svg(size, *parts, label="Losses beyond equity and who bore them")


def _fund(run: History, size: Size, most: float) -> str:
    """What the insurance funds own now, within what they owned at the opening."""
    now, opening, y = run.fund(), run.opening_fund, size.height - 36.0
    rule = f'<path class="grid" d="M4 {y - 6:.1f}H{size.width - 4:.1f}"/>'
    if opening <= 0:
        return rule + text(4, y + 11, f"fund's equity {short(run.money(now))}; it opened without money")
    frame = f'<rect class="cell" x="{LEFT}" y="{y:.1f}" width="{most:.1f}" height="14"/>'
    filled = box(LEFT, y, most * min(max(now / opening, 0.0), 1.0), 14, fill=asset(1))
    left = text(LEFT + most + 4, y + 11, short(run.money(now)))
    return rule + text(4, y + 11, f"fund's equity {100 * now / opening:.0f} %") + frame + filled + left


def _bar(name: str, amount: float, place: tuple[float, float, float, float], fill: str) -> str:
    x, y, width, height = place
    label = text(4, y + height / 2 + 3, name)
    if amount <= 0:
        return label + text(x + 4, y + height / 2 + 3, "0")
    width = max(width, 1.0)
    return label + box(x, y, width, height - 3, fill=fill) + text(x + width + 4, y + height / 2 + 3, short(amount))
