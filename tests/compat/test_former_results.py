"""What programs for the package Keras 2 saw, where Keras 3 computes or accepts something else."""

import json

import h5py
import numpy as np
import pytest

from gazelle.compat import era
from gazelle.compat.namespaces import root

keras = root("keras")
layers, K = keras.layers, keras.backend
X, Y = np.ones((4, 3), "float32"), np.zeros((4, 1), "float32")

pytestmark = pytest.mark.usefixtures("keras_2")


def model_of(*outputs, inputs=None, loss="mse", **arguments):
    model = keras.models.Model(inputs, list(outputs) if len(outputs) > 1 else outputs[0])
    model.compile(keras.optimizers.SGD(0.0), loss, **arguments)
    return model


def two_outputs(loss, **arguments):
    x = layers.Input((3,))
    hidden = layers.Dense(2, activation="softmax", name="first")(x)
    return model_of(hidden, layers.Dense(1, name="second")(hidden), inputs=x, loss=loss, **arguments)


# The learning phase --------------------------------------------------------------------------------------------------


def dropped(values):
    return bool((np.asarray(values) == 0).any())


def functional():
    x = layers.Input((64,))
    return keras.models.Model(x, layers.Dropout(0.5)(x))


def sequential():
    return keras.models.Sequential([layers.Dropout(0.5, input_shape=(64,))])


@pytest.mark.parametrize("make", [functional, sequential])
def test_graphs_have_the_phase_of_the_time_when_they_are_built(make):
    K.set_learning_phase(1)
    model = make()
    K.set_learning_phase(0)
    assert dropped(model.predict(np.ones((1, 64))))
    assert not dropped(make().predict(np.ones((1, 64))))


def test_phase_0_trains_without_dropout():
    K.set_learning_phase(0)
    model = functional()
    model.compile("sgd", "mse")
    assert model.train_on_batch(np.ones((1, 64)), np.ones((1, 64))) == 0


def test_without_a_phase_training_and_prediction_differ():
    model = functional()
    model.compile("sgd", "mse")
    assert model.train_on_batch(np.ones((1, 64)), np.ones((1, 64))) > 0
    assert not dropped(model.predict(np.ones((1, 64))))


# Several outputs -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("metrics", [["mae"], {"first": "mae"}], ids=["all", "of the output without a loss"])
def test_outputs_without_a_loss_need_no_labels(metrics):
    model = two_outputs({"second": "mse"}, metrics=metrics)
    history = model.fit(X, [Y], verbose=0, validation_data=(X, Y)).history
    assert ("second_mae" in history) == (metrics == ["mae"]) == ("val_second_mae" in history)
    assert "first_mae" not in history
    np.testing.assert_allclose(np.ravel(model.evaluate(X, [Y], verbose=0))[0], history["loss"][0], rtol=1e-6)


@pytest.mark.parametrize(
    "weights", [{"first": {0: 2.0, 1: 2.0}}, [{0: 2.0, 1: 2.0}, {0: 1.0}]], ids=["by name", "list"]
)
def test_class_weights_by_output(weights):
    model = two_outputs(["sparse_categorical_crossentropy", "mse"])
    labels = [np.array([0, 1, 1, 0]), Y]
    _, first, second = model.evaluate(X, labels, verbose=0)
    logs = model.fit(X, labels, verbose=0, class_weight=weights).history
    np.testing.assert_allclose([logs["first_loss"][0], logs["second_loss"][0]], [2 * first, second], rtol=1e-5)
    trained = model.train_on_batch(X, labels, class_weight=weights)
    np.testing.assert_allclose(trained[1:], [2 * first, second], rtol=1e-5)


def test_a_penalty_is_enough_to_train():
    x = layers.Input((3,))
    model = model_of(layers.Dense(1, kernel_regularizer="l2")(x), inputs=x, loss=None)
    kernel = model.get_weights()[0]
    np.testing.assert_allclose(model.train_on_batch(X, None), 0.01 * np.sum(kernel**2), rtol=1e-5)


