"""Statistics and tables of the benchmark, for given numbers."""

import figures
import pytest
import runner
import table

ROW = {
    "gazelle": [1.0, 2.0, 1.5],
    "keras-jax": [5.0, 8.0, 6.0],
    "keras-torch": [4.0, 90.0, 90.0],
    "handwritten": [0.5, 0.5, 0.5],
}


@pytest.mark.parametrize(
    ("values", "seen"),
    [([3.0, 1.0, 2.0], (2, 1, 3)), ([4.0, 1.0], (2.5, 1, 4)), ([None, 2.0], (2, 2, 2)), ([None], None), ([], None)],
)
def test_spread(values, seen):
    assert figures.spread(values) == seen


def test_share_is_half_of_the_span():
    assert figures.Spread(10.0, 9.0, 13.0).fraction == pytest.approx(0.2)


def test_rounds_are_paired():
    """A round twice as slow for both leaves the ratio as it is."""
    assert figures.paired([1.0, 2.0], [5.0, 10.0]) == (5, 5, 5)
    assert figures.paired([10.0, 20.0], [5.0, 5.0], less=False) == (3, 2, 4)
    assert figures.paired([1.0, None], [2.0, 7.0]) == (2, 2, 2)


def test_the_best_keras_is_that_of_the_best_median():
    assert figures.best_keras(ROW) == "keras-jax"
    assert figures.best_keras(ROW, less=False) == "keras-torch"
    assert figures.best_keras({"gazelle": [1.0], "keras-jax": [None]}) is None
    assert figures.ratio(ROW) == (4, 4, 5)
    assert figures.ratio({"keras-jax": [1.0]}) is None


@pytest.mark.parametrize(
    ("times", "flat", "linear"),
    [
        ([1, 1.5, 1.9, 5, 50], 100, 10_000),
        ([1, 10, 100, 1_000, 10_000], 1, 10_000),
        ([3, 3, 3, 3, 3], 10_000, 10_000),
        ([5, 2, 3, 9, 1_000], 100, 1_000),
    ],
)
def test_where_cost_stops_being_flat_and_linear(times, flat, linear):
    sizes = [1, 10, 100, 1_000, 10_000]
    assert figures.flat_until(sizes, times) == flat
    assert figures.linear_until(sizes, times) == linear


@pytest.mark.parametrize(
    ("values", "text"),
    [([0.00123], "1.23"), ([0.9, 1.1], "1,000 ±10%"), ([None, None], "failed"), ([], "–"), ([0.0456], "45.6")],
)
def test_cell(values, text):
    assert table.cell(values, figures.FIGURES["step"]) == text


def test_ratio_in_words():
    assert table.times(figures.Spread(5.12, 4.8, 5.3)) == "5.1x (4.8 to 5.3)"
    assert table.times(figures.Spread(1.234, 1.234, 1.234)) == "1.23x"
    assert table.times(None) == "–"


@pytest.fixture
def results():
    growth = {"sizes": [1, 4], "time": [0.001, 0.004], "first": [1.0, 2.0], "memory": [2.0**28, 2.0**29]}
    return {
        "date": "2030-01-01",
        "rounds": 3,
        "peers": list(ROW),
        "failed": {"keras-torch, cnn": "out of memory"},
        "machine": {"processor": "P", "cores": 2, "memory": 24, "system": "Linux", "load": 0.1},
        "versions": {peer: {"python": "3.13"} for peer in ROW},
        "growth": {"batch": {"gazelle": growth}},
        "values": {"step": {"mlp": {peer: [v / 1e3 for v in row] for peer, row in ROW.items()}}},
    }


def test_both_languages_have_the_same_numbers(results):
    english, chinese = table.short(results), table.short(results, "zh")
    row = "| 1.50 ±33% | 6.00 ±25% | 90.0 ±48% | 0.500 ±0% | 4.0x (4.0–5.0) |"
    assert english.splitlines()[-1] == f"| article's MLP {row}"
    assert chinese.splitlines()[-1] == f"| 文章的 MLP {row}"
    assert len(english.splitlines()) == len(chinese.splitlines()) == 3


def test_imports_of_all_networks_are_one_row():
    seconds = {"mlp": {"gazelle": [1.0], "keras-jax": [2.0]}, "cnn": {"gazelle": [2.0], "keras-jax": [6.0]}}
    (row,) = table.section({"import": seconds}, "import", ["gazelle", "keras-jax"])
    assert row == ["any", "1.50 ±33%", "4.00 ±50%", "2.5x (2.0 to 3.0)"]


def test_the_long_tables_tell_everything(results):
    text = table.long(results)
    for words in ("| 4.0x (4.0 to 5.0) | 5x |", "P, 2 cores, 24 GiB", "| batch | gazelle | 1 to 4 |", "out of memory"):
        assert words in text


def test_other_engines_have_a_table_of_their_own(results):
    assert "on each engine" not in table.long(results)
    row = results["values"]["step"]["mlp"]
    row |= {"on-tensorflow": [0.003], "on-pytensor": [None], "keras-tensorflow": [0.006]}
    results["peers"] += ["on-tensorflow", "on-pytensor"]
    results["versions"] |= {peer: {} for peer in results["peers"]}
    text = table.long(results)
    assert "| article's MLP | 1.50 ±33% | 3.00 | failed | 6.00 | 2.0x |" in text
    assert "| gazelle on TensorFlow | gazelle on PyTensor | Keras on TensorFlow |" in text.split("on each engine")[1]
    assert "on TensorFlow" not in table.short(results)


def test_an_engine_is_asked_for_a_step_alone(monkeypatch):
    asked = runner.options([])
    one = runner.Runner(asked, None)
    tasks = []
    monkeypatch.setattr(one, "worker", lambda peer, home, task: tasks.append(task) or {"step": 0.5, "start": 9.0})
    one.one("mlp", "on-tensorflow")
    assert [task["figures"] for task in tasks] == [["step"]]
    assert one.values == {"step": {"mlp": {"on-tensorflow": [0.5]}}}


def test_a_table_goes_between_its_marks(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- speed -->\nold\n<!-- /speed -->\nafter\n")
    table.insert(page, "speed", "new \\1")
    assert page.read_text() == "before\n<!-- speed -->\nnew \\1\n<!-- /speed -->\nafter\n"
    with pytest.raises(SystemExit, match=r"page.md has no <!-- other -->"):
        table.insert(page, "other", "new")


def test_an_unknown_name_is_refused(capsys):
    with pytest.raises(SystemExit):
        runner.options(["--only", "mlp,cmm"])
    assert "cmm: choose from mlp, cnn" in capsys.readouterr().err


def test_a_part_is_not_published():
    assert not runner.options([]).part
    assert not runner.options(["--rounds", "5"]).part
    assert runner.options(["--only", "mlp"]).part
    assert runner.options(["--quick"]).part
