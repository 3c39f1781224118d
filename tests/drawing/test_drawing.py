"""Plots of models: their content and layout."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest

import gazelle
from gazelle import layers
from gazelle.drawing import model_to_dot, plot_model
from gazelle.drawing.diagram import Options, diagram_of
from gazelle.drawing.layout import lay_out
from gazelle.drawing.picture import picture_of


@pytest.fixture
def model():
    gazelle.utils.clear_session()
    image, meta = gazelle.Input((8, 8, 1), name="image"), gazelle.Input((5,), name="meta")
    parts = [gazelle.Input((8, 8, 1)), layers.Flatten(name="flat"), layers.Dense(4, "relu", name="inner")]
    left = gazelle.Sequential(parts, name="encoder")(image)
    right = layers.Dense(4, name="right", trainable=False)(meta)
    joined = layers.Concatenate(name="join")([left, right])
    deep = layers.Dense(8, "tanh", name="deep")(joined)
    return gazelle.Model([image, meta], layers.Add(name="sum")([joined, deep]))


def titles(model, **kwargs):
    return [box.title for box in diagram_of(model, Options(layer_names=True, **kwargs)).boxes]


def test_boxes_and_arrows(model):
    drawing = diagram_of(model, Options(layer_names=True))
    arrows = {(a.title.split()[0], b.title.split()[0]) for a, b in drawing.arrows}
    assert arrows == {
        ("image", "encoder"),
        ("encoder", "join"),
        ("meta", "right"),
        ("right", "join"),
        ("join", "deep"),
        ("join", "sum"),
        ("deep", "sum"),
    }


def test_nested_models_open(model):
    assert "encoder (Sequential)" in titles(model)
    opened = diagram_of(model, Options(layer_names=True, nested=True))
    assert [box.title for box in opened.boxes if box.groups == ("encoder",)][1:] == ["flat (Flatten)", "inner (Dense)"]
    assert ("inner (Dense)", "join (Concatenate)") in {(a.title, b.title) for a, b in opened.arrows}


def test_what_a_box_tells(model):
    show = Options(shapes=True, dtype=True, layer_names=True, activations=True, trainable=True)
    boxes = {box.title: box.rows for box in diagram_of(model, show).boxes}
    assert boxes["deep (Dense)"] == [
        "Activation: tanh",
        "Input shape: (None, 8)",
        "Output shape: (None, 8)",
        "Output dtype: float32",
        "Trainable: yes",
    ]
    assert boxes["right (Dense)"][-1] == "Trainable: no"
    assert boxes["join (Concatenate)"][0] == "Input shape: (None, 4), (None, 4)"


@pytest.mark.parametrize("rankdir", ["TB", "BT", "LR", "RL"])
def test_nothing_overlaps_and_arrows_go_one_way(model, rankdir):
    drawn = picture_of(diagram_of(model, Options(shapes=True, layer_names=True, nested=True)), rankdir)
    cards = drawn.cards
    for i, a in enumerate(cards):
        assert a.x >= 0
        assert a.x + a.width <= drawn.width
        assert a.y + a.height <= drawn.height
        for b in cards[i + 1 :]:
            apart = a.x + a.width <= b.x or b.x + b.width <= a.x or a.y + a.height <= b.y or b.y + b.height <= a.y
            assert apart, (a.box.title, b.box.title)
    axis, sign = (0 if rankdir in ("LR", "RL") else 1), (-1 if rankdir in ("BT", "RL") else 1)
    for points in drawn.curves:
        assert np.all(sign * np.diff([point[axis] for point in points]) >= 0)
    frame = drawn.frames[0]
    for card in cards:
        inside = frame.x <= card.x < frame.x + frame.width and frame.y <= card.y < frame.y + frame.height
        assert inside == (card.box.groups == ("encoder",))


def test_layers_stand_in_rows_without_needless_crossings():
    sizes, arrows = [(10.0, 10.0)] * 6, [(0, 3), (1, 2), (2, 5), (3, 4)]
    spots, paths = lay_out(sizes, arrows, [()] * 6)
    assert [spot.rank for spot in spots[:6]] == [0, 0, 1, 1, 2, 2]
    assert (spots[0].x < spots[1].x) == (spots[3].x < spots[2].x)
    assert paths == [[0, 3], [1, 2], [2, 5], [3, 4]]


@pytest.mark.parametrize("kind", ["svg", "png", "pdf", "jpg", "dot"])
def test_files(model, tmp_path, kind):
    pytest.importorskip("matplotlib")
    path = tmp_path / f"model.{kind}"
    plot = plot_model(model, path, show_shapes=True, show_layer_names=True, expand_nested=True, dpi=60)
    content = path.read_bytes()
    starts = {"png": b"\x89PNG", "pdf": b"%PDF", "jpg": b"\xff\xd8", "svg": b"<svg", "dot": b"digraph"}
    assert content.startswith(starts[kind])
    texts = [
        element.text for element in ElementTree.fromstring(plot._repr_svg_()).iter() if element.tag.endswith("text")
    ]
    assert "deep (Dense)" in texts
    assert "encoder" in texts


def test_dot(model):
    text = model_to_dot(model, show_shapes=True, expand_nested=True)
    assert 'subgraph "cluster_encoder"' in text
    assert len(re.findall(r"->", text)) == 9
    assert text.count("{") - text.count(r"\{") == text.count("}") - text.count(r"\}")
    assert model_to_dot(model, subgraph=True).startswith(f'subgraph "cluster_{model.name}"')


def test_dot_draws_itself(model, tmp_path):
    text = model_to_dot(model)
    assert text.create(prog="dot", format="svg").startswith(b"<svg")
    assert text.create_png(prog=["dot"]).startswith(b"\x89PNG")
    assert text.write_pdf(tmp_path / "a.pdf")
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")
    assert text.write(tmp_path / "a.dot")
    assert (tmp_path / "a.dot").read_text() == text.to_string() == text
    with pytest.raises(AttributeError, match="'Dot' object has no attribute 'draw'"):
        text.draw()


def test_other_models():
    class Mine(gazelle.Model):
        def __init__(self):
            super().__init__()
            self.out = layers.Dense(2, name="out")

        def call(self, x):
            return self.out(x)

    mine = Mine()
    with pytest.raises(RuntimeError, match="cannot be plotted before it is built"):
        plot_model(gazelle.Sequential(), None)
    mine(np.ones((1, 3)))
    assert titles(mine) == ["out (Dense)"]
    shared = layers.Dense(3, name="twice")
    start = gazelle.Input((3,), name="in")
    assert titles(gazelle.Model(start, shared(shared(start)))) == ["in (InputLayer)", "twice (Dense)"]


def test_errors(model):
    with pytest.raises(ValueError, match="Unknown rankdir 'UP'"):
        plot_model(model, None, rankdir="UP")
    with pytest.raises(ValueError, match=r"to_file of plot_model: expected a name that ends in .svg"):
        plot_model(model, "model.xyz")
