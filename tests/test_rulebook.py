"""The snippets of the rulebook are scenarios as they stand, and each of them changes the rules."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from abm.scenario import Scenario

RULEBOOK = Path(__file__).parents[1] / "experiments" / "rulebook.md"
SNIPPETS = re.findall(r"```toml\n(.*?)```", RULEBOOK.read_text(encoding="utf-8"), re.S)
HEAD = 'base = "baseline.toml"\nname = "snippet"\n\n'
BASELINE = (RULEBOOK.parent / "baseline.toml").read_text(encoding="utf-8")
PERPETUALS = BASELINE[BASELINE.index("[[assets]]") : BASELINE.index("[[venues]]")]  # a list in a file replaces the base's
TABLE = """symbol,tier,min_notional,max_notional,mmr,max_leverage,maint_amount_cum
{name},1,0,50000,0.01,50,0
{name},2,50000,1000000,0.02,25,500
"""  # 50,000 x (0.02 - 0.01) = 500 keeps the margin continuous


@pytest.mark.parametrize("snippet", SNIPPETS, ids=lambda text: re.sub(r"\W+", " ", text)[:40])
def test_every_snippet_is_a_scenario_of_its_own(snippet: str, tmp_path: Path) -> None:
    contracts = re.search(r"contracts = \{(.*?)\}", snippet)
    if contracts:
        rows = [TABLE.format(name=name).splitlines() for name in re.findall(r'= "(.*?)"', contracts[1])]
        lines = [rows[0][0], *(line for row in rows for line in row[1:])]
        (tmp_path / "brackets.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    file = tmp_path / "snippet.toml"
    head = "" if snippet.startswith("base") else HEAD + (PERPETUALS if "[[assets]]" in snippet else "")
    file.write_text(head + snippet, encoding="utf-8")
    scenario = Scenario.load(file)
    scenario.check_files()
    plain = Scenario.load("baseline").with_({"name": scenario.name, "question": scenario.question})
    assert scenario != plain


def test_every_section_has_one() -> None:
    assert len(SNIPPETS) >= RULEBOOK.read_text(encoding="utf-8").count("\n## ")