# Recurrent layers ----------------------------------------------------------------------------------------------------


class Attending(layers.Layer):
    """A cell that adds a constant, whose shape `build` receives."""

    units = state_size = 2

    def build(self, shapes):
        step, constant = shapes
        self.k = self.add_weight(name="k", shape=(step[-1], self.units))
        self.c = self.add_weight(name="c", shape=(constant[-1], self.units))
        self.built = True

    def call(self, inputs, states, constants):
        output = K.dot(inputs, self.k) + K.dot(constants[0], self.c) + states[0]
        return output, [output]


def test_cells_are_built_for_the_shapes_of_constants():
    x, constant = layers.Input((None, 3)), layers.Input((5,))
    model = keras.models.Model([x, constant], layers.RNN(Attending())(x, constants=constant))
    assert [w.shape for w in model.get_weights()] == [(3, 2), (5, 2)]
    assert model.predict([np.ones((1, 4, 3)), np.ones((1, 5))]).shape == (1, 2)


def test_several_results_are_a_list():
    x = layers.Input((4, 3))
    for layer in (layers.LSTM(2, return_state=True), layers.Bidirectional(layers.GRU(2), merge_mode=None)):
        assert type(layer(x)) is list


@pytest.mark.parametrize(("kind", "gates"), [("SimpleRNN", 1), ("GRU", 3), ("LSTM", 4)])
def test_an_identity_for_each_gate(kind, gates):
    layer = getattr(layers, kind)(2, recurrent_initializer="identity")
    layer.build((None, 4, 3))
    np.testing.assert_array_equal(layer.get_weights()[1], np.tile(np.eye(2), gates))


def test_initial_states_of_a_symbolic_batch():
    (state,) = layers.RNN(layers.GRUCell(2)).get_initial_state(layers.Input((4, 3)))
    assert K.int_shape(state) == (None, 2)


# Masks ---------------------------------------------------------------------------------------------------------------


def masks_of(*made):
    """The masks that the layers of a Sequential compute for symbolic inputs, as arrays."""
    model, mask, found = keras.models.Sequential(made), None, []
    for layer in model.layers:
        mask = layer.compute_mask(layer.input, mask)
        found.append(mask)
    x = np.array([[[1.0, 1.0], [0.0, 0.0]]])
    return [None if m is None else K.function([model.input], [m])([x])[0].tolist() for m in found]


def test_masks_of_symbolic_tensors():
    made = masks_of(layers.Masking(input_shape=(None, 2)), layers.TimeDistributed(layers.Dense(2)), layers.LSTM(2))
    assert made == [[[True, False]], [[True, False]], None]


def test_a_mask_of_another_shape_leaves_the_output_of_masking():
    class PerSample(layers.Masking):
        def compute_mask(self, inputs, mask=None):
            return K.any(K.not_equal(inputs, 0.0), axis=[1, 2])

    x = np.array([[[1.0, 1.0], [0.0, 0.0]]])
    np.testing.assert_array_equal(keras.models.Sequential([PerSample(input_shape=(2, 2))]).predict(x), x)


# Callbacks -----------------------------------------------------------------------------------------------------------


def losses_after(losses, **arguments):
    """(number of epochs, epoch of the final weights) of EarlyStopping on these losses."""
    callback = keras.callbacks.EarlyStopping("val_loss", restore_best_weights=True, **arguments)
    model = keras.models.Sequential([layers.Dense(1, input_shape=(1,), use_bias=False)])
    callback.model = model
    callback.on_train_begin()
    for epoch, loss in enumerate(losses):
        model.set_weights([np.full((1, 1), epoch)])
        callback.on_epoch_end(epoch, {"val_loss": loss})
        if model.stop_training:
            break
    callback.on_train_end()
    return epoch + 1, int(model.get_weights()[0].item())


