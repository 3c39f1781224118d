"""Summaries of every kind of model, for terminals of all widths and for pipes."""

import re
import sys

import keras
import numpy as np
import pytest

from gazelle import layers
from gazelle.core import shape_inference
from gazelle.core.errors import ArgumentError
from gazelle.models import Model, Sequential
from gazelle.models.summary import html, summary
from gazelle.models.summary_rows import is_chain, rows


def stack(name="mlp"):
    return Sequential(
        [
            layers.Input((28,)),
            layers.Dense(64, name="first"),
            layers.Dropout(0.5, name="drop"),
            layers.Dense(10, name="last"),
        ],
        name=name,
    )


def branches():
    a, b = layers.Input((28,), name="a"), layers.Input((7,), name="b")
    shared = layers.Dense(28, name="shared")
    joined = layers.Add(name="join")([shared(a), shared(layers.Dense(28, name="lift")(b))])
    return Model([a, b], [joined, stack("inner")(joined)], name="branches")


class Own(Model):
    def __init__(self):
        super().__init__(name="own")
        self.first, self.second = layers.Dense(4, name="first"), layers.Dense(2, name="second")

    def call(self, x):
        return self.second(self.first(x))


def text(model, **arguments):
    said = []
    assert summary(model, print_fn=said.append, **arguments) is None
    assert len(said) == 1
    return said[0]


def test_a_stack_in_full(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert text(stack()).split("\n") == [
        'Model: "mlp"',
        "_________________________________________",
        " Layer (type)     Output Shape   Param #",
        "=========================================",
        " first (Dense)    (None, 64)       1,856",
        " drop (Dropout)   (None, 64)           0",
        " last (Dense)     (None, 10)         650",
        "_________________________________________",
        " Total params: 2,506 (9.79 KB)",
        " Trainable params: 2,506 (9.79 KB)",
        " Non-trainable params: 0 (0.00 B)",
    ]


def test_numbers_are_those_of_keras():
    inputs = keras.Input((28, 28, 1))
    x = keras.layers.Conv2D(8, 3)(inputs)
    x = keras.layers.BatchNormalization()(x)
    theirs = keras.Model(inputs, keras.layers.Dense(10)(keras.layers.Flatten()(x)))
    x = start = layers.Input((28, 28, 1))
    for layer in (layers.Conv2D(8, 3), layers.BatchNormalization(), layers.Flatten(), layers.Dense(10)):
        x = layer(x)
    ours = Model(start, x)
    said = []
    theirs.summary(print_fn=lambda part, line_break=False: said.append(part))
    wanted = re.findall(r"params: [\d,]+ \([\d.]+ \w+\)", "".join(said))
    assert re.findall(r"params: [\d,]+ \([\d.]+ \w+\)", text(ours)) == wanted
    assert len(wanted) == 3
    for row, layer in zip(rows(ours), theirs.layers, strict=True):
        assert row.params == f"{layer.count_params():,}"
        assert row.shape == str(layer.output.shape)


def test_a_graph_tells_its_connections():
    model = branches()
    told = {row.name: row.connected for row in rows(model)}
    assert told == {
        "a": "-",
        "b": "-",
        "lift": "b",
        "shared": "a, lift",
        "join": "shared[0][0], shared[1][0]",
        "inner": "join",
    }
    assert "Connected to" in text(model)
    assert {row.name: row.shape for row in rows(model)}["inner"] == "(None, 10)"


def test_a_chain_needs_no_connections():
    x = layers.Input((3,))
    assert is_chain(Model(x, layers.Dense(2)(layers.Dense(2)(x))))
    h = layers.Dense(3)(x)
    assert not is_chain(Model(x, layers.Add()([x, h])))
    assert not is_chain(Model(x, [h, layers.Dense(1)(h)]))
    assert not is_chain(branches())
    assert is_chain(stack())
    assert is_chain(Own())


def add(a, b):
    return a + b


def test_functions_in_the_graph_have_rows():
    x = layers.Input((3,), name="x")
    model = Model(x, shape_inference.call_op(add, (layers.Dense(3, name="d")(x), x), {}))
    last = rows(model)[-1]
    assert (last.kind, last.shape, last.params, last.connected) == ("Add", "(None, 3)", "0", "d, x")


def test_shared_layers_are_numbered_within_the_model():
    shared = layers.Dense(3, name="shared")
    shared(layers.Input((3,)))  # a call that belongs to no model
    x = layers.Input((3,), name="x")
    model = Model(x, layers.Dense(1, name="end")(shared(x)))
    assert [row.connected for row in rows(model)] == ["-", "x", "shared"]


def test_unbuilt_models_say_so_and_how_to_build():
    model = Sequential([layers.Dense(64, name="d")])
    assert [(row.shape, row.params) for row in rows(model)] == [("?", "unbuilt")]
    assert "Unbuilt: give the first layer input_shape, or call model.build((None, ...))." in text(model)
    model.build((None, 8))
    assert [(row.shape, row.params) for row in rows(model)] == [("(None, 64)", "576")]
    assert "Unbuilt" not in text(model)


def test_models_of_ones_own_have_shapes_after_the_first_call():
    model = Own()
    assert [row.params for row in rows(model)] == ["unbuilt", "unbuilt"]
    model(np.ones((3, 5), "float32"))
    assert [(row.shape, row.params) for row in rows(model)] == [("(None, 4)", "24"), ("(None, 2)", "10")]
    assert "Total params: 34 (136.00 B)" in text(model)


def test_nested_models_are_expanded():
    listed = rows(branches(), expand_nested=True)
    assert [(row.name, row.level) for row in listed][-4:] == [("inner", 0), ("first", 1), ("drop", 1), ("last", 1)]
    assert "|_ first" not in text(branches())
    assert "|_ first (Dense)" in text(branches(), expand_nested=True)


def test_trainable_is_shown():
    model = branches()
    model.get_layer("inner").trainable = False
    told = {row.name: row.trainable for row in rows(model, expand_nested=True)}
    assert told["shared"] == "Y"
    assert told["join"] == "-"
    assert told["inner"] == told["first"] == "N"
    assert "Trainable\n" not in text(model)
    assert "Non-trainable params: 2,506 (9.79 KB)" in text(model, show_trainable=True)
    assert re.search(r"shared \(Dense\).* Y$", text(model, show_trainable=True, line_length=120), re.M)


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        (("first", "drop"), ["first", "drop"]),
        (("dr.*", "last"), ["drop", "last"]),
        (("last", "first"), ["first", "drop", "last"]),
    ],
)
def test_layer_range(wanted, names):
    assert [row.name for row in rows(stack(), layer_range=wanted)] == names


