"""`model.quantize` for GPTQ and AWQ: samples, blocks, filters, files, errors."""

import numpy as np
import pytest

import gazelle
from gazelle import layers
from gazelle.core.errors import ArgumentError, DataError, StateError
from gazelle.models.calibration import samples
from gazelle.quantizers import AWQConfig, GPTQConfig

TOKENS = np.random.default_rng(0).integers(0, 30, 400)


class Tokenizer:
    def tokenize(self, text):
        return [ord(letter) - ord("a") for letter in text]


def language_model():
    """An embedding and two blocks, one with attention; inputs of very different sizes."""
    inputs = gazelle.Input((None,), dtype="int32")
    embedding = layers.Embedding(30, 12)
    x = gazelle.Input((None, 12))
    attention = gazelle.Model(x, layers.Add()([x, layers.MultiHeadAttention(2, 6, name="attention")(x, x)]))
    dense = gazelle.Sequential(
        [gazelle.Input((None, 12)), layers.Dense(20, "relu", name="up"), layers.Dense(3, name="down")]
    )
    model = gazelle.Model(inputs, dense(attention(embedding(inputs))))
    rng = np.random.default_rng(1)
    model.set_weights([rng.normal(size=w.shape) / 2 for w in model.weights])
    table = rng.normal(size=(30, 12)) * np.exp(rng.normal(size=12))
    embedding.set_weights([table])
    return model, {"pre_block_layers": [embedding], "sequential_blocks": [attention, dense]}


def config(kind, structure=None, **kwargs):
    options = {"num_samples": 8, "sequence_length": 16, "group_size": 4, **kwargs}
    return kind([TOKENS], None, quantization_layer_structure=structure, **options)


def error(kind, **kwargs):
    """The mean square of what quantization changes in the outputs."""
    model, structure = language_model()
    x = TOKENS.reshape(-1, 16)
    before = model.predict(x, verbose=0)
    model.quantize(config=config(kind, structure, **kwargs))
    return np.mean(np.square(model.predict(x, verbose=0) - before))


def test_measured_inputs_lower_the_error():
    nearest = error(GPTQConfig, hessian_damping=1.0, weight_bits=3, num_samples=1, sequence_length=1)
    assert error(GPTQConfig, weight_bits=3) < nearest * 0.7
    assert error(GPTQConfig, weight_bits=3, activation_order=True) < nearest * 0.8
    assert error(GPTQConfig, weight_bits=8, group_size=-1) < nearest / 100


def test_weights_of_large_inputs_have_large_factors():
    model, structure = language_model()
    table = structure["pre_block_layers"][0].get_weights()[0]
    model.quantize(config=config(AWQConfig, structure))
    factors = structure["sequential_blocks"][0].get_layer("attention").query_dense.awq_scales.numpy()
    assert np.ptp(factors) > 0.1
    np.testing.assert_array_equal(np.argsort(factors), np.argsort(np.abs(table[np.unique(TOKENS)]).max(axis=0)))


@pytest.mark.parametrize("kind", [GPTQConfig, AWQConfig])
def test_files_and_copies(kind, tmp_path):
    model, structure = language_model()
    model.quantize(config=config(kind, structure))
    assert model.get_layer(index=-1).layers[0].kernel.dtype == "uint8"
    wanted = model.predict(TOKENS.reshape(-1, 16), verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = gazelle.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.predict(TOKENS.reshape(-1, 16), verbose=0), wanted)
    copy = gazelle.models.clone_model(model)
    copy.set_weights(model.get_weights())
    np.testing.assert_array_equal(copy.predict(TOKENS.reshape(-1, 16), verbose=0), wanted)


def test_a_filter_and_a_structure_of_the_model():
    class Own(gazelle.Model):
        def get_quantization_layer_structure(self, mode=None):
            return structure if mode == "awq" else None

    plain, structure = language_model()
    model = Own(plain.inputs, plain.outputs, name="own")
    model.quantize("awq", config(AWQConfig), filters="up")
    modes = {layer.name: layer.quantization_mode for layer in structure["sequential_blocks"][1].layers}
    assert modes == {"up": "awq", "down": None}
    assert structure["sequential_blocks"][1].layers[0]._matrix.observe is None
    with pytest.raises(StateError, match="'up': expected weights in floats, got a layer of awq/4/4_from_float32"):
        model.quantize("awq", config(AWQConfig))
    with pytest.raises(
        ArgumentError, match=r"quantize\('gptq'\) of 'own': expected quantization_layer_structure=.*no bl"
    ):
        model.quantize("gptq", config(GPTQConfig))


def test_nothing_is_measured_after_an_error():
    model, structure = language_model()
    structure["pre_block_layers"] = []  # so that integers reach the blocks
    with pytest.raises(ValueError):
        model.quantize(config=config(GPTQConfig, structure))
    attention = structure["sequential_blocks"][0].get_layer("attention")
    assert all(layer._matrix.observe is None for layer in (attention.query_dense, attention.output_dense))


def test_sums_over_an_axis_of_the_kernel_alone():
    layer = layers.EinsumDense("abc,cde->abd", (None, 4), name="sums")
    with pytest.raises(ValueError):
        layer.build((None, 2, 3))  # the size of "e" is unknown
    layer = layers.EinsumDense("abc,bd->ad", (4,), name="sums")
    layer.build((None, 2, 3))
    assert layer(np.ones((1, 2, 3))).shape == (1, 4)
    structure = {"pre_block_layers": [layers.Embedding(30, 3)], "sequential_blocks": [layer]}
    text = "Quantization of EinsumDense 'sums': expected sums over axes that x and kernel have in common, got sums of 6"
    with pytest.raises(ArgumentError, match=text):
        gazelle.Sequential([layer]).quantize(config=config(GPTQConfig, structure, sequence_length=2))


def test_samples():
    found = samples(AWQConfig([np.arange(10), np.arange(10, 20)], None, num_samples=3, sequence_length=5))
    assert [sample[0].tolist() for sample in found] == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9], [10, 11, 12, 13, 14]]
    found = samples(GPTQConfig(["abc"], Tokenizer(), num_samples=2, sequence_length=4))  # repeated
    assert [sample[0].tolist() for sample in found] == [[0, 1, 2, 0], [0, 1, 2, 0]]


@pytest.mark.parametrize(
    ("dataset", "kind", "text"),
    [
        ("abc", ArgumentError, "dataset of AWQConfig: expected a list of texts or of arrays of integers, got str"),
        (None, ArgumentError, "dataset of AWQConfig: expected a list of texts .* got NoneType"),
        (["abc"], ArgumentError, "tokenizer of AWQConfig: expected one for a dataset of texts, got None"),
        ([], DataError, "dataset of AWQConfig: expected at least one integer, got none"),
    ],
)
def test_data_that_are_no_samples(dataset, kind, text):
    with pytest.raises(kind, match=text):
        samples(AWQConfig(dataset, None))