def test_the_best_weights_are_restored_only_after_a_stop():
    assert losses_after([3.0, 1.0, 2.0], patience=5) == (3, 2)
    assert losses_after([3.0, 1.0, 2.0, 2.0], patience=2) == (4, 1)


def test_callbacks_after_early_stopping_get_the_restored_weights():
    seen = []

    class Weights(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append(float(self.model.get_weights()[0].item()))

    model = keras.models.Sequential([layers.Dense(1, input_shape=(1,), use_bias=False)])
    model.compile("sgd", "mse")
    stopping = keras.callbacks.EarlyStopping("loss", patience=1, mode="max", restore_best_weights=True)
    model.fit(np.ones((4, 1)), np.ones((4, 1)), epochs=5, verbose=0, callbacks=[Weights(), stopping, Weights()])
    assert len(seen) == 4
    assert seen[3] == seen[0] != seen[2]


def test_a_negative_min_delta_allows_worse_values():
    assert losses_after([1.0, 1.05, 1.1, 1.3], patience=1, min_delta=-0.1) == (4, 2)


def test_epochs_that_do_not_reach_the_baseline_count():
    assert losses_after([3.0, 2.0, 0.5, 0.5], patience=2, baseline=1.0)[0] == 2
    assert losses_after([3.0, 0.5, 0.5], patience=1, baseline=1.0) == (1, 0)  # not even the second epoch
    assert losses_after([0.9, 0.5, 0.5], patience=0, baseline=1.0) == (3, 1)


# Functions and small objects -----------------------------------------------------------------------------------------


def test_constants_have_their_shape():
    assert K.eval(K.constant([1, 2, 3, 4], shape=(2, 2))).tolist() == [[1, 2], [3, 4]]
    assert K.eval(K.constant(5, shape=(2,))).tolist() == [5, 5]


def test_a_variable_is_updated_by_another_one():
    variable = K.variable(np.ones(2))
    assert K.eval(K.update(variable, K.zeros((2,)))).tolist() == [0, 0]
    assert K.get_value(variable).tolist() == [0, 0]


def test_the_value_of_an_update():
    x = K.variable(1.0)
    assert K.eval(K.update_add(x, 2.0)) == 3 == K.eval(x)


def test_weights_of_intersections_are_counted_in_floats():
    score = keras.metrics.MeanIoU(num_classes=2)
    score.update_state([0, 0, 1, 1], [0, 1, 0, 1], sample_weight=[0.2, 0.3, 0.4, 0.1])
    np.testing.assert_allclose(K.eval(score.result()), (0.2 / 0.9 + 0.1 / 0.8) / 2, rtol=1e-5)


def test_binary_accuracy_is_a_mean_over_the_last_axis():
    labels, predictions = K.variable([[1.0, 0.0], [1.0, 1.0]]), K.variable([[0.9, 0.8], [0.7, 0.6]])
    assert K.eval(keras.metrics.binary_accuracy(labels, predictions)).tolist() == [0.5, 1.0]


def test_hard_sigmoid_of_a_symbolic_tensor():
    x = layers.Input((1,))
    assert keras.models.Model(x, keras.activations.hard_sigmoid(x)).predict(np.zeros((1, 1))) == 0.5


def test_classes_along_an_inner_axis():
    labels, probabilities = np.array([[[0, 1]]]), np.array([[[0.5, 0.2], [0.5, 0.8]]], "float32")
    loss = K.eval(K.sparse_categorical_crossentropy(K.variable(labels), K.variable(probabilities), axis=1))
    np.testing.assert_allclose(loss, -np.log([[0.5, 0.8]]), rtol=1e-5)


def test_a_bias_for_each_position():
    x, bias = np.zeros((1, 2, 3)), np.arange(6.0).reshape(3, 2)
    added = K.eval(K.bias_add(x, bias, data_format="channels_first"))[0]
    np.testing.assert_array_equal(added, bias.reshape(2, 3))  # in the order of memory, as in 2.2.4, 2.3.1 and 2.15


def test_locally_connected_kernels_have_the_order_of_the_images():
    x, kernel = np.arange(24.0, dtype="float32").reshape(1, 2, 3, 4), np.arange(24.0, dtype="float32").reshape(3, 8, 1)
    layer = layers.LocallyConnected2D(1, (2, 2), strides=(2, 1), data_format="channels_first", use_bias=False)
    model = keras.models.Sequential([layer])
    model.build((None, 2, 3, 4))
    model.set_weights([kernel])
    wanted = [x[0, :, :2, at : at + 2].ravel() @ kernel[at, :, 0] for at in range(3)]
    np.testing.assert_array_equal(model.predict(x, verbose=0).ravel(), wanted)


@pytest.mark.parametrize("kind", ["RandomNormal", "RandomUniform", "TruncatedNormal", "Orthogonal", "VarianceScaling"])
def test_a_seeded_initializer_draws_other_numbers_in_each_call(kind):
    first, second = getattr(keras.initializers, kind)(seed=1), getattr(keras.initializers, kind)(seed=1)
    drawn = [first((2, 2)) for _ in range(2)]
    assert np.abs(drawn[0] - drawn[1]).max() > 0
    np.testing.assert_array_equal([second((2, 2)) for _ in range(2)], drawn)


@pytest.mark.parametrize(("name", "now"), [("maxnorm", "MaxNorm"), ("nonneg", "NonNeg"), ("unitnorm", "UnitNorm")])
def test_names_of_constraints(name, now):
    assert type(layers.Dense(1, kernel_constraint=name).kernel_constraint).__name__ == now


@pytest.mark.parametrize(("arguments", "sides"), [((), {"nb_row": 3, "nb_col": 2}), ((3,), {"nb_col": 2})])
def test_sides_of_kernels_by_name(arguments, sides):
    assert layers.Convolution2D(5, *arguments, **sides, name="c").kernel_size == (3, 2)


def test_enqueuers_end_epochs():
    class Growing(keras.utils.Sequence):
        start = 0

        def __len__(self):
            return 2

        def __getitem__(self, index):
            return self.start + index

        def on_epoch_end(self):
            self.start += 10

    queue = keras.utils.OrderedEnqueuer(Growing())
    queue.start()
    batches = queue.get()
    assert [next(batches) for _ in range(4)] == [0, 1, 10, 11]
    queue.join_end_of_epoch()
    assert queue.sequence.start == 20  # the end of the epoch, before its successor is read
    assert next(batches) == 20
    queue.stop()


# Files, names and order of weights ------------------------------------------------------------------------------------


def test_enlarged_images_keep_their_pixels():
    """Values of Keras 2.3.1: the interpolation of TensorFlow 1 does not shift them by half a pixel."""
    x = np.array([0.0, 4.0, 2.0], "float32").reshape(1, 3, 1, 1)
    expected = [0.0, 2.0, 4.0, 3.0, 2.0, 2.0]
    layer = layers.UpSampling2D((2, 1), interpolation="bilinear")
    first = layers.UpSampling2D((2, 1), "channels_first", "bilinear")
    for found in (layer(K.constant(x)), first(K.constant(x.transpose(0, 3, 1, 2)))):
        assert K.eval(found).ravel().tolist() == expected
    assert K.eval(K.resize_images(K.constant(x), 2, 1, "channels_last", "bilinear")).ravel().tolist() == expected


def test_nested_models_list_trained_weights_first():
    inner = keras.models.Sequential([layers.BatchNormalization(input_shape=(3,)), layers.Dense(3, use_bias=False)])
    outer = keras.models.Sequential([inner, layers.Dense(2), layers.BatchNormalization()])
    kinds = [weight.name.rsplit("/", 1)[1][:-2] for weight in inner.weights]
    assert kinds == ["gamma", "beta", "kernel", "moving_mean", "moving_variance"]
    shapes = [weight.shape for weight in outer.get_weights()]
    assert shapes == [(3,), (3,), (3, 3), (3,), (3,), (3, 2), (2,), (2,), (2,), (2,), (2,)]
    values = [np.full(weight.shape, n, "float32") for n, weight in enumerate(outer.get_weights())]
    outer.set_weights(values)
    assert [float(weight.ravel()[0]) for weight in outer.get_weights()] == [*range(11)]
    inner.trainable = False  # the flags of its layers, and so the order, stay
    assert [weight.name.rsplit("/", 1)[1][:-2] for weight in inner.non_trainable_weights] == kinds
    assert [int(K.eval(weight).ravel()[0]) for weight in inner.weights] == [0, 1, 2, 3, 4]
    inner.layers[0].trainable = False
    kinds = [weight.name.rsplit("/", 1)[1][:-2] for weight in inner.weights]
    assert kinds == ["kernel", "gamma", "beta", "moving_mean", "moving_variance"]


def test_names_of_metrics_are_known_before_the_first_batch():
    model = two_outputs(["mse", "mae"], metrics=["accuracy", "mse"])
    expected = ["loss", "first_loss", "second_loss", "first_accuracy", "first_mse", "second_accuracy", "second_mse"]
    assert model.metrics_names == expected
    assert len(model.evaluate(X, [np.eye(2)[[0, 1, 0, 1]], Y], verbose=0)) == len(expected)
    assert model.metrics_names == expected


def test_metrics_of_files_mean_what_they_meant(tmp_path):
    """The loss selects the accuracy, also when the model is read from a file."""
    x = layers.Input((3,))
    model = keras.models.Model(x, layers.Dense(3, activation="sigmoid")(x))
    model.compile("sgd", "binary_crossentropy", ["accuracy"])
    model.save(tmp_path / "m.h5")
    labels = np.array([[0.0, 0.0, 1.0], [1.0, 1.0, 1.0]])
    with h5py.File(tmp_path / "m.h5") as file:  # the name, as Keras 2 cannot read the metric
        assert json.loads(file.attrs["training_config"])["metrics"] == ["accuracy"]
    found = keras.models.load_model(tmp_path / "m.h5").evaluate(X[:2], labels, verbose=0)
    np.testing.assert_allclose(found, model.evaluate(X[:2], labels, verbose=0))


def test_automatic_names_of_letters_and_digits():
    class LSTM2Net(layers.Layer):
        pass

    assert [layers.ConvLSTM2D(2, 2).name, LSTM2Net().name] == ["conv_lst_m2d_1", "lst_m2net_1"]


@pytest.mark.parametrize("given", [[{0: 1, 1: 5}, {0: 2}], [1.0, 5.0], np.array([1.0, 5.0])])
def test_class_weights_that_are_no_dict_have_no_effect_on_one_output(keras_2, given):
    x, y = np.arange(8.0).reshape(4, 2), np.array([0, 1, 1, 0])
    inputs = keras_2.Input((2,))
    model = keras_2.Model(inputs, keras_2.layers.Dense(1, kernel_initializer="ones")(inputs))
    model.compile("sgd", "mse")
    assert model.test_on_batch(x, y) == 62.5
    assert model.train_on_batch(x, y, class_weight=[{0: 1, 1: 5}]) == 142.5  # of Keras 2.3.1
    model.layers[-1].set_weights([np.ones((2, 1)), np.zeros(1)])
    with pytest.warns(UserWarning, match="class_weight has no effect"):
        assert model.train_on_batch(x, y, class_weight=given) == 62.5


@pytest.mark.parametrize("kind", ["array", "tensor"])
def test_samples_without_axes(tf_keras, tf, kind):
    """Until TensorFlow 2.6 they became columns, tensors until 2.4; numbers of 1.15."""

    class Line(tf_keras.layers.Layer):
        def build(self, input_shape):
            self.w = self.add_weight(shape=(input_shape[-1], 1), initializer="zeros")
            self.b = self.add_weight(shape=(1,), initializer="zeros")

        def call(self, inputs):
            return tf_keras.backend.dot(inputs, self.w) + self.b

    x, y = np.arange(-1.0, 5.0), np.arange(-3.0, 8.0, 2.0)
    if kind == "tensor":
        x, y = tf.constant(x), tf.constant(y)
    model = tf_keras.Sequential([Line()])
    model.compile(tf_keras.optimizers.SGD(0.01), "mse")
    model.fit(x, y, epochs=500, verbose=0, validation_data=(x, y))
    np.testing.assert_allclose(model.predict(np.array([10.0]), verbose=0), [[18.9815]], rtol=1e-5)
    assert model.evaluate(x, y, verbose=0) == pytest.approx(3.93915e-05, rel=1e-3)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("LSTM", [[0.1395, 0.1395], [0.2985, 0.2985]]),
        ("GRU", [[0.1963, 0.1963], [0.3371, 0.3371]]),
        ("SimpleRNN", [[0.2876, 0.2876], [0.4739, 0.4739]]),
    ],
)
def test_call_of_a_layer_inside_of_another_one(keras_2, tf, name, expected):
    """Numbers of Keras 2.3.1."""

    class Outer(keras_2.layers.Layer):
        def __init__(self, layer):
            super().__init__()
            self.layer = layer

        def build(self, input_shape):
            self.layer.build(input_shape)
            super().build(input_shape)

        def call(self, inputs):
            lengths = tf.ones_like(inputs[:, 0, 0], dtype=tf.int32) * 2
            return self.layer.call(tf.reverse_sequence(inputs, lengths, seq_axis=1, batch_axis=0))

        def compute_output_shape(self, input_shape):
            return self.layer.compute_output_shape(input_shape)

    inputs = keras_2.layers.Input((4, 3))
    model = keras_2.models.Model(inputs, Outer(getattr(keras_2.layers, name)(2))(inputs))
    model.set_weights([np.full(w.shape, 0.1) for w in model.get_weights()])
    x = np.arange(24.0).reshape(2, 4, 3) / 20
    np.testing.assert_allclose(model.predict(x, verbose=0), expected, atol=1e-4)


