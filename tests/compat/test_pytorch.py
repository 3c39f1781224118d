"""Programs for Keras 3 that compute with PyTorch; skipped where it is not installed."""

import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("torch")

PROGRAM = pathlib.Path(__file__).with_name("pytorch_program.py")
#: what the program prints with Keras 3.15.1 on PyTorch 2.13.0
NUMBERS = {
    "gradients_of_models": [
        5.994855,
        4.051243,
        0.9363196,
        2.685185,
        1.789294,
        1.279988,
        0.09233232,
        1.455848,
        0.08409272,
        2.678726,
        3.014225,
        3.402955,
        1.662272,
        1.608578,
        1.720419,
    ],
    "gradients_of_torch_layers": [7.158477, 6.210227, 7.379715, 12.87214, 2.238193],
    "second_derivatives": [0.7722787, 1.446672, 0.07273892, 1.479353, 0],
    "masks": [1.066486, 0.3894468, 0.3451508, 0.08195958, 0.1588804, 0.1864468, 0.2116508],
    "own_step": [
        4.541809,
        3.767753,
        1.667528,
        1.538013,
        14.36597,
        1.57584,
        2.117716,
        1.76825,
        1.735717,
        1.635309,
        3.019608,
        0.4642477,
        2.969652,
        1.396883,
    ],
    "fit_with_torch_layers_and_losses": [3.249215, 3.172296, 3.196863, 3.126281, 12.09639],
    "fit_without_mode_and_with_a_scaled_loss": [
        4.951849,
        4.757724,
        7.974704,
        0.7842281,
        0.8632936,
        0.7773723,
        0.8,
        0.8,
        1.338622,
        0.3105749,
    ],
    "optimizers_of_pytorch": [
        5.455726,
        5.358689,
        5.265304,
        7.97722,
        0.7166207,
        0.6057845,
        0.3300826,
        16.811,
        5,
        0,
        0,
        0,
        0,
    ],
    "modules_in_layers": [2, 2.88657, 1.32, 105.7203],
    "variables_and_functions": [5, 6, 403.4288, 144, 4, 0],
}


def run(program, *arguments, **environment):
    """The finished process of `gazelle run`."""
    command = [sys.executable, "-m", "gazelle", "run", str(program), *arguments]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment}, timeout=300)


@pytest.fixture(scope="module")
def numbers():
    done = run(PROGRAM)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_are_those_of_keras(numbers, name):
    np.testing.assert_allclose(numbers[name], NUMBERS[name], rtol=5e-5, atol=2e-6)


def error_of(tmp_path, text):
    program = tmp_path / "program.py"
    program.write_text(f"import os\nos.environ['KERAS_BACKEND'] = 'torch'\nimport keras, torch\n{text}")
    done = run(program)
    assert done.returncode
    return done.stderr


def test_functions_of_pytorch_in_time_distributed_layers(tmp_path):
    text = """
class Own(keras.layers.Layer):
    def build(self, shape):
        self.w = self.add_weight(shape=(shape[-1],))
    def call(self, x):
        return torch.relu(x * self.w)
outer = keras.layers.TimeDistributed(Own())
outer(torch.ones(2, 3, 4, requires_grad=True)).sum().backward()
"""
    error = error_of(tmp_path, text)
    assert (
        "Own 'own' in a layer such as TimeDistributed: expected no function of PyTorch in its call, got one." in error
    )
    assert "Write its call with keras.ops" in error


def test_a_wrapper_needs_a_module(tmp_path):
    error = error_of(tmp_path, "keras.layers.TorchModuleWrapper(3)")
    assert "module of TorchModuleWrapper: expected a torch.nn.Module, got 3." in error


def test_uninstall_restores_arrays():
    text = """
import os
os.environ["KERAS_BACKEND"] = "torch"
import gazelle
gazelle.install()
import keras, torch
assert torch.is_tensor(keras.ops.ones(2)) and hasattr(keras.layers.Dense(2), "parameters")
gazelle.uninstall()
assert not torch.is_tensor(gazelle.ops.ones(2)) and not hasattr(gazelle.layers.Dense(2), "parameters")
gazelle.install()
import keras
assert torch.is_tensor(keras.ops.ones(2))
"""
    subprocess.run([sys.executable, "-c", text], check=True, timeout=300)


def test_data_of_tensorflow(tmp_path):
    program = tmp_path / "program.py"
    program.write_text("""
import os
os.environ["KERAS_BACKEND"] = "torch"
import keras, numpy as np, tensorflow as tf, torch

class Own(keras.layers.Layer):
    def call(self, inputs):
        return torch.sin(inputs)

x = np.arange(8, dtype="float32").reshape(4, 2)
model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, kernel_initializer="ones")])
for batch in tf.data.Dataset.from_tensor_slices(x).batch(4):
    assert torch.equal(Own()(batch), torch.sin(torch.from_numpy(x)))
    model(batch).sum().backward()
assert model.layers[0].kernel.value.grad.ravel().tolist() == [12.0, 16.0]
model.compile("sgd", "mse")
model.fit(tf.data.Dataset.from_tensor_slices((x, x[:, :1])).batch(2), verbose=0)
""")
    done = run(program)
    assert done.returncode == 0, done.stderr