def test_mistakes_are_explained():
    with pytest.raises(ArgumentError, match=r"layer_range: expected names among first, .*, last, got \('x', 'last'\)"):
        text(stack(), layer_range=("x", "last"))
    with pytest.raises(ArgumentError, match="layer_range: expected two names of layers, got 'first'"):
        text(stack(), layer_range="first")
    with pytest.raises(ArgumentError, match=r"positions: expected 3 columns of 4 characters or more, got \[8, 9, 80\]"):
        text(stack(), positions=[0.1, 0.12, 1.0], line_length=80)


@pytest.mark.parametrize("positions", [[0.45, 0.8, 1.0], [27, 48, 60]])
def test_positions_say_where_columns_end(positions):
    lines = text(stack(), positions=positions, line_length=60).split("\n")
    assert lines[1] == "_" * 60
    assert lines[2].index("Output") == 29
    assert lines[2].endswith("Param #")


@pytest.mark.parametrize("width", [40, 60, 80, 200])
@pytest.mark.parametrize("make", [stack, branches, Own])
def test_pipes_get_aligned_letters_no_wider_than_the_line(width, make, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", str(width))
    model = make()
    summary(model)
    shown = capsys.readouterr().out
    assert shown.isascii()
    assert "\x1b" not in shown
    lines = shown.split("\n")
    assert all(len(line) <= width for line in lines)
    assert all(line == line.rstrip() for line in lines)
    rules = [line for line in lines if line and set(line) <= {"_", "="}]
    assert len(rules) == 3
    assert len({len(rule) for rule in rules}) == 1
    for row in rows(model):
        assert row.name in shown


def test_a_terminal_gets_a_table_with_colours(monkeypatch, capsys):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("NO_COLOR", raising=False)
    summary(stack())
    shown = capsys.readouterr().out
    assert "╭" in shown
    assert "\x1b[" in shown
    assert "first (" in shown


@pytest.mark.parametrize("name", ["[red]", "[/]", "[link=x]", "a[0]"])
def test_names_are_not_markup(name):
    model = Sequential([layers.Input((2,)), layers.Dense(2, name=name)], name=name)
    assert f'Model: "{name}"' in text(model)
    assert f" {name} (Dense)" in text(model)


def test_html_is_escaped():
    model = Sequential([layers.Input((2,)), layers.Dense(2, name="<script>")], name="a&b")
    shown = html(model)
    assert "&lt;script&gt; (Dense)" in shown
    assert "<script>" not in shown
    assert "a&amp;b" in shown
    assert "Total params: 6 (24.00 B)" in shown
    assert shown.count("<tr>") == 2
    assert "Unbuilt" in html(Sequential([layers.Dense(1)]))
    assert "Connected to" in html(branches())


def test_several_outputs_of_a_layer():
    class Split(layers.Layer):
        def call(self, x):
            return x[:, :1], x[:, 1:]

    x = layers.Input((3,), name="x")
    first, second = Split(name="split")(x)
    model = Model(x, [first, layers.Dense(1, name="end")(second)])
    listed = rows(model)
    assert listed[1].shape == "[(None, 1), (None, 2)]"
    assert listed[2].connected == "split[0][1]"


def test_time_and_memory_of_each_layer():
    inputs = layers.Input((8, 8, 1), name="start")
    x = layers.Conv2D(2, 3, name="conv")(inputs)
    model = Model(inputs, layers.Dropout(0.5, name="drop")(x + 1))
    lines = []
    model.summary(batch_size=16, line_length=100, print_fn=lines.append)
    rows = {line.split(" (")[0].strip(): line for line in lines[0].splitlines()}
    assert "4.50 KB" in rows["conv"].replace("  ", " ")  # 16 samples of 6 x 6 x 2 numbers of 4 bytes
    assert " ms " in rows["conv"]
    assert rows["start"].rstrip().endswith("-")
    with pytest.raises(ArgumentError, match="summary's batch_size: expected a number of samples above 0, got 0"):
        model.summary(batch_size=0)