def test_call_of_a_subclass_with_other_arguments(keras_2, tf):
    """`super().call(...)` of a class whose own `call` takes fewer arguments."""

    class Doubled(keras_2.layers.LSTM):
        def call(self, inputs, mask=None, training=None):
            return super().call(tf.concat([inputs, inputs], axis=1), mask=mask, training=training) * 2.0

    inputs = keras_2.layers.Input((2, 3))
    model = keras_2.models.Model(inputs, Doubled(2)(inputs))
    model.set_weights([np.full(w.shape, 0.1) for w in model.get_weights()])
    plain = keras_2.models.Sequential([keras_2.layers.LSTM(2, input_shape=(4, 3))])
    plain.set_weights(model.get_weights())
    x = np.arange(12.0).reshape(2, 2, 3) / 20
    expected = 2 * plain.predict(np.concatenate([x, x], axis=1), verbose=0)
    np.testing.assert_allclose(model.predict(x, verbose=0), expected, atol=1e-6)


def test_one_target_of_several_outputs(tf_keras):
    """One array is the target of each output, in validation, too; numbers of TensorFlow 2.15."""
    inputs = tf_keras.Input((2,))
    outputs = [tf_keras.layers.Dense(1, kernel_initializer="ones", name=name)(inputs) for name in "ab"]
    model = tf_keras.Model(inputs, outputs)
    model.compile(tf_keras.optimizers.SGD(0.1), {"a": "mse", "b": "mae"}, metrics={"a": "mae"})
    x, y = np.arange(8.0).reshape(4, 2) / 8, np.array([0.0, 1, 0, 1])
    history = model.fit(x, y, epochs=2, verbose=0, validation_data=(x, y)).history
    assert history["loss"] == pytest.approx([1.015625, 0.880146], rel=1e-5)
    assert history["val_b_loss"] == pytest.approx([0.521484, 0.480469], rel=1e-5)
    assert model.evaluate(x, y, verbose=0) == pytest.approx([0.789864, 0.309395, 0.480469, 0.454524], rel=1e-5)
    assert model.train_on_batch(x, y) == pytest.approx([0.789864, 0.309395, 0.480469, 0.454524], rel=1e-5)


