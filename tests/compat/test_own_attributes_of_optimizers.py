"""Attributes of user-defined optimizers with the names of arguments that optimizers had in other releases.

The losses are those of Keras 2.2.4 and 2.3.1, TensorFlow 1.15 and 2.15, and Keras 3.15.
"""

import numpy as np
import pytest

from gazelle.compat import backend as K  # noqa: N812 - the usual name in programs
from gazelle.compat.namespaces import root

X, Y = np.arange(12).reshape(4, 3) / 10, np.ones((4, 1))


def losses(keras, optimizer, steps=4):
    last = keras.layers.Dense(1, kernel_initializer="ones", input_shape=(3,))
    model = keras.models.Sequential([last])
    model.compile(optimizer, "mse")
    return [float(model.train_on_batch(X, Y)) for _ in range(steps)]


PLAIN, DECAYED = [1.435, 0.83356, 0.60876, 0.51202], [1.435, 0.83356, 0.67236, 0.5997]


class Own:
    """Attributes that optimizers of Keras 2 do not have."""

    def add(self, **attributes):
        for name, value in attributes.items():
            setattr(self, name, value)
        return self


def with_get_updates(keras):
    class Descent(keras.optimizers.Optimizer, Own):
        def __init__(self, lr=0.1, **kwargs):
            super().__init__(**kwargs)
            self.lr, self.iterations = K.variable(lr), K.variable(0, dtype="int64")

        def get_updates(self, loss, params):
            grads = self.get_gradients(loss, params)
            self.updates = [K.update_add(self.iterations, 1)]
            self.updates += [K.update(p, p - self.lr * g) for p, g in zip(params, grads, strict=True)]
            return self.updates

    return Descent()


def with_a_rule_of_keras(keras, **arguments):
    return type("SGD", (keras.optimizers.SGD, Own), {})(lr=0.1, **arguments)


@pytest.mark.parametrize("made", [with_get_updates, with_a_rule_of_keras])
@pytest.mark.parametrize(
    "own",
    [
        {"weight_decay": 0.3, "use_ema": True},
        {"gradient_accumulation_steps": 3, "loss_scale_factor": 8.0},
        {"decay": 0.9},
    ],
)
def test_attributes_of_keras_2_optimizers(keras_2, made, own):
    optimizer = made(keras_2).add(**own)
    assert losses(keras_2, optimizer) == pytest.approx(PLAIN, rel=1e-4)
    assert {name: getattr(optimizer, name) for name in own} == own


def test_variables_as_attributes(keras_2):
    optimizer = with_get_updates(keras_2).add(weight_decay=K.variable(0.3))
    assert losses(keras_2, optimizer) == pytest.approx(PLAIN, rel=1e-4)
    assert K.get_value(optimizer.weight_decay) == pytest.approx(0.3)


def test_decay_of_the_constructor(keras_2, tf_keras):
    for keras in (keras_2, tf_keras):
        optimizer = with_a_rule_of_keras(keras, decay=0.5).add(weight_decay=0.3)
        assert losses(keras, optimizer) == pytest.approx(DECAYED, rel=1e-4)
    later = keras_2.optimizers.SGD(0.1)
    later.decay = 0.5
    assert losses(keras_2, later) == pytest.approx(PLAIN, rel=1e-4)


def test_an_attribute_decay_in_keras_3():
    keras = root("keras")

    class Descent(keras.optimizers.Optimizer):
        def __init__(self):
            super().__init__(learning_rate=0.1)
            self.decay = 0.9

        def update_step(self, gradient, variable, learning_rate):
            variable.assign(variable - learning_rate * gradient)

    assert losses(keras, Descent()) == pytest.approx(PLAIN, rel=1e-4)


def of_tf_keras(tf_keras):
    class Descent(tf_keras.optimizers.Optimizer):
        def __init__(self, learning_rate=0.1, name="Descent", share=1.0, **kwargs):
            super().__init__(name, **kwargs)
            self._set_hyper("learning_rate", kwargs.get("lr", learning_rate))
            self._set_hyper("decay", self._initial_decay)
            self.share = share

        def _resource_apply_dense(self, grad, var):
            rate = self.share * self._decayed_lr("float32") + (1 - self.share) * self._get_hyper("learning_rate")
            return var.assign_sub(rate * grad)

        def get_config(self):
            hyper = {name: self._serialize_hyperparameter(name) for name in ("learning_rate", "decay")}
            return {**super().get_config(), **hyper, "share": self.share}

    return Descent


