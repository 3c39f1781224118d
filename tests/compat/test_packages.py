"""What packages built on Keras rely on besides its public names: configs, files, the old backend, data and classes."""

import abc
import pickle

import numpy as np
import pytest

import gazelle
from gazelle.compat import era
from gazelle.compat.namespaces import root

keras = root("keras")
layers = keras.layers
X = np.ones((4, 3), "float32")


class Choice:
    def __init__(self, value=1):
        self.value = value

    def get_config(self):
        return {"value": self.value}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


def test_classes_of_a_package_are_found():
    config = {"class_name": "Choice", "config": {"value": 5}}
    for found in (
        keras.utils.deserialize_keras_object(config, module_objects={"Choice": Choice}),
        keras.utils.legacy.deserialize_keras_object(config, {"Choice": Choice}),
        keras.saving.deserialize_keras_object({**config, "module": __name__, "registered_name": "Choice"}),
    ):
        assert (type(found), found.value) == (Choice, 5)
    with pytest.raises(ValueError, match="refers to Choice"):
        keras.utils.deserialize_keras_object(config)
    with pytest.raises(ValueError, match=r"refers to os\.system"):
        keras.utils.deserialize_keras_object({"class_name": "system", "module": "os", "config": {}})
    assert keras.utils.legacy.serialize_keras_object(layers.Dense(2))["class_name"] == "Dense"


class Holder(Choice):
    """Its config has that of another class, which it creates itself."""

    @classmethod
    def from_config(cls, config):
        return cls([Choice.from_config(each["config"]) for each in config["value"]])


def test_the_legacy_form_gives_nested_configs_to_the_class_of_a_package():
    config = {"class_name": "Holder", "config": {"value": [{"class_name": "Unlisted", "config": {"value": 3}}]}}
    found = keras.utils.legacy.deserialize_keras_object(config, {"Holder": Holder})
    assert found.value[0].value == 3


def test_models_of_configs_without_a_module():
    config = keras.Sequential([keras.Input((3,)), layers.Dense(2)]).get_config()
    for deserialize in (layers.deserialize, keras.models.model_from_config):
        assert deserialize({"class_name": "Sequential", "config": config}).output_shape == (None, 2)


def test_masks_with_values_next_to_symbolic_inputs():
    inputs = [keras.Input((4,)), keras.Input((4,))]
    found = layers.Add().compute_mask(inputs, [np.array([[1, 0, 0, 1]]), np.array([[0, 0, 1, 1]])])
    np.testing.assert_array_equal(found, [[True, False, True, True]])


def test_loaded_merge_layers_pass_masks_as_in_keras_2(tmp_path):
    class Seen(layers.Layer):
        def compute_mask(self, x, mask=None):
            masks.append(mask is not None)
            return mask

        def call(self, x, mask=None):
            return x

    masks = []
    era.set_release(era.Release(2))
    try:
        words, others = keras.Input((4,)), keras.Input((4, 3))
        y = Seen()(layers.Add()([layers.Embedding(5, 3, mask_zero=True)(words), others]))
        keras.Model([words, others], y).save(str(tmp_path / "model.h5"))
        made, masks[:] = masks[:], []
        keras.models.load_model(str(tmp_path / "model.h5"), custom_objects={"Seen": Seen})
    finally:
        era.set_release(era.Release(3))
    assert made
    assert all(made)
    assert masks == made


def test_batch_dot_of_vectors():
    x, y = np.random.rand(2, 5, 6, 4).astype("float32"), np.random.rand(2, 4).astype("float32")
    np.testing.assert_allclose(keras.backend.batch_dot(x, y), np.einsum("bhwc,bc->bhw", x, y), rtol=1e-5)


def test_function_of_views():
    x = keras.Input((3,))
    outputs = {"a": x * 2, "b": x + 1}
    found = keras.backend.function([x], outputs.values())([X])
    np.testing.assert_array_equal(found, [X * 2, X + 1])


