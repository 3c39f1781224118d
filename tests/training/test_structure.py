"""The structure of the compiled step of a convolutional network, which does not depend on the load of the machine.

How the slow forms look in XLA's text for a CPU. A convolution that no kernel takes stands inside of a loop fusion
(`kind=kLoop`), where it is computed one number at a time; one that a kernel takes stands by itself, or in a fusion of a
library (`kind=kCustom`). The gradient of `reduce_window` max is a scatter whose function is named select_and_scatter.
"""

import re
import subprocess
import sys
from collections import OrderedDict

import jax
import numpy as np
import pytest

from gazelle import Input, Model, Sequential, layers
from gazelle.ops import convolution_forms, native, pooling
from gazelle.training import programs

pytestmark = pytest.mark.optimized

PLAIN = ("b0f_0io->b0f", "b01f_01io->b01f")  # batch first, channels last: what the kernels know


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """No programs of other tests."""
    monkeypatch.setattr(programs, "_shared", OrderedDict())


@pytest.fixture(autouse=True)
def without_kernels(monkeypatch):
    """These are the forms for XLA."""
    monkeypatch.setenv("GAZELLE_KERNELS", "0")
    native.ready.cache_clear()
    yield
    native.ready.cache_clear()


def text_of_step(model, x, y):
    """What XLA made of the program that `fit` runs."""
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, batch_size=len(x), verbose=0, keep=False)
    trainer = model._trainer
    data = jax.tree.map(lambda array: array[None], (x, y, None))
    state = trainer.live.take()
    return trainer.programs.train.lower(state, np.bool_(False), data, np.int32(0), np.int32(1)).compile().as_text()


def convolutions(text):
    """(labels, whether it is computed number by number) of each convolution."""
    kinds = {name: kind for kind, name in re.findall(r"kind=k(\w+), calls=%([\w.-]+)", text)}
    found, inside = [], ""
    for line in text.splitlines():
        if opening := re.match(r"(?:ENTRY )?%?([\w.-]+) \(.*\{$", line):
            inside = opening[1]
        elif " convolution(" in line:
            found.append((re.search(r"dim_labels=([\w>-]+)", line)[1], kinds.get(inside) == "Loop"))
    return found


def faults(text):
    """What is slow in the text."""
    slow = [f"scalar loop: {labels}" for labels, scalar in convolutions(text) if scalar]
    order = [f"order of axes: {labels}" for labels, _ in convolutions(text) if labels not in PLAIN]
    return slow + order + re.findall("select.and.scatter", text)[:1]


def images(batch, size, channels):
    rng = np.random.default_rng(0)
    return rng.random((batch, size, size, channels), np.float32), rng.integers(0, 10, batch)


def article():
    return Sequential(
        [
            Input((28, 28, 1)),
            layers.Conv2D(32, 3, padding="same"),
            layers.Activation("relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, padding="same"),
            layers.Activation("relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )


def test_the_step_of_the_cnn():
    text = text_of_step(article(), *images(16, 28, 1))
    assert faults(text) == []
    # forward 2; to the input of the second layer 1, to that of the first none; kernels: 16 28² 32 and 16 14² 64 numbers
    # of 4 bytes in pieces of up to 1 MiB, 2 and 1
    assert len(convolutions(text)) == 2 + 1 + 2 + 1


def every_kind():
    inputs = Input((16, 16, 3))
    x = layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False)(inputs)
    x = layers.Activation("relu")(layers.BatchNormalization()(x))
    x = layers.MaxPooling2D(3, 2, padding="same")(x)
    x = layers.DepthwiseConv2D(3, padding="same")(x)
    x = layers.Add()([layers.Conv2D(8, 3, padding="same", groups=2)(x), layers.Conv2D(8, 1)(x)])
    x = layers.SeparableConv2D(8, 3, dilation_rate=2, padding="same")(x)
    x = layers.AveragePooling2D(3, 1, padding="same")(layers.Conv2DTranspose(8, 3, strides=2)(x))
    x = layers.GlobalAveragePooling2D()(x)
    return Model(inputs, layers.Dense(10, activation="softmax")(x))


def test_the_step_of_a_network_with_every_kind_of_window():
    assert faults(text_of_step(every_kind(), *images(4, 16, 3))) == []


def test_what_jax_derives_by_itself_is_found(monkeypatch):
    """The other tests can fail."""
    for module in (convolution_forms, pooling):
        monkeypatch.setattr(module, "by_platform", lambda on_cpu, elsewhere, *arrays: elsewhere(*arrays))
    found = faults(text_of_step(article(), *images(16, 28, 1)))
    kinds = {fault.split(":")[0] for fault in found}
    assert kinds >= {"order of axes", "select_and_scatter"}  # JAX 0.10 shows scalar loops by their order only


def test_the_import_loads_no_jax():
    program = "import sys, gazelle; sys.exit('jax' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_layers_and_models_load_no_engine_but_xla():
    slow = "('gazelle.engine.lowering', 'jax.extend', 'jax._src.pallas', 'tensorflow')"
    program = f"import sys, gazelle.layers, gazelle.models; print([m for m in sys.modules if m.startswith({slow})])"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout == "[]\n"
