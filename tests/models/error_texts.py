"""What every error about a program has to fulfil."""

import re

from gazelle.core import language


def check(error, words):
    """The text contains the words, is short and about the program, and is completely in gazelle/core/chinese.txt."""
    text = str(error)
    for word in words:
        assert word in text, text
    assert len(text) < 400
    assert "Tracer" not in text
    assert "jaxpr" not in text
    lines = language.to_chinese(Exception.__str__(error)).split("\n")
    assert all(re.search(r"[\u4e00-\u9fff]", line) for line in lines), lines
