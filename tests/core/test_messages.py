"""The table of Chinese texts: it fits the English texts in the code, and covers the commonest errors."""

import ast
import functools
import pathlib
import re

import pytest

import gazelle
from gazelle.core import errors, language, traceback

ROOT = pathlib.Path(gazelle.__file__).parent
PACKAGES = (
    "core",
    "data",
    "drawing",
    "datasets",
    "features",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "models",
    "ops",
    "optimizers",
    "saving",
    "training",
)
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def template(node):
    """A text in the code with {} for each value."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        return "".join("{}" if isinstance(part, ast.FormattedValue) else template(part) for part in node.values)
    return ""


@functools.cache
def trees():
    folders = (path for folder in PACKAGES for path in (ROOT / folder).rglob("*.py"))
    return [ast.parse(path.read_text(encoding="utf-8")) for path in (*ROOT.glob("*.py"), *folders)]


@functools.cache
def texts_in_code():
    """All texts, their lines and their sentences, without the last period."""
    found = set()
    for tree in trees():
        for node in ast.walk(tree):
            text = template(node)
            found |= {text, *text.split("\n")}
    sentences = {s for text in found for s in re.split(r"(?<=[.?]) |(?<=\?)|(?<=\})(?= )", text)}
    whole = found | sentences
    return {text.strip().rstrip(".") for text in (*whole, *(text.removesuffix("{}") for text in whole))}


#: texts of Python, and such as the code composes from single words
COMPOSED = {
    "'{path}' is damaged",
    "the function {name}",
    "{first} and None",
    "  {name}: {old} then, {new} now",
    "{argument} of {owner}: Unknown {kind} '{name}'.",
    "{call}(...): missing a required argument: '{name}'.",
    "{call}(...): too many positional arguments.",
    "{file} refers to {name} (in layer '{layer}'), which gazelle does not have.",
    "{file} refers to {name}, which gazelle does not have.",
    "an integer or text",
    "{first} or {second}",
    "Download it elsewhere and save it as {path}, or set GAZELLE_DATA_MIRROR to a mirror.",
    "The {kind} function '{name}' failed: {reason}",
    "Loss '{name}'",
    "Metric '{name}'",
    "{function} takes {n} positional argument but {m} were given.",
    "{function} takes {n} positional arguments but {m} were given.",
}
ENTRIES = [(section, *pair) for section, pairs in language.table().items() for pair in pairs]


def letters(text):
    return len(re.sub(r"\{\w*\}|\W", "", text))


@functools.cache
def patterns_in_code():
    """[(number of letters, pattern)] of the texts with values."""
    texts = [text for text in texts_in_code() if "{}" in text and letters(text)]
    return [(letters(text), re.compile(".*".join(map(re.escape, text.split("{}"))))) for text in texts]


def is_in_code(english):
    """Whether a text of the code can become this one: with half of its letters at least, and values for the rest."""
    if re.sub(r"\{\w+\}", "{}", english).rstrip(".") in texts_in_code():
        return True
    sample = re.sub(r"\{\w+\}", "§", english).rstrip(".")
    mine = re.compile(".*".join(map(re.escape, re.split(r"\{\w+\}", english.rstrip(".")))))
    return any(
        2 * count >= letters(english) and pattern.fullmatch(sample) for count, pattern in patterns_in_code()
    ) or (letters(english) > 5 and any(mine.fullmatch(text) for text in texts_in_code()))


def fields(text):
    return sorted(re.findall(r"\{(\w+)\}", text))


@pytest.mark.parametrize("section", language.table())
def test_english_texts_are_those_of_the_code(section):
    english = [english for s, english, _ in ENTRIES if s == section]
    assert [text for text in english if text not in COMPOSED and not is_in_code(text)] == []


def test_a_text_that_the_code_does_not_have_is_found():
    assert not is_in_code("expected a whole other text of {name}")


def test_no_english_text_has_two_entries():
    same = [(section, re.sub(r"\{\w+\}", "{}", english)) for section, english, _ in ENTRIES]
    assert len(set(same)) == len(same)


def test_values_are_the_same_in_both_languages():
    assert [entry for entry in ENTRIES if fields(entry[1]) != fields(entry[2])] == []
    assert [entry for entry in ENTRIES if not CHINESE.search(entry[2]) and entry[1] != entry[2]] == []


def test_the_language_is_chosen_by_the_variable_or_the_locale(monkeypatch):
    error = errors.ArgumentError(errors.message("epochs", expected="an integer of at least 0", got=-3))
    english, chinese = "epochs: expected an integer of at least 0, got -3.", "epochs：应为不小于 0 的整数，实际为 -3。"
    for chosen, locale, text in (
        ("zh", "en_US.UTF-8", chinese),
        ("zh_CN", "C", chinese),
        ("en", "zh_CN.UTF-8", english),
        ("", "zh_CN.UTF-8", chinese),
        ("", "zh_TW.UTF-8", chinese),
        ("", "de_DE.UTF-8", english),
    ):
        monkeypatch.setenv("GAZELLE_LANG", chosen)
        monkeypatch.setenv("LC_ALL", locale)
        assert str(error) == text


def test_warnings_are_translated_too(monkeypatch):
    monkeypatch.setenv("GAZELLE_LANG", "zh")
    text = errors.message("w", expected="weights of at least 0", got="negative ones, whose losses are subtracted")
    with pytest.warns(UserWarning, match="w：应为不小于 0 的权重，实际为负的权重"):
        traceback.warn(text)


def test_what_the_table_lacks_stays_english():
    assert language.to_chinese("Something else: expected a moon, got 1.") == "Something else: expected a moon, got 1."
    assert language.to_chinese("batch_size: expected a moon, got 1.") == "batch_size: expected a moon, got 1."


def test_other_words_than_names_in_the_place_of_a_value_are_no_match(monkeypatch):
    """Texts of the code with "of", "in" and "to" whose words were put in the order of another text."""
    for english in (
        "axis of a planet: expected axes of a weight of shape (2,), got 1.",
        "pad_sequences: expected a list of lists, got a moon in it.",
    ):
        assert language.to_chinese(english) == english
    two = "Unknown layer of model 'm' 'dense_9'."
    assert language.to_chinese(two) == "未知的模型 'm' 的层 'dense_9'。"
    assert language.to_chinese("Known: loss.") == "可用的名称：loss。"  # the name of a log
    monkeypatch.setenv("GAZELLE_LANG", "zh")
    with pytest.raises(errors.ArgumentError, match=r"^Dense 的 activation：未知的激活函数 'rellu'。\n"):
        gazelle.layers.Dense(3, activation="rellu")
    with pytest.raises(errors.ArgumentError, match=r"\n可用的名称：learning_rate。早期 Keras 的 'lr' 现在叫"):
        gazelle.optimizers.Adam(lr=0.1)
    assert language.to_chinese("x: expected finite numbers, got nan at x[0, 3], 5 rows in all.") == (
        "x：应为有限的数值，实际为 x[0, 3] 处的 nan，共 5 行。"
    )


def composed():
    """The texts of the calls of `message` whose parts are texts, with 1 for values."""
    for node in (node for tree in trees() for node in ast.walk(tree)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "message" and node.args:
            parts = {word.arg: word.value for word in node.keywords} | {"what": node.args[0]}
            if all(isinstance(part, (ast.Constant, ast.JoinedStr)) for name, part in parts.items() if name != "got"):
                texts = {name: template(part).replace("{}", "1") or "1" for name, part in parts.items()}
                yield errors.message(texts.pop("what"), **texts)


def test_the_commonest_errors_are_translated():
    """At least 370 texts are completely in the table; none is a mixture of both languages."""
    translations = [language.to_chinese(text).split("\n") for text in composed()]
    assert sum(all(map(CHINESE.search, lines)) for lines in translations) >= 370
    chinese = [line for lines in translations for line in lines if CHINESE.search(line)]
    mixed = [line for line in chinese if re.search(r"[A-Za-z]{2,},? [A-Za-z]{2,}", language._CODE.sub("§", line))]
    assert [line for line in mixed if "：pip install" not in line] == []
