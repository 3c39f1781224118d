"""Documents are correct: their programs run and are the same in both languages; links and file names exist."""

import ast
import functools
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gazelle.core import language

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
PROGRAMS = ("README.md", "README.zh-CN.md", "docs/tutorial.md", "docs/tutorial.zh-CN.md")
TRANSLATIONS = {
    "README.md": "README.zh-CN.md",
    **{
        str(p.relative_to(ROOT)).replace(".zh-CN", ""): str(p.relative_to(ROOT))
        for p in sorted(ROOT.glob("docs/**/*.zh-CN.md"))
    },
}
PAGES = sorted(str(p.relative_to(ROOT)) for p in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")))
COMING_FROM = sorted(str(p.relative_to(ROOT)) for p in ROOT.glob("docs/coming-from/*[!N].md"))

#: Runs blocks in one namespace and records each that is done; in a separate process because of `gazelle.install()`.
DRIVER = """
import json, sys, warnings
warnings.simplefilter("error", UserWarning)
warnings.filterwarnings("ignore", ".*FigureCanvasAgg is non-interactive")
names = {"__name__": "__main__"}
for number, block in enumerate(json.load(open("blocks.json", encoding="utf-8")), 1):
    exec(compile(block, f"block {number}", "exec"), names)
    with open("done.txt", "w") as file:
        file.write(str(number))
"""


def text(page):
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page):
    return BLOCK.findall(text(page))


def without_comments(page):
    """The programs without comments and layout."""
    return tuple(ast.unparse(ast.parse(block)) for block in blocks(page))


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """Run the programs of a page: (number of completed blocks, stdout, stderr). Equal programs run once."""

    @functools.cache
    def run(programs):
        folder = tmp_path_factory.mktemp("page")
        (folder / "blocks.json").write_text(json.dumps(programs), encoding="utf-8")
        (folder / "page.py").write_text(DRIVER, encoding="utf-8")
        env = {
            **os.environ,
            "GAZELLE_HOME": str(folder / "home"),
            "MPLBACKEND": "agg",
            "PYTHONPATH": str(ROOT),
            "PYTHONIOENCODING": "utf-8",
        }
        done = subprocess.run(
            [sys.executable, "page.py"],
            cwd=folder,
            env=env,
            capture_output=True,
            text=True,
            timeout=300,
            encoding="utf-8",
        )
        count = folder / "done.txt"
        return int(count.read_text()) if count.exists() else 0, done.stdout, done.stderr

    return lambda page: run(without_comments(page))


@pytest.mark.parametrize(
    ("page", "number"), [(page, number) for page in PROGRAMS for number in range(1, len(blocks(page)) + 1)]
)
def test_program_runs(ran, page, number):
    count, _, stderr = ran(page)
    assert count >= number, stderr


@pytest.mark.parametrize("page", COMING_FROM)
def test_the_program_next_to_that_of_another_library_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "__main__"}
    for number, block in enumerate(blocks(page), 1):
        exec(compile(block, f"{page}, block {number}", "exec"), names)


@pytest.mark.parametrize("page", COMING_FROM)
def test_the_program_of_the_other_library_is_valid_python(page):
    others = re.findall(r"^```py\n(.*?)^```$", text(page), re.DOTALL | re.MULTILINE)
    assert others
    for program in others:
        ast.parse(program)


@pytest.mark.parametrize(("page", "printed"), [("README.md", ["True True"]), ("docs/tutorial.md", ["True"] * 4)])
def test_what_the_programs_compare_is_equal(ran, page, printed):
    """As the text states: classes of keras derive from gazelle's, a loaded model predicts the same as the saved one."""
    assert [line for line in ran(page)[1].splitlines() if re.match("True|False", line)] == printed


def test_the_error_in_the_readme_is_the_actual_one(ran):
    for page in ("README.md", "README.zh-CN.md"):
        shown = re.search(r"```\n(Labels for .*?)```", text(page), re.DOTALL)
        assert shown[1] in ran(page)[1]


@pytest.mark.parametrize("english", TRANSLATIONS)
def test_both_languages_hold_the_same_programs(english):
    assert without_comments(english) == without_comments(TRANSLATIONS[english])


def test_the_benchmarks_have_the_same_figures_in_both_languages():
    def figures(page):
        rows = re.findall(r"^\|[^|]*\|(.*)", text(page), re.MULTILINE)
        return [re.findall(r"\d[\d.,]*\d|\d", row) for row in rows]

    assert figures("docs/benchmarks.md") == figures("docs/benchmarks.zh-CN.md")


@pytest.mark.parametrize("english", TRANSLATIONS)
def test_both_languages_have_the_same_form(english):
    """The same number of headings, table rows and list items in the same order, and the same commands."""

    def form(page):
        plain = re.sub(r"```.*?```", "", text(page), flags=re.DOTALL)
        return re.findall(r"^(#+ |\||- )", plain, re.MULTILINE)

    def commands(page):
        plain = re.sub(r"^```\w+\n.*?^```$", "", text(page), flags=re.DOTALL | re.MULTILINE)
        fences = "".join(re.findall(r"^```\n(.*?)^```$", plain, re.DOTALL | re.MULTILINE))
        return [line.split("  #")[0].strip() for line in fences.splitlines()]

    assert form(english) == form(TRANSLATIONS[english])
    assert commands(english) == commands(TRANSLATIONS[english])


def anchors(page):
    """The anchors of the headings of a page."""
    heads = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", text(page), flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES)
def test_links_exist(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", text(page)):
        if re.match(r"\w+://|mailto:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (ROOT / page).parent / path if path else ROOT / page
        assert file.exists(), f"{page} links to {target}"
        if anchor:
            assert anchor in anchors(file.resolve().relative_to(ROOT)), f"{page} links to {target}"


@pytest.mark.parametrize("page", [page for page in PAGES if page != "CHANGELOG.md"])
def test_files_that_a_page_names_exist(page):
    """`layers/tree.py`, `tests/saving/test_hostile.py`, relative to the root or to gazelle/."""
    for name in re.findall(r"`((?:[\w.-]+/)+[\w-]+\.py)[ `]", text(page)):
        assert (ROOT / name).exists() or (ROOT / "gazelle" / name).exists(), f"{page} names {name}"


def test_numbers_and_texts_of_the_readmes_are_current():
    cases = re.search(r"\| all \| ([\d,]+) \| ([\d,]+) \|", text("docs/bad-arguments.md"))
    assert cases[1] == cases[2]  # all are clear
    shown = re.search(r"```\n(Labels for .*?)```", text("README.md"), re.DOTALL)[1]
    for page in ("README.md", "README.zh-CN.md", "docs/reliability.md", "docs/reliability.zh-CN.md"):
        assert cases[1] in text(page), page
    for page in ("README.md", "README.zh-CN.md"):
        assert language.to_chinese(shown) in text(page)