def test_objects_that_are_numbers():
    model = keras.Sequential([keras.Input((3,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    objects, text = X.astype(object), np.array([["a", 1, 2]], dtype=object)
    np.testing.assert_array_equal(model.predict_on_batch(objects), model.predict_on_batch(X))
    arrays = np.empty(X.shape, object)
    arrays.flat = [np.full((1, 1), value) for value in X.flat]
    np.testing.assert_array_equal(model.predict_on_batch(arrays), model.predict_on_batch(X))
    model.fit(objects, [objects[:, 0]], validation_data=(objects, objects[:, 0]), verbose=0)
    with pytest.raises(ValueError, match="got dtype object with 'a'"):
        model.predict_on_batch(text)


def test_metaclasses_of_layers():
    class Meta(abc.ABCMeta):
        pass

    class Mine(layers.Layer, metaclass=Meta):
        def call(self, x):
            return x * 2

    layer = Mine()
    assert float(layer(X)[0, 0]) == 2
    assert isinstance(layer, layers.Layer)
    assert isinstance(gazelle.layers.Dense(1), layers.Dense)
    assert issubclass(gazelle.layers.Dense, layers.Layer)
    assert not isinstance(gazelle.layers.Dense(1), Mine)
    assert not isinstance(layer, layers.Dense)
    assert pickle.loads(pickle.dumps(layers.Dense)) is layers.Dense


@pytest.mark.parametrize("base", ["Dropout", "Dense", "ReLU", "Conv1D", "Flatten"])
def test_call_of_a_base_class_with_named_inputs(base):
    arguments = {"Dropout": (0.5,), "Dense": (2,), "Conv1D": (2, 2)}.get(base, ())

    class Mine(getattr(layers, base)):
        def call(self, inputs, training=None):
            return super().call(inputs=inputs)

    x = np.ones((2, 3, 4), "float32")
    keras.utils.set_random_seed(0)
    own = getattr(layers, base)(*arguments)
    expected = own(x)
    mine = Mine(*arguments)
    mine.build(x.shape)
    mine.set_weights(own.get_weights())
    np.testing.assert_allclose(mine(x), expected, rtol=1e-6)


def test_arguments_of_nodes():
    a, b = keras.Input((3,)), keras.Input((3,))
    layer = layers.Add()
    out = layer([a, b])
    (node,) = layer._inbound_nodes
    assert node.arguments.keras_tensors == [a, b]
    assert node.arguments.args == ([a, b],)
    assert node.outputs == [out]
    assert keras.Model([a, b], out).output is out


def test_a_model_that_is_not_built_has_no_inputs():
    model = keras.Sequential([layers.Dense(2)])
    with pytest.raises(AttributeError, match="has no inputs yet"):
        model.inputs  # noqa: B018
    era.set_release(era.Release(2, standalone=False))
    try:
        assert model.inputs is None
        assert model.outputs is None
    finally:
        era.set_release(era.Release(3))


@pytest.mark.parametrize(
    ("initializer", "expected"),
    [(np.arange(3.0), [0, 1, 2]), (keras.initializers.Ones, [1, 1, 1]), (keras.initializers.Ones(), [1, 1, 1])],
    ids=["array", "class", "object"],
)
def test_initializers_of_add_weight(initializer, expected):
    class Mine(layers.Layer):
        def build(self, shape):
            self.kernel = self.add_weight(name="kernel", shape=(3,), initializer=initializer)

        def call(self, x):
            return x * self.kernel

    np.testing.assert_array_equal(Mine()(X)[0], expected)


def test_a_sequential_that_a_layer_builds_is_called_with_other_sizes():
    class Padded(layers.Layer):
        def __init__(self):
            super().__init__()
            self.inner = keras.Sequential([layers.Conv2D(2, 3)])

        def build(self, shape):
            self.inner.build((shape[0], shape[1] + 2, shape[2] + 2, shape[3]))

        def call(self, x):
            return self.inner(x)

    assert Padded()(np.ones((1, 6, 6, 1), "float32")).shape == (1, 4, 4, 2)


def test_a_clone_has_the_loss_of_the_program():
    def distance(y, p):
        return abs(y - p)

    model = keras.Sequential([keras.Input((3,)), layers.Dense(1)])
    model.compile("sgd", distance, metrics=[distance])
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    assert copy.evaluate(X, X[:, :1], verbose=0) == model.evaluate(X, X[:, :1], verbose=0)
