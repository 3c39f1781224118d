"""The order in which user-defined layers and models list their layers and weights, compared with Keras."""

import random
import textwrap

import keras
import numpy as np
import pytest

import gazelle


def statements(seed):
    """Random statements of a constructor that assign and append layers and weights."""
    choose, count, lists, dicts, late, lines = random.Random(seed), 0, [], [], [], []

    def dense():
        nonlocal count
        count += 1
        return f"Dense(1, name='d{count}')"

    def weight():
        nonlocal count
        count += 1
        return f"self.add_weight(shape=(1,), name='w{count}', trainable={choose.random() < 0.7})"

    def any_of_them():
        return dense() if choose.random() < 0.6 else weight()

    for i in range(choose.randint(5, 14)):
        kinds = ["attribute", "list", "full list", "passed", "dict", "filled before", "late"]
        kinds += ["append"] * 3 + ["nested", "extend"] if lists else []
        kind = choose.choice([*kinds, "item"] if dicts else kinds)
        if kind == "attribute":
            lines.append(f"self.a{i} = {any_of_them()}")
        elif kind == "list":
            lines.append(f"self.l{i} = []")
        elif kind == "full list":
            lines.append(f"self.l{i} = [{any_of_them()}, {any_of_them()}]")
        elif kind == "passed":
            lines.append(f"self.p{i} = passed[{choose.randint(0, 3)}]")
        elif kind == "dict":
            lines.append(f"self.m{i} = {{}}")
            dicts.append(f"m{i}")
        elif kind == "filled before":
            lines += [f"x, y = [{dense()}], [{dense()}]", f"x.append({dense()})", f"self.l{i}, self.y{i} = x, y"]
        elif kind == "late":
            lines += [f"self.n{i} = None", f"t{i} = {dense()}"]
            late.append(i)
        elif kind == "append":
            lines.append(f"self.{choose.choice(lists)}.append({any_of_them()})")
        elif kind == "nested":
            lines.append(f"self.{choose.choice(lists)}.append([{dense()}, {dense()}])")
        elif kind == "extend":
            lines.append(f"self.{choose.choice(lists)}.extend([{any_of_them()}, {any_of_them()}])")
        elif kind == "item":
            lines.append(f"self.{choose.choice(dicts)}['{i}'] = {any_of_them()}")
        if kind in ("list", "full list", "filled before"):
            lists.append(f"l{i}")
        if late and choose.random() < 0.3:
            lines.append(f"self.n{late[-1]} = t{late.pop()}")
    return lines


def order(library, lines):
    """The names of the layers and weights of a layer with these statements."""
    code = "class Made(layers.Layer):\n    def __init__(self, passed):\n        super().__init__()\n"
    code += textwrap.indent("\n".join(lines), " " * 8) + "\n\n    def call(self, x):\n        return x\n"
    names = {"layers": library.layers, "Dense": library.layers.Dense}
    exec(code, names)
    made = names["Made"]([library.layers.Dense(1, name=f"p{i}") for i in range(4)])
    inside = gazelle.layers.weight_tree.sublayers(made) if library is gazelle else made._layers
    return [layer.name for layer in inside], [v.name for v in made.weights]


@pytest.mark.parametrize("seed", range(40))
def test_order_of_layers_and_weights(seed):
    lines = statements(seed)
    assert order(gazelle, lines) == order(keras, lines), "\n".join(lines)


def chain(library):
    """A model that appends its layers to two lists in turns; all weights have equal shapes."""

    class Chain(library.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.first, self.second = [], []
            for _ in range(2):
                self.first.append(library.layers.Dense(3))
                self.second.append(library.layers.Dense(3))

        def call(self, x):
            for first, second in zip(self.first, self.second, strict=True):
                x = second(first(x))
            return x

    return Chain


def test_the_optimizer_of_a_model_from_keras(tmp_path):
    """Its slots have equal shapes: only their order shows to which weight they belong."""
    x, y = np.random.RandomState(0).normal(size=(2, 8, 3)).astype("float32")
    model = chain(keras)()
    model.compile("adam", "mse")
    model.fit(x, y, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = gazelle.models.load_model(tmp_path / "model.keras", custom_objects={"Chain": chain(gazelle)})
    for one in (model, loaded):
        one.fit(x, y, epochs=3, verbose=0)
    for ours, theirs in zip(loaded.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
