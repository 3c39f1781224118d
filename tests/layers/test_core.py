"""Errors of the core layers, and the arguments that Lambda passes on."""

import json

import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental import sparse

import gazelle
from gazelle import layers
from gazelle.core.errors import ArgumentError, ShapeError, StateError
from gazelle.core.masks import get_mask

ARGUMENTS = [
    ("Dropout", {"rate": 1.5}, "Argument rate of Dropout: expected a number from 0 to 1, got 1.5"),
    ("Dropout", {"rate": -0.1}, "Argument rate of Dropout"),
    ("Dropout", {"rate": "0.5"}, "Argument rate of Dropout"),
    ("Dropout", {"rate": 0.5, "noise_shape": (None, 0)}, "Argument noise_shape of Dropout"),
    ("Dropout", {"rate": 0.5, "noise_shape": "batch"}, "Argument noise_shape of Dropout"),
    ("SpatialDropout1D", {"rate": 2}, "Argument rate of SpatialDropout1D"),
    ("GaussianDropout", {"rate": 1.0}, "without 1, got 1.0"),
    ("AlphaDropout", {"rate": 1.0}, "without 1, got 1.0"),
    ("GaussianNoise", {"stddev": -1}, "Argument stddev of GaussianNoise"),
    ("ActivityRegularization", {"l1": -1.0}, "l1 and l2 >= 0"),
    ("Activation", {"activation": "rellu"}, "(?s)rellu.*relu"),
    ("Flatten", {"data_format": "first"}, "data_format of Flatten 'first'"),
    ("Lambda", {"function": 3}, "Argument function of Lambda: expected a function, got 3"),
    ("ReLU", {"max_value": -1.0}, "Argument max_value of ReLU: expected a number >= 0, got -1.0"),
    ("ReLU", {"threshold": None}, "Argument threshold of ReLU"),
    ("LeakyReLU", {"negative_slope": -1.0}, "Argument negative_slope of LeakyReLU"),
    ("Reshape", {"target_shape": (-1, -1)}, "at most one -1"),
    ("Reshape", {"target_shape": (-2, 3)}, "Argument target_shape of Reshape"),
    ("Permute", {"dims": (0, 1)}, "(?s)each of 1, 2, ..., n once.*batch is axis 0"),
    ("RepeatVector", {"n": 0}, "Argument n of RepeatVector: expected an integer >= 1, got 0"),
    ("RepeatVector", {"n": True}, "Argument n of RepeatVector"),
    ("Cropping1D", {"cropping": (1, 2, 3)}, "Argument cropping of Cropping1D"),
    ("Cropping2D", {"cropping": ((1, 2), (1, -1))}, "Argument cropping of Cropping2D"),
    ("ZeroPadding2D", {"padding": "same"}, r"3|pairs \(before, after\), got 'same'"),
    ("UpSampling1D", {"size": 0}, "Argument size of UpSampling1D"),
    ("UpSampling2D", {"interpolation": "bilinar"}, "(?s)'bilinar'.*'bilinear'"),
]


@pytest.mark.parametrize(("name", "options", "text"), ARGUMENTS)
def test_arguments_are_checked_at_once(name, options, text):
    with pytest.raises(ArgumentError, match=text):
        getattr(layers, name)(**options)


INPUTS = [
    (layers.Reshape((4, 4)), (2, 3, 5), "16 elements in a sample, got 15 in shape"),
    (layers.Reshape((4, -1)), (2, 3, 5), "a multiple of 4 elements in a sample, got 15"),
    (layers.Permute((2, 1)), (2, 3), "Permute '.*': expected 3 axes"),
    (layers.RepeatVector(2), (2, 3, 4), "RepeatVector '.*': expected 2 axes"),
    (layers.Cropping1D((2, 2)), (2, 4, 3), r"cuts 2 \+ 2 off axis 1: expected a larger size"),
    (layers.Cropping2D(2), (2, 8, 4, 3), r"cuts 2 \+ 2 off axis 2"),
    (layers.ZeroPadding2D(), (2, 3, 3), "ZeroPadding2D '.*': expected 4 axes"),
    (layers.PReLU(shared_axes=[3]), (2, 3, 4), "shared axis 3"),
]


