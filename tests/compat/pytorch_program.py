"""A program for Keras 3 on PyTorch, which prints {case: numbers}; Keras on PyTorch prints the same."""

import json
import os

os.environ["KERAS_BACKEND"] = "torch"

import keras
import numpy as np
import torch
from keras import layers, ops

_draws = np.random.RandomState(0)
X = _draws.normal(size=(64, 8)).astype("float32")
Y = (X[:, :1] * 2 + X[:, 1:2] ** 2).astype("float32")
x, y = torch.from_numpy(X), torch.from_numpy(Y)
RESULTS = {}


def case(function):
    """Store the numbers that a function returns."""
    RESULTS[function.__name__] = function()
    return function


def with_weights(model, seed=1):
    """Assign weights that depend on the seed and the order of the layers alone."""
    draws = np.random.RandomState(seed)
    arrays = [draws.normal(size=w.shape) * 0.3 if w.ndim > 1 else 0.2 + 0 * w for w in model.get_weights()]
    model.set_weights(arrays)
    return model


def sums(values):
    """The sum of the absolute values of each array or tensor; 0 for None."""
    return [0.0 if value is None else float(np.abs(ops.convert_to_numpy(value)).sum()) for value in values]


def gradients(model):
    """The gradients that PyTorch added up in the weights."""
    return sums([v.value.grad for v in model.trainable_weights])


class TorchDense(layers.Layer):
    """A layer that computes with functions of PyTorch."""

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], 4), name="kernel")

    def call(self, inputs):
        return torch.relu(torch.matmul(inputs, self.kernel)) + inputs.mean(dim=-1, keepdim=True)


class Residual(keras.Model):
    """A model of layers and operations of Keras."""

    def __init__(self):
        super().__init__()
        self.blocks = [layers.Dense(8, activation="tanh"), layers.Dense(8)]
        self.normalization = layers.BatchNormalization()
        self.out = layers.Dense(1)

    def call(self, inputs, training=None):
        for block in self.blocks:
            inputs = inputs + ops.sin(block(inputs))
        self.add_loss(0.1 * ops.mean(ops.square(inputs)))
        return self.out(self.normalization(inputs, training=training))


class OwnStep(keras.Model):
    """A model whose step differentiates with PyTorch."""

    def train_step(self, data):
        inputs, targets = data
        self.zero_grad()
        outputs = self(inputs, training=True)
        loss = self.compute_loss(y=targets, y_pred=outputs)
        loss.backward()
        weights = self.trainable_weights[:]
        with torch.no_grad():
            self.optimizer.apply([v.value.grad for v in weights], weights)
        for metric in self.metrics:
            metric.update_state(loss) if metric.name == "loss" else metric.update_state(targets, outputs)
        return {metric.name: metric.result() for metric in self.metrics}


class TorchLoss(keras.losses.Loss):
    """A loss of PyTorch."""

    def call(self, y_true, y_pred):
        return torch.mean(torch.abs(y_true - y_pred) ** 1.5, dim=-1)


class Inside(torch.nn.Module):
    """A module of PyTorch that contains a model."""

    def __init__(self):
        super().__init__()
        self.model = with_weights(keras.Sequential([keras.Input((8,)), layers.Dense(4), layers.Dense(1)]))
        self.factor = torch.nn.Parameter(torch.tensor(0.5))

    def forward(self, inputs):
        return self.model(inputs) * self.factor


@case
def gradients_of_models():
    small = with_weights(keras.Sequential([keras.Input((8,)), layers.Dense(4, activation="elu"), layers.Dense(1)]))
    keras.losses.MeanSquaredError()(y, small(x)).backward()
    own = Residual()
    own(x)
    with_weights(own)
    loss = torch.nn.functional.mse_loss(own(x, training=True), y) + sum(own.losses)
    loss.backward()
    return [float(loss.detach()), *gradients(small), *gradients(own), *sums(own.non_trainable_weights)]


@case
def gradients_of_torch_layers():
    inputs = keras.Input((8,))
    hidden = TorchDense()(inputs)
    model = with_weights(keras.Model(inputs, layers.Dense(1)(hidden * 2.0)))
    leaf = x.clone().requires_grad_(True)
    loss = ops.mean(ops.square(model(leaf) - y))
    loss.backward()
    return [float(loss.detach()), *sums([leaf.grad]), *gradients(model)]


@case
def second_derivatives():
    model = with_weights(keras.Sequential([keras.Input((8,)), layers.Dense(4, activation="tanh"), layers.Dense(1)]))
    leaf = x.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(model(leaf).sum(), leaf, create_graph=True)
    penalty = ((gradient.norm(dim=1) - 1) ** 2).mean()
    penalty.backward()
    return [float(penalty.detach()), *gradients(model)]


