"""Quantized layers: errors, filters, training and state."""

import json

import numpy as np
import pytest

import gazelle
from gazelle import layers
from gazelle.core.errors import ArgumentError, StateError
from gazelle.quantizers import AbsMaxQuantizer, AWQConfig, GPTQConfig, Int4QuantizationConfig, Int8QuantizationConfig

X = np.random.default_rng(0).normal(size=(16, 4)).astype("float32")


def dense(**kwargs):
    layer = layers.Dense(3, name="d", **kwargs)
    layer.build((None, 4))
    return layer


class Own(layers.Dense):
    pass


def twice(layer, *args):
    layer.quantize(*args)
    layer.quantize(*args)


def own():
    layer = Own(2, name="own")
    layer.build((None, 4))
    layer.quantize("int8")


REFUSED = {
    "not built": (
        lambda: layers.Dense(3, name="d").quantize("int8"),
        StateError,
        "quantize of Dense 'd', which is not built.\nCall it on data or give input_shape.",
    ),
    "twice": (
        lambda: twice(dense(), "int8"),
        StateError,
        "quantize of Dense 'd': expected weights in floats, got a layer of int8_from_float32.",
    ),
    "float8 after lora": (
        lambda: (layer := dense(), layer.enable_lora(2), layer.quantize("float8")),
        StateError,
        "quantize of Dense 'd': expected a layer without LoRA, got one with LoRA.",
    ),
    "gptq": (
        lambda: dense().quantize("gptq"),
        ArgumentError,
        "Quantization 'gptq': expected config=GPTQConfig(dataset, tokenizer), got no config.",
    ),
    "not measured": (
        lambda: dense().quantize(config=AWQConfig(None, None)),
        StateError,
        "awq of Dense 'd': expected measured inputs, got none.\n"
        "Use model.quantize('awq', config), which measures them.",
    ),
    "policy of weights that are not measured": (
        lambda: setattr(dense(), "dtype_policy", "gptq/4/8_from_float32"),
        StateError,
        "gptq of Dense 'd': expected measured inputs, got none.\n"
        "Use model.quantize('gptq', config), which measures them.",
    ),
    "lora of gptq": (
        lambda: dense(dtype="gptq/4/2_from_float32").enable_lora(2),
        ArgumentError,
        "enable_lora of Dense 'd': expected a layer that is not gptq, got one that is.",
    ),
    "bits": (
        lambda: GPTQConfig(None, None, weight_bits=5),
        ArgumentError,
        "weight_bits of GPTQConfig: expected 2 or 3 or 4 or 8, got 5.",
    ),
    "samples": (
        lambda: AWQConfig(None, None, num_samples=0),
        ArgumentError,
        "num_samples of AWQConfig: expected a positive integer, got 0.",
    ),
    "groups": (
        lambda: AWQConfig(None, None, group_size=0),
        ArgumentError,
        "group_size of AWQConfig: expected -1 or a number of rows, got 0.",
    ),
    "damping": (
        lambda: GPTQConfig(None, None, hessian_damping=2.0),
        ArgumentError,
        "hessian_damping of GPTQConfig: expected a number from 0 to 1, got 2.0.",
    ),
    "grid": (
        lambda: AWQConfig(None, None, num_grid_points=0),
        ArgumentError,
        "num_grid_points of AWQConfig: expected a positive integer, got 0.",
    ),
    "bits of a policy": (
        lambda: layers.Dense(2, dtype="awq/8/128_from_float32"),
        ArgumentError,
        "mode of AWQDTypePolicy: expected 'awq/4/-1' or 'awq/4/128' with 4 bits, got 'awq/8/128'.",
    ),
    "misspelt": (
        lambda: dense().quantize("int9"),
        ArgumentError,
        "Unknown quantization 'int9'.\nDid you mean 'int8' or 'int4'?",
    ),
    "nothing": (lambda: dense().quantize(), ArgumentError, "quantize: expected a mode or a config, got neither."),
    "two modes": (
        lambda: dense().quantize("int4", Int8QuantizationConfig()),
        ArgumentError,
        "quantize: expected mode 'int8', that of config, got 'int4'.",
    ),
    "no config": (
        lambda: dense().quantize(config=3),
        ArgumentError,
        "config of quantize: expected an Int8-, Int4- or Float8QuantizationConfig, GPTQConfig or AWQConfig, got 3.",
    ),
    "half precision": (
        lambda: dense(dtype="float16").quantize("int8"),
        ArgumentError,
        "quantize of Dense 'd': expected computation in float32 or bfloat16, got float16.",
    ),
    "subclass": (
        own,
        ArgumentError,
        "quantize of Own 'own': expected a layer of gazelle, got the class Own.\n"
        "quantize(..., type_check=False) treats it like the layer that it inherits from.",
    ),
    "other layer": (
        lambda: layers.Conv2D(2, 3, name="c").quantize("int8"),
        ArgumentError,
        "quantize of Conv2D 'c': expected Dense, EinsumDense, Embedding or ReversibleEmbedding, got Conv2D.",
    ),
    "policy of another layer": (
        lambda: layers.LayerNormalization(dtype="int8_from_float32", name="n")(X),
        ArgumentError,
        "dtype policy of LayerNormalization 'n': expected one of floats, "
        "got 'int8_from_float32'.\n"
        "Dense, EinsumDense, Embedding and ReversibleEmbedding can be quantized.",
    ),
    "back": (
        lambda: (layer := dense(), layer.quantize("int8"), setattr(layer, "dtype_policy", "float32")),
        StateError,
        "dtype_policy of Dense 'd': expected int8_from_float32, got 'float32'.\n"
        "Quantization cannot be undone; rebuild the layer.",
    ),
    "lora twice": (
        lambda: (layer := dense(), layer.enable_lora(2), layer.enable_lora(2)),
        StateError,
        "enable_lora of Dense 'd': expected a layer without LoRA, got a second call.",
    ),
    "lora, not built": (
        lambda: layers.Dense(3, name="d").enable_lora(2),
        StateError,
        "enable_lora of Dense 'd', which is not built.\nCall it on data or give input_shape.",
    ),
    "lora, constraint": (
        lambda: dense(kernel_constraint="non_neg").enable_lora(2),
        ArgumentError,
        "enable_lora of Dense 'd': expected no kernel_constraint, got one, which would not constrain the LoRA update.",
    ),
    "rank": (
        lambda: dense().enable_lora(0),
        ArgumentError,
        "rank of Dense 'd': expected an integer >= 1, got 0.",
    ),
    "range": (
        lambda: AbsMaxQuantizer(value_range=(-200, 127)),
        ArgumentError,
        "value_range of AbsMaxQuantizer: expected two integers from -128 to 127, the range of int8, got (-200, 127).",
    ),
    "blocks": (
        lambda: Int4QuantizationConfig(block_size=0),
        ArgumentError,
        "block_size of Int4QuantizationConfig: expected None, -1 or a number of rows, got 0.",
    ),
    "blocks and quantizers": (
        lambda: Int4QuantizationConfig(activation_quantizer=AbsMaxQuantizer()),
        ArgumentError,
        "Int4QuantizationConfig: expected quantizers, or scales for blocks of rows, "
        "got quantizers and block_size=128.\nGive block_size=None with them.",
    ),
    "8 bits for 4": (
        lambda: Int4QuantizationConfig(AbsMaxQuantizer(), block_size=None),
        ArgumentError,
        "weight_quantizer of Int4QuantizationConfig: expected value_range=(-8, 7), got value_range=(-127, 127).",
    ),
    "pack": (lambda: gazelle.quantizers.pack_int4(X), TypeError, "pack_int4: expected an array of int8, got float32."),
    "unpack": (
        lambda: gazelle.quantizers.unpack_int4(X, 3, dtype="int4"),
        ArgumentError,
        "dtype of unpack_int4: expected 'int8' or 'uint8', got 'int4'.",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case):
    act, kind, text = REFUSED[case]
    with pytest.raises(kind) as caught:
        act()
    assert str(caught.value) == text


def model():
    return gazelle.Sequential(
        [
            gazelle.Input((4,)),
            layers.Dense(8, "relu", name="in"),
            layers.LayerNormalization(),
            layers.Dense(2, name="out"),
        ]
    )


def test_filters_pick_layers():
    for filters in ("^in$", ["^in$", "nothing"], lambda layer: layer.name == "in"):
        net = model()
        net.quantize("int8", filters=filters)
        assert [layer.quantization_mode for layer in net.layers] == ["int8", None, None]
    with pytest.warns(UserWarning, match="quantize changed nothing: .* filters that pick none of in, out"):
        model().quantize("int8", filters="absent")
    with pytest.raises(ArgumentError, match="filters of quantize: expected a regular expression"):
        model().quantize("int8", filters=3)


def test_correction_of_a_quantized_model_trains(tmp_path):
    net, y = model(), X[:, :2] * 2
    before = net.predict(X, verbose=0)
    net.quantize("int8", filters="in|out")
    after = net.predict(X, verbose=0)
    assert 0 < np.abs(after - before).max() < 0.1
    for layer in (net.layers[0], net.layers[2]):
        layer.enable_lora(2)
    np.testing.assert_array_equal(net.predict(X, verbose=0), after)  # B is 0
    whole = net.layers[0].get_weights()
    net.compile(gazelle.optimizers.Adam(0.05), "mse")
    losses = net.fit(X, y, epochs=30, batch_size=16, verbose=0, keep=False).history["loss"]
    assert losses[-1] < 0.5 * losses[0]
    names = [w.name for w in net.layers[0].weights]
    same = [np.array_equal(a, b) for a, b in zip(whole, net.layers[0].get_weights())]
    assert dict(zip(names, same)) == {
        "kernel": True,
        "kernel_scale": True,
        "bias": False,
        "lora_kernel_a": False,
        "lora_kernel_b": False,
    }

    net.save_weights(tmp_path / "w.safetensors")  # all that is trained, not merged
    other = model()
    other.quantize("int8", filters="in|out")
    for layer in (other.layers[0], other.layers[2]):
        layer.enable_lora(2)
    other.load_weights(tmp_path / "w.safetensors")
    np.testing.assert_array_equal(other.predict(X, verbose=0), net.predict(X, verbose=0))


def test_a_correction_goes_on_from_a_file(tmp_path):
    gazelle.utils.set_random_seed(0)  # some first values leave a rank-2 correction nothing to learn
    net = gazelle.Sequential([gazelle.Input((4,)), layers.Dense(2)])
    net.layers[0].enable_lora(2)
    net.compile(gazelle.optimizers.SGD(0.1), "mse")
    net.fit(X, X[:, :2], verbose=0, keep=False)
    net.save(tmp_path / "m.keras")
    again = gazelle.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(again.predict(X, verbose=0), net.predict(X, verbose=0), atol=1e-6)
    assert np.all(again.layers[0].lora_kernel_b.numpy() == 0)
    losses = again.fit(X, X[:, :2], epochs=20, verbose=0, keep=False).history["loss"]
    assert losses[-1] < 0.9 * losses[0]


def test_attention_is_quantized_inside():
    layer = layers.MultiHeadAttention(2, 3)
    layer.build((None, 5, 4), (None, 5, 4))
    net = gazelle.Sequential([gazelle.Input((5, 4)), layers.Dense(4)])
    x = gazelle.Input((5, 4))
    net = gazelle.Model(x, layer(x, x))
    data = np.random.default_rng(1).normal(size=(3, 5, 4)).astype("float32")
    before = net.predict(data, verbose=0)
    net.quantize("int8")
    assert {w.dtype for w in net.weights if w.name == "kernel"} == {"int8"}
    assert 0 < np.abs(net.predict(data, verbose=0) - before).max() < 0.1


def test_an_ellipsis_is_quantized_too():
    layer, x = layers.EinsumDense("...x,xy->...y", 5), np.random.default_rng(2).normal(size=(2, 3, 4, 6))
    wanted = layer(x)
    layer.quantize("int8")
    np.testing.assert_allclose(layer(x), wanted, atol=0.1)
    assert layer.kernel_scale.shape == (1, 1, 1, 5)


def test_setting_the_policy_quantizes():
    layer = dense()
    layer.dtype_policy = "int4/2_from_float32"
    assert {w.name: w.shape for w in layer.weights}["kernel_scale"] == (2, 3)
    assert layer.quantization_config.block_size == 2


@pytest.mark.parametrize("kind", ["Embedding", "ReversibleEmbedding"])
@pytest.mark.parametrize("mode", [None, "int8", "int4"])
def test_file_of_an_embedding_that_was_built_without_a_shape(kind, mode, tmp_path):
    layer = getattr(gazelle.layers, kind)(10, 16)
    layer.build()
    if mode:
        layer.quantize(mode)
    x = np.arange(6).reshape(2, 3)
    expected = layer(x)
    with pytest.warns(UserWarning, match="is not built"):
        gazelle.Sequential([layer]).save(tmp_path / "m.keras")
    loaded = gazelle.models.load_model(tmp_path / "m.keras").layers[0]
    assert loaded.quantization_mode == mode
    np.testing.assert_array_equal(loaded(x), expected)


@pytest.mark.parametrize("make", [lambda: layers.Embedding(9, 4), lambda: layers.ReversibleEmbedding(9, 4)])
def test_configs_contain_the_quantization_config(make):
    layer = make()
    layer.build()
    layer.quantize("int4")
    copy = type(layer).from_config(json.loads(json.dumps(layer.get_config())))
    assert copy.quantization_config.block_size == 128


def test_an_int4_policy_quantizes_in_blocks_as_quantize_does():
    by_policy, by_call = layers.Dense(2), layers.Dense(2)
    for layer in (by_policy, by_call):
        layer.build((None, 2))
    by_policy.dtype_policy = "int4_from_float32"
    by_call.quantize("int4")
    assert len(by_policy.variables) == len(by_call.variables) == 5


def test_layers_without_weights_to_quantize_have_no_such_method():
    with pytest.raises(NotImplementedError, match=r"quantize of Layer 'l': expected Dense"):
        layers.Layer(name="l").quantize("int8")


def test_a_subclass_is_quantized_with_type_check_false_only():
    layer = Own(3, name="own")
    layer.build((None, 4))
    with pytest.raises(NotImplementedError, match=r"quantize of Own 'own': expected a layer of gazelle"):
        layer.quantize("int8")
    layer.quantize("int8", type_check=False)
    assert layer.quantization_mode == "int8"


def test_configs_of_quantization_are_read_back():
    config = gazelle.quantizers.Int4QuantizationConfig(block_size=64)
    copy = gazelle.quantizers.deserialize(gazelle.quantizers.serialize(config))
    assert (copy.block_size, copy.mode) == (64, "int4")
    with pytest.raises(NotImplementedError, match="QuantizationConfig has no mode"):
        _ = gazelle.quantizers.QuantizationConfig().mode
