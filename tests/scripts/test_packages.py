"""The table of packages and what `scripts/packages.py` makes of it; the packages themselves are not installed here."""

import ast
import importlib.util
import pathlib
import tomllib

import pytest

ROOT = pathlib.Path(__file__).parents[2]
spec = importlib.util.spec_from_file_location("packages_script", ROOT / "scripts" / "packages.py")
packages = importlib.util.module_from_spec(spec)
spec.loader.exec_module(packages)
TABLE = tomllib.loads(packages.TABLE.read_text())


def test_the_table_names_what_exists():
    programs = [program for known in TABLE.values() for program in known.get("programs", ())]
    assert sorted(programs) == sorted(path.stem for path in packages.EXAMPLES.glob("*.py"))
    assert all(other in TABLE for known in TABLE.values() for other in known.get("with", ()))
    assert sum("programs" in known for known in TABLE.values()) >= 25


@pytest.mark.parametrize("path", sorted(packages.EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_programs_do_not_import_gazelle(path):
    assert "gazelle" not in path.read_text()
    ast.parse(path.read_text())


def test_packages_of():
    table = {"a": {"with": ["b", "c"]}, "b": {"with": ["c"]}, "c": {}}
    assert packages.packages_of(table, "a") == ["a", "b", "c"]


def test_reason():
    output = "Traceback (most recent call last):\n  File x\npkg.sub.BadError: no such layer\nhint\n\n2 warnings\n"
    assert packages.reason(output) == "pkg.sub.BadError: no such layer"
    assert packages.reason("killed") == "killed"
    assert packages.reason("") == "no output"


def test_a_package_for_a_newer_python_is_left_out(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(packages.sys, "version_info", (3, 11, 7))
    monkeypatch.setattr(packages.sys, "argv", ["packages.py", "bayesflow", "--only-run", "--home", str(tmp_path)])
    assert packages.main() == 0
    printed = capsys.readouterr().out
    assert "left out: it needs Python 3.12" in printed
    assert "0 of 0 programs" in printed