@case
def masks():
    inputs = keras.Input((6,), dtype="int32")
    hidden = layers.LSTM(4)(layers.Embedding(20, 5, mask_zero=True)(inputs))
    model = with_weights(keras.Model(inputs, layers.Dense(3)(hidden)))
    tokens = torch.from_numpy(np.random.RandomState(3).randint(0, 20, size=(5, 6)) * (np.arange(6) < 4))
    loss = torch.nn.CrossEntropyLoss()(model(tokens), torch.tensor([0, 1, 2, 0, 1]))
    loss.backward()
    return [float(loss.detach()), *gradients(model)]


@case
def own_step():
    inputs = keras.Input((8,))
    hidden = layers.BatchNormalization()(layers.Dense(8, activation="relu")(inputs))
    model = with_weights(OwnStep(inputs, layers.Dense(1)(hidden)))
    model.compile(optimizer=keras.optimizers.SGD(0.01, momentum=0.9), loss="mse", metrics=["mae"])
    history = model.fit(X, Y, epochs=2, batch_size=16, shuffle=False, verbose=0).history
    return [*history["loss"], *history["mae"], *sums(model.get_weights()), *model.evaluate(X, Y, verbose=0)]


@case
def fit_with_torch_layers_and_losses():
    model = with_weights(keras.Sequential([keras.Input((8,)), TorchDense(), layers.Dense(1)]))
    model.compile(keras.optimizers.SGD(0.01), TorchLoss())
    history = model.fit(X, Y, epochs=2, batch_size=16, shuffle=False, verbose=0, validation_data=(X, Y)).history
    return [*history["loss"], *history["val_loss"], *sums([model.predict(X, verbose=0)])]


class WithoutMode(keras.Model):
    """A model whose `call` has no argument `training`: Keras 3 trains it as in inference."""

    def __init__(self):
        super().__init__()
        self.parts = [layers.Dense(4), layers.BatchNormalization(), layers.Dropout(0.5), layers.Dense(1)]

    def call(self, inputs):
        for part in self.parts:
            inputs = part(torch.sin(inputs))
        return inputs


@case
def fit_without_mode_and_with_a_scaled_loss():
    model = WithoutMode()
    model(x)
    floats = [weight for weight in model.weights if "seed" not in weight.path]
    draws = np.random.RandomState(2)
    for weight in floats:
        weight.assign(draws.normal(size=weight.shape) * 0.3 if len(weight.shape) > 1 else ops.ones_like(weight) * 0.2)
    model.compile(keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.01)), "mse")
    history = model.fit(X, Y, epochs=2, batch_size=16, shuffle=False, verbose=0).history
    return [*history["loss"], *sums(floats)]


@case
def optimizers_of_pytorch():
    module = Inside()
    optimizer = torch.optim.SGD(module.parameters(), lr=0.05)
    losses = []
    for _ in range(3):
        loss = torch.nn.functional.mse_loss(module(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    module.eval()
    found = [*losses, *sums(module.model.get_weights()), *sums([module.model.predict(X, verbose=0)])]
    for parameter in module.model.parameters():
        parameter.data.zero_()
    return [*found, len(list(module.parameters())), *sums(module.model.get_weights())]


@case
def modules_in_layers():
    linear = torch.nn.Linear(8, 3)
    with torch.no_grad():
        linear.weight.fill_(0.1)
        linear.bias.fill_(0.2)
    layer = layers.TorchModuleWrapper(linear)
    layer(x).sum().backward()
    keras.optimizers.SGD(0.01).apply([v.value.grad for v in layer.trainable_weights], layer.trainable_weights)
    return [len(layer.trainable_weights), *sums([linear.weight, linear.bias, layer(x)])]


@case
def variables_and_functions():
    variable = keras.Variable(2.0)
    (variable * variable + torch.tensor(1.0) * variable).backward()
    gradient = float(variable.value.grad)
    variable.assign(torch.tensor(3.0, requires_grad=True) * 2)
    matrix = torch.tensor([[1.0, 0.0], [0.0, 1.0]], requires_grad=True)
    ops.sum(ops.einsum("ij,jk->ik", ops.ones((2, 2)) * 3, matrix) ** 2).backward()
    top, indices = ops.top_k(matrix, 1)
    kinds = [torch.is_tensor(value) for value in (ops.ones(2), keras.random.normal((2,)), top, indices)]
    frozen = ops.stop_gradient(matrix).requires_grad
    return [gradient, float(variable), float(torch.exp(variable)), *sums([matrix.grad]), sum(kinds), int(frozen)]


print(json.dumps(RESULTS))