@pytest.mark.parametrize(("layer", "shape", "text"), INPUTS)
def test_inputs_are_checked(layer, shape, text):
    with pytest.raises(ShapeError, match=text):
        layer(np.ones(shape, "float32"))


def test_noise_shape_of_another_rank():
    with pytest.raises(ShapeError, match="2 axes as in noise_shape"):
        layers.Dropout(0.5, noise_shape=(None, 1))(jnp.ones((2, 3, 4)), training=True)


def test_prelu_needs_known_sizes():
    with pytest.raises(ShapeError, match="known sizes of the axes that are not shared"):
        layers.PReLU()(layers.Input((None, 3)))
    assert layers.PReLU(shared_axes=[1])(layers.Input((None, 3))).shape == (None, None, 3)


def test_softmax_refuses_a_mask_of_another_shape():
    with pytest.raises(ShapeError, match=r"broadcasts to \(2, 3\), got shape \(2, 4\)"):
        layers.Softmax()(jnp.ones((2, 3)), mask=jnp.ones((2, 4), bool))


@pytest.mark.parametrize("layer", [layers.Flatten(), layers.Reshape((-1,))])
def test_an_empty_batch_is_reshaped(layer):
    assert layer(jnp.ones((0, 2, 3))).shape == (0, 6)


def test_reshape_of_unknown_sizes():
    assert layers.Reshape((-1, 4))(layers.Input((None, 2))).shape == (None, None, 4)


@pytest.mark.parametrize("target", [(12,), (3, 4), (-1, 11)])
def test_reshape_of_unknown_sizes_to_known_ones(target):
    layer, rows = layers.Reshape(target), 11 if -1 in target else 6
    found = layer(layers.Input((None, 2))).shape
    assert found == (None, *(None if n == -1 else n for n in target))
    assert layer(jnp.ones((1, rows, 2))).shape == (1, *(2 if n == -1 else n for n in target))
    with pytest.raises(ShapeError, match="elements in a sample"):
        layer(jnp.ones((1, 7, 2)))


def test_lambda_hands_on_training_and_mask():
    seen = {}

    def function(x, mask=None, training=None):
        seen.update(mask=mask, training=training)
        return x * 2

    masked = layers.Masking()(jnp.array([[[1.0], [0.0]]]))
    y = layers.Lambda(function, mask=lambda x, mask: ~mask)(masked, training=True)
    assert np.array_equal(np.asarray(seen["mask"]), [[True, False]])
    assert seen["training"] is True
    assert np.array_equal(np.asarray(get_mask(y)), [[False, True]])


def test_lambda_drops_the_mask_where_none_is_said():
    masked = layers.Masking()(jnp.array([[[1.0], [0.0]]]))
    assert get_mask(layers.Lambda(lambda x: x * 2)(masked)) is None


def test_masks_pass_through_elementwise_layers():
    masked = layers.Masking()(jnp.array([[[1.0], [0.0]]]))
    for layer in (
        layers.Activation("tanh"),
        layers.Dropout(0.5),
        layers.Identity(),
        layers.ReLU(),
        layers.Dense(2),
        layers.LayerNormalization(),
        layers.BatchNormalization(),
        layers.GaussianNoise(0.1),
    ):
        assert np.array_equal(np.asarray(get_mask(layer(masked))), [[True, False]]), layer


def test_masks_end_where_steps_end():
    masked = layers.Masking()(jnp.array([[[1.0], [0.0]]]))
    for layer in (layers.Flatten(), layers.GlobalAveragePooling1D(), layers.GlobalMaxPooling1D(), layers.Reshape((2,))):
        assert get_mask(layer(masked)) is None, layer


