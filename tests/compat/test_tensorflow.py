"""gazelle's `tensorflow` as a module: missing names, closing it, summaries, tracebacks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gazelle
from gazelle.compat import tensorflow as facade
from gazelle.compat.namespaces import root
from gazelle.core.errors import ArgumentError

keras = root("keras")


def test_what_is_missing_is_named_with_its_line(tf):
    with pytest.raises(facade.MissingFunctionError, match=r"tf.reduce_meen is not .*test_tensorflow.py, line \d+"):
        tf.reduce_meen([1])
    with pytest.raises(facade.MissingFunctionError, match=r"Did you mean tf\.reduce_mean"):
        tf.reduce_meen([1])
    with pytest.raises(ArgumentError, match=r"model\.save\(\"model\.keras\"\)"):
        tf.saved_model.save(None, "x")


def test_closing_leaves_gazelle_as_it_was():
    facade.module("tensorflow")
    layer = keras.layers.Dense(2)
    assert hasattr(layer(np.ones((1, 2), "float32")), "get_shape")
    facade.close()
    out = layer(np.ones((1, 2), "float32"))
    assert isinstance(out, jax.Array)
    assert not hasattr(jnp.ones(1), "get_shape")
    assert not hasattr(keras.metrics.Mean().result(), "get_shape")
    facade.module("tensorflow")  # the fixture of this module closes it


def test_serialized_summaries(tf, tmp_path):
    writer = tf.summary.create_file_writer(str(tmp_path))
    data = b"\n\x0b\n\x04loss\x15\x00\x00\x00?"  # a summary with the value 0.5 under the tag loss
    assert not tf.summary.experimental.write_raw_pb(data, step=2)
    with writer.as_default(), tf.summary.experimental.summary_scope("hparams") as (tag, _):
        assert tag == "hparams"
        assert tf.compat.v2.summary.experimental.write_raw_pb(tf.constant(data), step=2)
    (events,) = tmp_path.iterdir()
    assert data in events.read_bytes()


def test_filtering_of_tracebacks(tf):
    tf.debugging.disable_traceback_filtering()
    assert not tf.debugging.is_traceback_filtering_enabled()
    tf.debugging.enable_traceback_filtering()
    assert gazelle.config.is_traceback_filtering_enabled()
