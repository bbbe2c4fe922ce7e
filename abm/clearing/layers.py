"""The layers of a waterfall: what pays for a loss beyond equity, stated one by one in the order of the scenario."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field

from abm.record import Record, param


class FundLayer(Record):
    """The insurance fund: takes the position over if it can pay the deficit and margin what it takes, else pays in cash
    what it has free (after auto-deleveraging where that comes next)."""

    kind: Literal["fund"] = "fund"


class AdlLayer(Record):
    """Auto-deleveraging by the house's rule `adl`."""

    kind: Literal["adl"] = "adl"


class MemberLayer(Record):
    """The clearing member behind the account: takes its positions at their bankruptcy value, then gives all its equity and,
    in default, its contribution to the default fund."""

    kind: Literal["member"] = "member"


class SkinInTheGame(Record):
    """The house's own money, set apart for this at the opening."""

    kind: Literal["skin_in_the_game"] = "skin_in_the_game"
    share: float = param(
        0.0005,
        unit="share of one-sided open interest",
        source="choice of regime, swept; RTS 153/2013 Art. 35: at least 25 % of the minimum capital of a CCP",
        help="Money of the house's own that pays at this place.",
        ge=0,
        le=1,
    )


class MembersFund(Record):
    """Prefunded contributions of the members that are not in default, in proportion to what is left of them."""

    kind: Literal["members_fund"] = "members_fund"


class Assessments(Record):
    """Cash calls on the members that are not in default, in proportion to their opening contributions."""

    kind: Literal["assessments"] = "assessments"
    cap: float = param(
        1.0,
        unit="multiple of the contribution",
        source="choice; rulebooks of CCPs usually cap the calls at one to two times the contribution",
        help="Most that a member is called for over the whole run; it never pays more than its equity.",
        ge=0,
        le=100,
    )


class GainsHaircut(Record):
    """Variation margin gains haircutting: gains since the opening are cut in proportion to what may be cut of them."""

    kind: Literal["gains_haircut"] = "gains_haircut"
    cap: float = param(
        1.0,
        unit="share of gains",
        source="choice; rulebooks of CCPs cap it in time or amount",
        help="Largest part of an account's price gains since the opening that all haircuts together take.",
        ge=0,
        le=1,
    )


class Socialise(Record):
    """Everybody of the house (or every holder, by `loss_scope`), in proportion to equity."""

    kind: Literal["socialise"] = "socialise"


Layer = Annotated[
    FundLayer | AdlLayer | MemberLayer | SkinInTheGame | MembersFund | Assessments | GainsHaircut | Socialise,
    Field(discriminator="kind"),
]
Layers = tuple[Layer, ...]

OF_MEMBERS = ("member", "members_fund", "assessments")  # layers that need clearing members
PLACES = ("fund", "adl", "member")  # layers that take positions
MUTUAL = ("gains_haircut", "socialise")  # layers that everybody pays: collected once for all who owe

DEFAULT: Layers = (FundLayer(), AdlLayer(), Socialise())


def refuse_repeated(names: Iterable[str]) -> None:
    """ValueError if a layer occurs twice."""
    for name, times in Counter(names).items():
        if times > 1:
            raise ValueError(f"layers must not repeat, {name!r} occurs {'twice' if times == 2 else f'{times} times'}")  # noqa: PLR2004


def skin(layers: Layers) -> float:
    """The house's own money among the layers, as a share of one-sided open interest."""
    return sum(layer.share for layer in layers if isinstance(layer, SkinInTheGame))


def split_at_last_place(layers: Layers) -> tuple[Layers, Layers]:
    """The layers up to the last that takes positions, and those after it, which are asked for money alone."""
    ends = [row for row, layer in enumerate(layers) if layer.kind in PLACES]
    cut = ends[-1] + 1 if ends else 0
    return layers[:cut], layers[cut:]


def split_at_first_mutual(layers: Layers) -> tuple[Layers, Layers]:
    """The layers before the first that everybody pays, and the rest."""
    starts = [row for row, layer in enumerate(layers) if layer.kind in MUTUAL]
    cut = starts[0] if starts else len(layers)
    return layers[:cut], layers[cut:]
