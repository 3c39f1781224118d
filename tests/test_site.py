"""The site: its navigation lists every page, and both languages have the same ones. `make docs` checks its links."""

import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "scripts"))
import reference  # noqa: E402
import site_hooks  # noqa: E402


class Loader(yaml.SafeLoader):
    """Reads mkdocs.yml, whose Markdown extensions name Python functions."""


Loader.add_multi_constructor("tag:yaml.org,2002:python/", lambda loader, suffix, node: suffix)


def config(name):
    return yaml.load((ROOT / name).read_text(encoding="utf-8"), Loader)


def pages(entry):
    """The files of a navigation in their order."""
    if isinstance(entry, str):
        return [entry]
    return [page for part in (entry.values() if isinstance(entry, dict) else entry) for page in pages(part)]


@pytest.fixture(scope="module")
def written():
    return reference.pages("zh")


def test_both_languages_have_the_same_navigation():
    english, chinese = config("mkdocs.yml"), config("mkdocs.zh-CN.yml")
    assert chinese["INHERIT"] == "mkdocs.yml"
    assert pages(chinese["nav"]) == pages(english["nav"])


def test_the_navigation_lists_every_page_of_docs():
    outside = {*site_hooks.OUTSIDE.values(), "gallery/index.md", "reference/index.md"}
    found = {p.relative_to(ROOT / "docs").as_posix() for p in ROOT.glob("docs/**/*.md")}
    assert set(pages(config("mkdocs.yml")["nav"])) - outside == {p for p in found if ".zh-CN." not in p}
    assert all((ROOT / name).exists() for name in site_hooks.OUTSIDE)


def test_only_the_changelog_has_no_chinese_version():
    """Its title in the navigation states that; other pages without a translation start with a note."""
    chinese = config("mkdocs.zh-CN.yml")["nav"]
    files = {page: name for name, page in site_hooks.OUTSIDE.items()}
    files = {page: files.get(page, f"docs/{page}") for page in pages(chinese)}
    missing = {p for p, file in files.items() if not (ROOT / file.replace(".md", ".zh-CN.md")).exists()}
    assert missing == {"changelog.md", "gallery/index.md", "reference/index.md"}  # the last two are generated
    assert {"更新记录（英文）": "changelog.md"} in chinese


def test_line_breaks_within_a_chinese_text_are_not_shown_as_spaces():
    text = "## 标题\n第一行，\n第二行；\n[链接](a.md)\n\n- 甲\n- 乙\n1. 丙\nword\nword"
    expected = "## 标题\n第一行，第二行；[链接](a.md)\n\n- 甲\n- 乙\n1. 丙\nword\nword"
    assert site_hooks.joined(text) == expected


def test_every_public_name_has_one_entry(written):
    names = reference.collect()
    text = "\n".join(written.values())
    assert len({name.anchor for name in names}) == len(names) > 900
    for name in names:
        assert text.count(f"{{ #{name.anchor} }}") == 1, name.path
    assert " at 0x" not in text  # an address in a default value would differ between builds


def test_an_entry_has_signature_shapes_arguments_and_the_name_in_keras(written):
    entry = written["layers/convolution.md"].split("## Conv2D {")[1].split("\n## ")[0]
    assert "    kernel_size: int | Sequence[int],\n" in entry
    assert "Keras: `keras.layers.Conv2D`" in entry
    assert "x (batch, rows, columns, in)" in entry
    assert "**参数**\n\n- `filters`: Number of output channels." in entry
    assert '```pycon\n>>> Conv2D(4, 3, padding="same"' in entry


@pytest.mark.parametrize(
    ("name", "result"),
    [("gazelle.layers.Conv2D", "keras.layers.Conv2D"), ("gazelle.ops.absolute", "keras.ops.absolute")],
)
def test_names_in_keras(name, result):
    found = next(n for n in reference.collect() if name in (n.path, *n.aliases))
    assert reference.keras_name(found) == result


def test_a_docstring_that_is_incomplete_stops_the_build(monkeypatch):
    finding = ("gazelle/layers", "gazelle/layers/core.py:1", "Dense", "no docstring")
    monkeypatch.setattr(reference.check_docstrings, "findings", lambda: [finding])
    with pytest.raises(SystemExit, match=r"core\.py:1: Dense: no docstring"):
        reference.pages()


def test_an_anchor_of_an_english_page_is_that_of_its_translation():
    assert site_hooks.translated("README.md", "not-supported-yet") == "尚不支持"
    assert site_hooks.translated("docs/design.md", "files") == "文件"
    assert site_hooks.translated("CHANGELOG.md", "unreleased") == "unreleased"  # a page without a translation