def test_input_on_a_tensor_has_its_shape_and_dtype():
    tensor = layers.Input((3,), dtype="int32")
    again = layers.Input(tensor=tensor)
    assert again is tensor
    assert (again.shape, again.dtype) == ((None, 3), "int32")


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"shape": (3,), "batch_shape": (2, 3)}, r"shape=.* of one sample, or batch_shape=.*, got shape=\(3,\) and"),
        ({"shape": (3,), "batch_size": "2"}, "batch_size of Input: expected an integer or None, got '2'"),
    ],
)
def test_input_refuses(options, text):
    with pytest.raises(ShapeError, match=text):
        layers.Input(**options)


def test_a_subclass_of_embedding_may_take_sparse_indices():
    class Sum(layers.Embedding):
        def call(self, x):
            return super().call(x).sum(1)

    layer, x = Sum(5, 2), np.array([[1, 0, 2], [0, 3, 0]])
    np.testing.assert_array_equal(layer(sparse.BCOO.fromdense(x)), layer(x))


def test_an_input_may_say_that_it_is_not_ragged():
    assert gazelle.Input((3,), ragged=False).shape == (None, 3)
    with pytest.raises(ValueError, match="ragged of a symbolic tensor: expected False"):
        gazelle.Input((3,), ragged=True)


def test_configs_keep_tuples_and_json_gives_an_equal_layer():
    layer = layers.ZeroPadding2D(((1, 2), (3, 4)))
    config = layer.get_config()
    assert config["padding"] == ((1, 2), (3, 4))
    assert layers.ZeroPadding2D.from_config(json.loads(json.dumps(config))).get_config() == config
    assert layers.Conv2D(3, 5).get_config()["kernel_size"] == (5, 5)


def test_the_config_of_an_operation_has_its_name():
    class Scaled(gazelle.Operation):
        def __init__(self, factor, **kwargs):
            super().__init__(**kwargs)
            self.factor = factor

        def call(self, x):
            return x * self.factor

    operation = Scaled(2)
    assert operation.get_config() == {"factor": 2, "name": operation.name}
    assert Scaled.from_config(operation.get_config()).name == operation.name


def test_an_empty_batch_has_no_activity_penalty():
    layer = layers.Activation("linear", activity_regularizer="l2")
    layer(np.ones((0, 5)))
    assert float(layer.losses[0]) == 0.0


def test_the_output_shape_of_a_lambda_may_have_unknown_sizes():
    x = gazelle.Input((None, 3))
    assert layers.Lambda(lambda x: x * 2, output_shape=(None, None, 3))(x).shape == (None, None, 3)


@pytest.mark.parametrize("limits", [{"rmin": 1.0, "rmax": 0.5}, {"dmax": -1.0}])
def test_limits_of_renormalization_are_checked(limits):
    with pytest.raises(ArgumentError, match="expected rmin up to rmax, dmax from 0 on"):
        layers.BatchNormalization(renorm=True, renorm_clipping=limits)


@pytest.mark.parametrize("name", ["Dense", "Dropout", "Flatten", "BatchNormalization", "Activation"])
def test_the_first_argument_is_also_called_inputs(name):
    layer = getattr(layers, name)(*{"Dense": (2,), "Dropout": (0.5,), "Activation": ("relu",)}.get(name, ()))
    x = np.ones((1, 2), "float32")
    assert np.array_equal(layer(inputs=x), layer(x))
    assert layer(inputs=gazelle.Input((2,))).shape == (None, 2)


def test_losses_are_those_of_the_last_call_in_models_of_layers_called_before():
    class Adding(layers.Layer):
        def call(self, x):
            self.add_loss(x.sum())
            return x

    layer = Adding()
    layer(np.ones(1))
    model = gazelle.Sequential([gazelle.Sequential([layer])])
    model.layers[0](np.ones(1))
    model(np.full(1, 2.0))
    assert [float(value) for value in model.losses] == [2.0]
    assert [float(value) for value in layer.losses] == [2.0]