def test_decay_of_the_base_class_of_tf_keras(tf_keras, tf, tmp_path):
    kind = of_tf_keras(tf_keras)
    assert losses(tf_keras, kind(decay=0.5, share=0.5)) == pytest.approx([1.435, 0.83356, 0.639144, 0.549974], rel=1e-4)
    assert losses(tf_keras, kind(lr=0.05, decay=0.5, share=0.5)) == pytest.approx(
        [1.435, 1.096638, 0.911991, 0.79386], rel=1e-4
    )
    model = tf_keras.Sequential([tf_keras.layers.Dense(1, input_shape=(3,))])
    model.compile(kind(decay=0.5), "mse")
    model.save(tmp_path / "m.h5")
    loaded = tf_keras.models.load_model(tmp_path / "m.h5", custom_objects={"Descent": kind})
    assert loaded.optimizer.get_config()["decay"] == 0.5
    loaded.fit(X, Y, callbacks=[tf_keras.callbacks.ReduceLROnPlateau("loss", patience=1)], verbose=0)  # no schedule


def test_hyperparameters_of_tf_keras(tf_keras, tf):
    class Descent(of_tf_keras(tf_keras)):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            for name, value in (("decay", 0.9), ("weight_decay", 0.3), ("gradient_accumulation_steps", 2)):
                self._set_hyper(name, value)

        def _resource_apply_dense(self, grad, var):
            var.assign_sub(0.0 * self._get_hyper("weight_decay", "float32") * var)
            return super()._resource_apply_dense(grad, var)

    optimizer = Descent()
    assert losses(tf_keras, optimizer) == pytest.approx(PLAIN, rel=1e-4)
    assert (optimizer.decay, optimizer.weight_decay, optimizer.gradient_accumulation_steps) == (0.9, 0.3, 2)


def test_variables_of_no_weight(tensorflow_1, tmp_path):
    """An optimizer of `tf.train` with `_prepare`, `_finish` and variables of its own, in Keras and in a graph."""
    import importlib

    tf = tensorflow_1
    framework = importlib.import_module("tensorflow.python.framework.ops")
    context = importlib.import_module("tensorflow.python.eager.context")

    class Warmed(tf.train.Optimizer):
        def __init__(self, rate=0.1, use_locking=False, name="Warmed"):
            super().__init__(use_locking, name)
            self._rate, self._rate_tensor = rate, None

        def _own(self):
            with framework.init_scope():
                graph = None if context.executing_eagerly() else framework.get_default_graph()
                return [self._get_non_slot_variable(name, graph=graph) for name in ("step", "power")]

        def _create_slots(self, var_list):
            first = min(var_list, key=lambda x: x.name)
            self._create_non_slot_variable(initial_value=1.0, name="step", colocate_with=first)
            self._create_non_slot_variable(initial_value=0.9, name="power", colocate_with=first)
            for v in var_list:
                self._zeros_slot(v, "m", self._name)

        def _prepare(self):
            self._rate_tensor = framework.convert_to_tensor(self._call_if_callable(self._rate), name="rate")

        def _apply_dense(self, grad, var):
            return self._resource_apply_dense(grad, var)

        def _resource_apply_dense(self, grad, var):
            (step, power), m = self._own(), self.get_slot(var, "m")
            m_t = tf.assign(m, 0.9 * m + 0.1 * grad, use_locking=self._use_locking)
            rate = tf.cast(self._rate_tensor, var.dtype.base_dtype) / (1 - power) / tf.sqrt(step)
            return tf.group(tf.assign_sub(var, rate * m_t), m_t)

        def _finish(self, update_ops, name_scope):
            step, power = self._own()
            with framework.control_dependencies(update_ops), framework.colocate_with(step):
                updates = [step.assign(step + 1.0), power.assign(power * 0.9)]
            return tf.group(*[*update_ops, *updates], name=name_scope)

    expected = [1.435, 0.398808, 0.512906, 0.551227, 0.529508]
    made = [tf.keras.layers.Dense(1, kernel_initializer="ones", input_shape=(3,))]
    model = tf.keras.Sequential([*made, tf.keras.layers.Dense(1, kernel_initializer="ones")])
    model.compile(Warmed(), "mse")
    assert [float(model.train_on_batch(X, Y)) for _ in range(5)] == pytest.approx(expected, rel=1e-4)
    with pytest.warns(UserWarning, match="are not saved"):
        model.save(tmp_path / "m.h5")
    assert tf.keras.models.load_model(tmp_path / "m.h5").optimizer is None

    w, b = tf.Variable(np.ones((3, 1), "float32")), tf.Variable(np.zeros(1, "float32"))
    x = tf.placeholder(tf.float32, [None, 3])
    loss = tf.reduce_mean(tf.square(tf.matmul(x, w) + b - 1.0))
    step = Warmed().minimize(loss)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        found = [session.run([loss, step], {x: X})[0] for _ in range(5)]
    assert found == pytest.approx([1.435, 0.83356, 0.625684, 0.535833, 0.493126], rel=1e-4)
