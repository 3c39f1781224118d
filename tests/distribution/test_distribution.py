"""Meshes, layouts and their errors; training on four simulated devices in another process."""

import os
import subprocess
import sys

import numpy as np
import pytest

import gazelle
from gazelle import distribution as d
from gazelle.core.errors import ArgumentError

FOUR = """
import warnings
import jax
import numpy as np
import gazelle
from gazelle import distribution as d, layers

gazelle.utils.set_random_seed(3)
rng = np.random.default_rng(0)
x, y = rng.normal(size=(70, 6)).astype("float32"), rng.normal(size=(70, 4)).astype("float32")


def trained(strategy):
    gazelle.utils.set_random_seed(3)
    d.set_distribution(strategy)
    model = gazelle.Sequential([gazelle.Input((6,)), layers.Dense(8, "relu", name="in"), layers.BatchNormalization(),
                                layers.Dropout(0.3), layers.Dense(4, name="out")])
    model.compile("adam", "mse")
    history = model.fit(x, y, epochs=3, batch_size=16, verbose=0, keep=False)  # the last batch does not divide by 4
    return model, history.history["loss"], model.predict(x, verbose=0), model.evaluate(x, y, verbose=0)


def parts(array):
    return array.addressable_shards[0].data.shape


assert d.list_devices() == [f"cpu:{n}" for n in range(4)], d.list_devices()
plain = trained(None)
layouts = d.LayoutMap(d.DeviceMesh((2, 2), ["batch", "model"]))
layouts["in/kernel"] = (None, "model")
layouts["sequential.*/out/kernel"] = d.TensorLayout(("model", None))
layouts["in/output"] = ("batch", "model")
expected = {"DataParallel": (6, 8), "ModelParallel": (6, 4), "FSDP": (6, 2)}
for strategy in (d.DataParallel(), d.ModelParallel(layout_map=layouts), d.FSDP()):
    model, losses, outputs, measured = trained(strategy)
    np.testing.assert_allclose(losses, plain[1], rtol=1e-5)
    np.testing.assert_allclose(outputs, plain[2], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(measured, plain[3], rtol=1e-5)
    shape = expected[type(strategy).__name__]
    kernel = model.layers[0].kernel.value
    assert len(kernel.sharding.device_set) == 4, kernel.sharding
    assert parts(kernel) == shape, parts(kernel)
    assert parts(model.optimizer.state["momentum"]["in/kernel"]) == shape
    assert parts(model.layers[-1].bias.value) == ((1,) if isinstance(strategy, d.FSDP) else (4,))  # no drift
    compiled = []
    jax.monitoring.register_event_duration_secs_listener(lambda name, *a, **k: compiled.append(name))
    model.fit(x, y, epochs=1, batch_size=16, verbose=0, keep=False)
    assert not [name for name in compiled if "backend_compile" in name], compiled
    jax.monitoring.clear_event_listeners()
    model.save("model.keras")
    same = gazelle.saving.load_model("model.keras")
    np.testing.assert_array_equal(same.get_weights()[0], model.get_weights()[0])
    kernel = same.layers[0].kernel
    assert parts(kernel.value) == parts(same.optimizer.state["momentum"]["in/kernel"]) == shape
    kernel.assign(np.ones((6, 8)))
    assert parts(kernel.value) == shape and float(kernel.value.sum()) == 48.0, kernel.value.sharding


def resumed(strategy, epochs, folder):
    gazelle.utils.set_random_seed(3)
    d.set_distribution(strategy)
    model = gazelle.Sequential([gazelle.Input((6,)), layers.Dense(8, name="in"), layers.Dense(4, name="out")])
    model.compile("adam", "mse")
    options = {"batch_size": 16, "verbose": 0, "checkpoint": folder, "resume": True}
    model.fit(x[:64], y[:64], epochs=epochs, **options)
    return model


whole = resumed(d.FSDP(), 3, "whole")
resumed(d.FSDP(), 2, "parts")
model = resumed(d.FSDP(), 3, "parts")
assert parts(model.layers[0].kernel.value) == (6, 2)
for a, b in zip(whole.get_weights(), model.get_weights()):
    np.testing.assert_array_equal(a, b)
made = gazelle.layers.Dense(8, name="made")
made.build((6,))
assert isinstance(made.kernel._value, np.ndarray)  # on no device before its layout is known
assert len(made.kernel.value.sharding.device_set) == 4
layouts["odd/kernel"] = (None, "model")
d.set_distribution(d.ModelParallel(layout_map=layouts))
model = gazelle.Sequential([gazelle.Input((6,)), layers.Dense(7, name="odd")])
model.compile("sgd", "mse")
try:
    model.fit(x, x[:, :1].repeat(7, 1), verbose=0)
except ValueError as error:
    print(error)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    trained(d.DataParallel())[0].predict(x[:5], verbose=0)
    model = gazelle.Sequential([gazelle.Input((6,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    d.set_distribution(d.DataParallel())
    model.fit(x, x[:, :1], batch_size=18, epochs=2, verbose=0)
for w in caught:
    print(w.message)
print("same")
"""


