"""docs/engines.md equals the tables of rules."""

import importlib.util
from pathlib import Path

_spec = importlib.util.spec_from_file_location("engines_script", Path(__file__).parents[2] / "scripts" / "engines.py")
script = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(script)


def test_the_page_is_up_to_date():
    assert script.PAGE.read_text(encoding="utf-8") == script.page(), "run `make engines`"


def test_a_table_has_no_rule_for_its_own_gaps():
    for target in script.TARGETS.values():
        assert not set(target.RULES) & set(target.MISSING), target.name
