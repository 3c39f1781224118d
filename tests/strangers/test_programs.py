"""Programs of public repositories run unchanged; skipped unless $GAZELLE_PROGRAMS is a folder with their texts."""

import os
import pathlib

import pytest
import strangers

ROWS = strangers.programs()
FOLDER = os.environ.get("GAZELLE_PROGRAMS")


def test_each_program_is_listed_once():
    names = [(row["repository"], row["path"]) for row in ROWS]
    assert len(names) == len(set(names)) > 250
    for row in ROWS:
        assert row["era"] in "123"
        assert len(row["commit"]) == 40 or row["repository"].startswith("PyPI/")  # with the version


@pytest.mark.parametrize(
    "row", ROWS if FOLDER else [], ids=lambda row: f"{row['batch']}-{row['repository']}-{row['path']}"
)
def test_program(row):
    kind, text = strangers.outcome(row, pathlib.Path(FOLDER))
    if kind not in ("passed", "fails"):
        pytest.skip(f"{kind}: {text}")
    assert kind == "passed", text
