"""Arguments that have no meaning are errors at once, in the types that Keras raises."""

import numpy as np
import pytest

import gazelle
from gazelle import InputSpec, KerasTensor, layers, ops

X = np.ones((1, 2, 2), np.float32)
T = KerasTensor((2, 3))


class TwoShapes(layers.Layer):
    def build(self, left_shape, wrong):
        pass

    def call(self, left, right):
        return left + right


def specified(spec):
    layer = layers.Identity()
    layer.input_spec = spec
    return layer


@pytest.mark.parametrize(
    ("call", "kind", "text"),
    [
        (lambda: layers.AdditiveAttention()(X), TypeError, "input of AdditiveAttention .*: expected a list"),
        (lambda: gazelle.callbacks.BackupAndRestore(None), ValueError, "backup_dir: expected the name of a folder"),
        (lambda: gazelle.metrics.FBetaScore(beta=None), ValueError, "expected more than 0, got None"),
        (lambda: gazelle.metrics.FBetaScore()._build((2, None), (2, None)), ValueError, r"known number .*\(2, None\)"),
        (lambda: gazelle.dtype_policies.QuantizedDTypePolicy("int8", ""), ValueError, "source_name of a quantized"),
        (lambda: gazelle.dtype_policies.DTypePolicyMap(policy_map=123), TypeError, "policy_map: expected a dict"),
        (lambda: layers.Embedding(3.7, 2), TypeError, "input_dim of Embedding .*: expected a positive integer"),
        (lambda: layers.MultiHeadAttention(2, 3, value_dim=0), ValueError, "value_dim of MultiHeadAttention"),
        (lambda: layers.MultiHeadAttention(2, 3, output_shape=8.0), ValueError, "output_shape of MultiHeadAttention"),
        (lambda: layers.Normalization().adapt(iter([42])), TypeError, "adapt of Normalization .*: expected batches"),
        (lambda: layers.Pipeline.from_config({"name": "p"}), ValueError, "layers in the config of a Pipeline"),
        (lambda: layers.STFTSpectrogram(window="unknown"), ValueError, "window: expected a window of scipy"),
        (lambda: layers.InputLayer(batch_size=2, batch_shape=(2, 3)), ValueError, "batch_shape alone"),
        (lambda: layers.InputLayer((2,), input_tensor=X), TypeError, "input_tensor of Input: expected a symbolic"),
        (lambda: layers.InputLayer((4,), input_tensor=T), ValueError, "shape of an Input for a tensor"),
        (lambda: layers.InputLayer(batch_size=5, input_tensor=T), ValueError, "batch_size of an Input for a tensor"),
        (lambda: layers.InputLayer(dtype="int8", input_tensor=T), ValueError, "dtype of an Input for a tensor"),
        (lambda: layers.InputLayer(sparse=True, input_tensor=T), ValueError, "sparse of an Input for a tensor"),
        (lambda: layers.Add().compute_mask(X, [None]), ValueError, "inputs of compute_mask of Add .*: expected a list"),
        (lambda: layers.Add().compute_mask([X, X], [None]), ValueError, "got 2 inputs and 1 masks"),
        (
            lambda: layers.deserialize({"class_name": "Dense", "config": [1, 2]}),
            TypeError,
            r"config of Dense: expected a dict of arguments, got \[1, 2\]",
        ),
        (lambda: layers.Dense(2, trainable="yes"), ValueError, "trainable of Dense: expected True or False, got 'yes'"),
        (lambda: layers.Dense(2, trainable=None), ValueError, "trainable of Dense: expected True or False, got None"),
        (lambda: TwoShapes()(X, X), ValueError, "after those of call: left_shape, right_shape, got 'wrong'"),
        (lambda: specified(InputSpec(shape=(None, 3, 2)))(X), ValueError, r"expected shape \(None, 3, 2\), got shape"),
        (lambda: specified(InputSpec(dtype="int32"))(X), TypeError, "expected dtype int32, got float32"),
        (lambda: specified([InputSpec(ndim=3)] * 2)([X]), ValueError, "expected 2 tensors, got 1"),
        (lambda: specified([InputSpec(ndim=3), InputSpec(ndim=2)])([X, X]), ValueError, "expected 2 axes, got shape"),
        (lambda: gazelle.Sequential()(X), ValueError, "cannot be built or called: expected at least one layer"),
        (lambda: gazelle.Sequential().build((1, 2)), ValueError, "cannot be built or called: expected at least one"),
        (
            lambda: gazelle.Sequential([gazelle.Input((2,)), layers.Dense(1)]).build((None, 3)),
            ValueError,
            r"build of Sequential .*: expected \(None, 2\), got \(None, 3\)",
        ),
        (lambda: ops.unstack(X, axis=5), IndexError, r"ops\.unstack: tuple index out of range"),
        (lambda: ops.unstack(X, axis=5), ValueError, r"ops\.unstack: tuple index out of range"),
        (
            lambda: ops.cond(KerasTensor((), "bool"), lambda: ops.ones(3), lambda: ops.ones(4)),
            ValueError,
            r"ops\.cond cannot be computed: cond branches must have equal output types",
        ),
    ],
)
def test_invalid_argument(call, kind, text):
    with pytest.raises(kind, match=text):
        call()


def test_inputs_without_input_layers():
    a, b = KerasTensor((2, 3)), KerasTensor((2, 3))
    assert ops.convert_to_numpy(gazelle.Function([a, b], a + 2 * b)([np.ones((2, 3))] * 2)).tolist() == [[3.0] * 3] * 2


def test_symbolic_indices_have_any_dtype():
    assert ops.scatter_update(KerasTensor((5, 5)), KerasTensor((3, 2)), KerasTensor((3,))).shape == (5, 5)


def test_rescaling_of_channels_in_front(monkeypatch):
    layer = layers.Rescaling([1.0, 2.0, 3.0], offset=[0.0, 0.0, 1.0])
    x = np.ones((2, 3, 4, 4), np.float32)
    monkeypatch.setattr("gazelle.core.settings._image_data_format", "channels_first")
    assert ops.convert_to_numpy(layer(x))[0, :, 0, 0].tolist() == [1, 2, 4]


def test_thresholds_of_auc_include_both_ends():
    metric = gazelle.metrics.AUC(thresholds=[0.5, 0.25])
    assert metric.thresholds == pytest.approx([0, 0.25, 0.5, 1], abs=1e-6)
    config = metric.get_config()
    assert config["thresholds"] == [0.25, 0.5]
    assert gazelle.metrics.AUC.from_config(config).thresholds == metric.thresholds


def test_custom_objects_may_be_none():
    with gazelle.saving.custom_object_scope(None):
        assert gazelle.layers.Dense.from_config({"units": 2}).units == 2


def test_input_spec_of_a_model():
    x = gazelle.Input((None, 3))
    model = gazelle.Model(x, x * 2)
    model.input_spec = InputSpec(shape=(None, 4, 3))
    assert model(np.ones((2, 4, 3))).shape == (2, 4, 3)
    with pytest.raises(ValueError, match=r"expected shape \(None, 4, 3\), got shape \(2, 3, 3\)"):
        model(np.ones((2, 3, 3)))


def test_no_policy_is_the_default_one():
    gazelle.config.set_dtype_policy("mixed_bfloat16")
    gazelle.config.set_dtype_policy(None)
    assert gazelle.config.dtype_policy().name == "float32"