@pytest.mark.parametrize(
    ("number", "computes", "scores"),
    [(2, False, [1, 4, 3]), (3, False, [3, 1, 4]), (2, True, [3, 1, 4]), (3, True, [3, 1, 4])],
)
def test_order_of_the_scores_of_a_step_of_the_program(tf_keras, number, computes, scores):
    """The loss of `compile` is the first score if the step computes it; in Keras 3 always. Order of both releases."""
    era.set_release(era.Release(number, number == 3))

    class Own(tf_keras.Model):
        def test_step(self, data):
            if computes:
                self.compute_loss(*data, self(data[0]))
            return {"loss": 3.0, "accuracy": 1.0, "b": 4.0}

        train_step = test_step

    inputs = tf_keras.Input((2,))
    model = Own(inputs, tf_keras.layers.Dense(1)(inputs))
    model.compile("sgd", "mse")
    assert model.evaluate(np.ones((4, 2)), np.ones((4, 1)), verbose=0) == scores
    assert model.train_on_batch(np.ones((4, 2)), np.ones((4, 1))) == scores


def test_a_step_of_the_program_receives_one_target_for_several_outputs(tf_keras):
    shapes = []

    class Own(tf_keras.Model):
        def train_step(self, data):
            shapes.append(data[1].shape)
            return {"loss": 0.0}

    inputs = tf_keras.Input((2,))
    model = Own(inputs, [tf_keras.layers.Dense(1)(inputs), tf_keras.layers.Dense(1)(inputs)])
    model.compile("sgd")
    model.fit(np.ones((4, 2)), np.ones((4, 3)), verbose=0)
    assert {tuple(shape)[1:] for shape in shapes} == {(3,)}


