"""`tf.train.Checkpoint`: objects whose variables are created after a checkpoint is restored."""

import numpy as np
import pytest

X, Y = np.ones((4, 2), "float32"), np.ones((4, 3), "float32")


def network(tf):
    class Network(tf.keras.Model):
        def __init__(self):
            super().__init__()
            self.first = tf.keras.layers.Dense(2)
            self.rest = tf.keras.Sequential([tf.keras.layers.Dense(3)])

        def call(self, x):
            return self.rest(self.first(x))

    model = Network()
    model.compile("adam", "mse")
    return model


@pytest.fixture
def trained(tf_keras_2, tmp_path):
    """A trained model, and the prefix of its checkpoint."""
    model = network(tf_keras_2)
    model.fit(X, Y, epochs=2, verbose=0)
    return model, tf_keras_2.train.Checkpoint(model=model, optimizer=model.optimizer).save(str(tmp_path / "c"))


@pytest.mark.parametrize("first", ["predict", "fit", "call", "function"])
def test_variables_are_restored_when_they_are_created(tf_keras_2, trained, first):
    model, prefix = trained
    expected = model.predict(X, verbose=0)
    model.fit(X, Y, verbose=0)
    new = network(tf_keras_2)
    status = tf_keras_2.train.Checkpoint(model=new, optimizer=new.optimizer).restore(prefix)
    with pytest.raises(ValueError, match="The checkpoint also holds"):
        status.assert_consumed()
    if first == "predict":
        np.testing.assert_allclose(new.predict(X, verbose=0), expected, atol=1e-6)
    elif first != "fit":
        call = tf_keras_2.function(new) if first == "function" else new
        np.testing.assert_allclose(call(X), expected, atol=1e-6)
    new.fit(X, Y, verbose=0)
    np.testing.assert_allclose(new.predict(X, verbose=0), model.predict(X, verbose=0), atol=1e-6)
    status.assert_consumed()


def test_an_attribute_that_is_set_later_is_restored(tf, tmp_path):
    saved = tf.train.Checkpoint(inner=tf.train.Checkpoint(v=tf.Variable(2.0)), numbers=[tf.Variable(3.0)])
    prefix = saved.save(str(tmp_path / "c"))
    new, later = tf.train.Checkpoint(inner=tf.train.Checkpoint(v=tf.Variable(0.0))), tf.Variable(0.0)
    status = new.restore(prefix)
    assert new.inner.v.numpy() == 2
    new.numbers = [later]
    assert later.numpy() == 3
    status.assert_consumed()


def test_what_was_restored_is_not_restored_again(tf, trained):
    model, prefix = trained
    new = network(tf)
    checkpoint = tf.train.Checkpoint(model=new)
    checkpoint.restore(prefix)
    checkpoint.restore(None)
    new(X)
    assert not np.allclose(new.first.kernel, model.first.kernel)


def test_attributes_are_the_names_of_variables_in_a_file(tf_keras_2, trained):
    tf = tf_keras_2
    model, prefix = trained
    shapes = dict(tf.train.list_variables(prefix))
    assert shapes["model/first/kernel/.ATTRIBUTES/VARIABLE_VALUE"] == [2, 2]
    name = "model/rest/layer_with_weights-0/bias/.ATTRIBUTES/VARIABLE_VALUE"
    np.testing.assert_array_equal(tf.train.load_variable(prefix, name), model.rest.layers[0].bias.numpy())
    assert "optimizer/_iterations/.ATTRIBUTES/VARIABLE_VALUE" in shapes


def test_a_part_of_a_model_is_restored(tf_keras_2, trained, tmp_path):
    tf = tf_keras_2
    model, prefix = trained
    bias = tf.Variable([0.0, 0.0])
    first = tf.train.Checkpoint(bias=bias)
    status = tf.train.Checkpoint(model=tf.train.Checkpoint(first=first)).restore(prefix)
    status.assert_existing_objects_matched()
    first.kernel = kernel = tf.Variable(tf.zeros([2, 2]))
    for found, weight in zip((kernel, bias), model.first.get_weights(), strict=True):
        np.testing.assert_array_equal(found, weight)
    part = tf.train.Checkpoint(model=tf.train.Checkpoint(first=first)).write(str(tmp_path / "part"))
    new = network(tf)
    new.predict(X, verbose=0)
    tf.train.Checkpoint(model=new).restore(part).expect_partial()
    np.testing.assert_array_equal(new.first.kernel, model.first.kernel)


def test_the_state_of_a_folder_without_an_index_is_its_newest_file(tf, tmp_path):
    np.savez(tmp_path / "a.npz")
    state = tf.train.get_checkpoint_state(str(tmp_path))
    assert state.all_model_checkpoint_paths == [state.model_checkpoint_path] == [str(tmp_path / "a")]