def test_layer_normalization_takes_inputs_of_other_ranks():
    layer = layers.LayerNormalization()
    layer.build((None, 2, 3))
    x = np.random.default_rng(0).normal(size=(4, 5, 2, 3)).astype("float32")
    np.testing.assert_allclose(layer(x)[0], layer(x[0]), rtol=1e-6)
    with pytest.raises(ShapeError, match="size 3 on the last axis"):
        layer(x[..., :2])
    fixed = layers.LayerNormalization(axis=1)
    fixed.build((None, 2, 3))
    with pytest.raises(ShapeError, match="expected 3 axes"):
        fixed(x)


def test_no_layer_has_no_config():
    assert layers.serialize(None) is None


def test_a_batch_may_have_another_size_than_the_input():
    model = gazelle.Sequential([layers.Dense(2), layers.Flatten()])
    model.build((8, 3))
    assert model.predict(np.ones((5, 3), "float32"), verbose=0).shape == (5, 2)


def test_a_layer_unfrozen_inside_of_a_frozen_one_is_trained():
    base = gazelle.Sequential([gazelle.Input((3,)), layers.Dense(2, name="first"), layers.Dense(2, name="last")])
    model = gazelle.Sequential([gazelle.Input((3,)), base, layers.Dense(1)])
    base.trainable = False
    assert len(model.trainable_weights) == 2
    base.layers[-1].trainable = True
    assert [w is v for w, v in zip(model.trainable_weights, base.layers[-1].weights)] == [True, True]
    assert base.trainable_weights == []  # the outermost layer decides
    base.trainable = False
    assert len(model.trainable_weights) == 2


def test_shapes_hold_integers_of_numpy():
    assert layers.Dense(3).compute_output_shape((None, np.int64(4), np.int32(5))) == (None, 4, 3)


def test_a_config_finds_all_functions_of_lambda():
    layer = layers.Lambda(lambda x: x[:, :2], output_shape=lambda shape: (shape[0], 2), mask=lambda x, mask: None)
    for config in (layer.get_config(), json.loads(json.dumps(layer.get_config()))):
        again = layers.Lambda.from_config(config)
        assert [again.function, again.output_shape, again.mask] == [layer.function, layer.output_shape, layer.mask]


def test_shapes_by_name():
    attention = layers.MultiHeadAttention(2, 3)
    assert attention.compute_output_shape(query_shape=(2, 3, 4), value_shape=(2, 5, 4)) == (2, 3, 4)
    assert layers.Add().compute_output_shape(input_shape=[(None, 3), (None, 3)]) == (None, 3)


def test_the_number_of_bins_is_enough_for_a_shape():
    layer = layers.Discretization(num_bins=4, output_mode="one_hot")
    assert layer.compute_output_shape((None, 1)) == (None, 4)
    assert layer(gazelle.Input((1,))).shape == (None, 4)
    with pytest.raises(StateError, match=r"has no bins yet\.\nCall layer\.adapt\(data\) first"):
        layer(np.ones((2, 1)))


def test_lambda_with_tensors_of_the_graph_as_arguments():
    x = gazelle.Input((2,))
    doubled = layers.Dense(2, use_bias=False, kernel_initializer=lambda shape, dtype: 2 * np.eye(2))(x)
    product = layers.Lambda(lambda x, b, power: x * b**power, arguments={"b": doubled, "power": 2})(x)
    model = gazelle.Model(x, product)
    assert model.layers[1].name.startswith("dense")
    np.testing.assert_allclose(model.predict(np.array([[1.0, 3.0]]), verbose=0), [[4.0, 108.0]])


def test_samples_may_have_no_values():
    """Keras takes sizes of 0: features that a selection left out, or targets whose sizes a function does not use."""
    inputs = layers.Input((3,)), layers.Input((0,))
    model = gazelle.Model(inputs, layers.Dense(1)(layers.Concatenate()(inputs)))
    model.compile("sgd", "mse")
    x = np.ones((5, 3), "float32"), np.zeros((5, 0), "float32")
    assert np.isfinite(model.fit(x, np.ones(5), batch_size=2, verbose=0).history["loss"]).all()
    assert model.predict(x, batch_size=2, verbose=0).shape == (5, 1)
    empty = gazelle.Model(inputs[1], inputs[1] * 2)
    assert empty.predict(x[1], verbose=0).shape == (5, 0)