@pytest.mark.parametrize(("number", "losses"), [(2, [8.13179, 0.41042]), (3, [6.820118, 2.105091])])
def test_model_with_a_call_operator_alone(tf_keras, number, losses):
    """`fit` calls a model whose class has `__call__` and no `call`, Keras 3 not as in training; numbers of both."""
    era.set_release(era.Release(number, number == 3))

    class Block(tf_keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.dense = tf_keras.layers.Dense(3, kernel_initializer="ones")
            self.norm = tf_keras.layers.BatchNormalization()

        def __call__(self, x, training=False):
            return self.norm(self.dense(x), training=training)

    class Net(tf_keras.Model):
        def __init__(self):
            super().__init__()
            self.block, self.dense = Block(), tf_keras.layers.Dense(1, kernel_initializer="ones")

        def __call__(self, x, training=False):
            return self.dense(self.block(x, training=training))

    x, y = np.arange(8.0).reshape(4, 2) / 8, np.array([0.0, 1, 0, 1])
    model = Net()
    model.compile(tf_keras.optimizers.SGD(0.1), "mse")
    history = model.fit(x, y, epochs=2, verbose=0, shuffle=False).history
    assert history["loss"] == pytest.approx(losses, rel=1e-5)
    assert model.evaluate(x, y, verbose=0) == pytest.approx({2: 0.270196, 3: 0.868941}[number], rel=1e-5)
    last = model(x, training=True)[-1, 0]
    assert float(last) == pytest.approx({2: 1.003677, 3: 0.258447}[number], rel=1e-4)
    assert len(model.get_weights()) == 8
