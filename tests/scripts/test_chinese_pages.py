"""The Chinese versions of generated pages have the content of the English ones."""

import importlib.util
from pathlib import Path

import pytest

_spec = importlib.util.spec_from_file_location(
    "chinese_pages", Path(__file__).parents[2] / "scripts" / "chinese_pages.py"
)
script = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(script)


@pytest.mark.parametrize("name", script.PAGES)
def test_a_chinese_page_is_that_of_the_english_one(name):
    english, chinese = (script.DOCS / f"{name}{ending}" for ending in (".md", ".zh-CN.md"))
    expected = script.translated(english.read_text(encoding="utf-8"), script.PAGES[name])
    assert chinese.read_text(encoding="utf-8") == expected, "run `python scripts/chinese_pages.py`"


def test_names_and_figures_are_copied_and_texts_translated():
    page = "# Engines and formats\n\n## Gaps of ONNX\n| class | cases |\n|---|---|\n| all | 1.0e-07 |\n"
    chinese = "# 引擎与格式\n\n## ONNX 的缺口\n| 类 | 用例数 |\n|---|---|\n| all | 1.0e-07 |\n"
    assert script.translated(page, first=False) == chinese


def test_a_text_without_a_translation_is_an_error():
    with pytest.raises(SystemExit, match=r"no Chinese text for 'A new sentence\.'"):
        script.translated("# Engines and formats\n\nA new\nsentence.\n", first=False)