OUTPUT = """\
Layout (None, 'model') of 'odd/kernel' with shape (6, 7): expected axis 1 to divide by 2, the size of 'model' in \
DeviceMesh(shape=(2, 2), axis_names=['batch', 'model']), got 7.
Give the variable another layout or size, or leave it out of the LayoutMap.
A batch of 18 does not divide by 4, the size of the axis 'batch' of the mesh: each device computes all of it.
Choose a multiple of 4 as batch_size.
same
"""


def test_four_devices_give_the_losses_of_one(tmp_path):
    env = {
        **os.environ,
        "XLA_FLAGS": "--xla_force_host_platform_device_count=4",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    done = subprocess.run([sys.executable, "-c", FOUR], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.stdout == OUTPUT, (done.stdout, done.stderr[-3000:])


def test_a_layout_is_found_by_its_path():
    mesh = d.DeviceMesh((1, 1), ["batch", "model"], ["cpu:0"])
    layouts = d.LayoutMap(mesh)
    layouts[".*dense.*kernel"] = (None, "model")
    layouts[".*dense.*bias"] = d.TensorLayout(("model",), mesh)
    assert layouts["a/dense_2/kernel"].axes == (None, "model")
    assert layouts["a/conv/kernel"] is None
    assert list(layouts) == [".*dense.*kernel", ".*dense.*bias"]
    parallel = d.ModelParallel(layout_map=layouts)
    assert (parallel.batch_dim_name, parallel.num_model_replicas) == ("batch", 1)
    assert parallel.get_data_layout((8, 3)).axes == ("batch", None)
    with parallel.scope():
        assert d.distribution() is parallel
    assert d.distribution() is None
    assert d.DataParallel(mesh).batch_dim_name == "batch"
    assert isinstance(d.DataParallel(mesh).distribute_dataset(3), int)


def two_patterns():
    layouts = d.LayoutMap(d.DeviceMesh((1,), ["m"], ["cpu:0"]))
    layouts["a"], layouts["a.*"], layouts[".*b"] = ("m",), ("m",), ("m",)
    return layouts


REFUSED = {
    "too few devices": (
        lambda: d.DeviceMesh((2, 4), ["a", "b"], ["cpu:0"]),
        "DeviceMesh: expected 8 devices for shape (2, 4), got 1.\n"
        "For a test, XLA_FLAGS=--xla_force_host_platform_device_count=4 creates four devices on one CPU.",
    ),
    "names": (
        lambda: d.DeviceMesh((1,), ["a", "b"], ["cpu:0"]),
        "DeviceMesh: expected a name for each axis of shape, got shape=(1,) and axis_names=['a', 'b'].",
    ),
    "axis": (
        lambda: d.TensorLayout(("modle",), d.DeviceMesh((1,), ["model"], ["cpu:0"])),
        "Unknown axis of the mesh 'modle'.\nDid you mean 'model'?",
    ),
    "kind": (lambda: d.list_devices("cpux"), "Unknown type of device 'cpux'.\nDid you mean 'cpu'?"),
    "two patterns": (
        lambda: two_patterns()["ab"],
        "Path 'ab' in a LayoutMap: expected one pattern, got ['a.*', '.*b'].",
    ),
    "twice": (
        lambda: two_patterns().__setitem__("a", ("m",)),
        "'a' is in the LayoutMap already.\nDelete it first: del layouts[path].",
    ),
    "no layout": (
        lambda: two_patterns().__setitem__("c", 3),
        "Layout of 'c': expected a TensorLayout or its axes, got 3.",
    ),
    "no map": (lambda: d.ModelParallel(), "layout_map of ModelParallel: expected a LayoutMap, got None."),
    "no mesh": (
        lambda: d.TensorLayout(("m",)).backend_layout,
        "A TensorLayout without a mesh.\nSet its device_mesh.",
    ),
    "another mesh": (
        lambda: setattr(two_patterns()["a"], "device_mesh", d.DeviceMesh((1,), ["m"], ["cpu:0"])),
        "device_mesh of a TensorLayout: expected one mesh, set once, got another one.",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case):
    act, text = REFUSED[case]
    with pytest.raises(ArgumentError) as caught:
        act()
    assert str(caught.value) == text


def test_a_tensor_is_split_as_its_layout_says():
    mesh = d.DeviceMesh((1,), ["batch"], ["cpu:0"])
    layout = d.TensorLayout(("batch", None), mesh)
    for tensor in (np.ones((2, 3)), gazelle.Variable(np.ones((2, 3)))):
        assert d.distribute_tensor(tensor, layout).sharding == layout.backend_layout
