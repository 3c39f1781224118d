"""Attention by cuDNN, without a GPU: programs are lowered for CUDA, and the numbers on a CPU are those of Keras."""

import functools
import importlib
import re

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from gazelle import config, ops
from gazelle.core.errors import ArgumentError, StateError
from gazelle.layers import GroupQueryAttention, MultiHeadAttention

RNG = np.random.default_rng(0)
x = RNG.normal(size=(2, 16, 16)).astype("float32")
heads = jnp.asarray(x.reshape(2, 16, 2, 8), jnp.bfloat16)


def _layer(name, of=None, **options):
    options = {"dtype": "bfloat16", "name": "heads", **options}
    if name == "MultiHeadAttention":
        return (of or MultiHeadAttention)(2, 8, **options)
    return (of or GroupQueryAttention)(8, 4, 2, **options)


CALLS = {
    name: lambda flash, name=name, **how: lambda x: _layer(name, flash_attention=flash)(x, x, **how)
    for name in ("MultiHeadAttention", "GroupQueryAttention")
}
CALLS["dot_product_attention"] = lambda flash: lambda x: ops.dot_product_attention(x, x, x, flash_attention=flash)


@pytest.fixture
def gpu(monkeypatch):
    """JAX takes this machine for one with a GPU and cuDNN when it traces; nothing can run."""
    checks = importlib.import_module("jax._src.cudnn.fused_attention_stablehlo")
    monkeypatch.setattr(checks, "check_cudnn_version", lambda: 91100)
    monkeypatch.setattr(checks, "check_compute_capability", lambda wanted: float(wanted) <= 9)
    monkeypatch.setattr(checks, "is_cuda_compute_capability_equal", lambda wanted: wanted == "9.0")
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    yield
    config.enable_flash_attention()


def lowered(function, *arrays, platform="cuda"):
    text = jax.jit(lambda *arrays: function(*arrays)).trace(*arrays).lower(lowering_platforms=(platform,)).as_text()
    return re.findall(r"custom_call @(__cudnn\$\w+)", text), text


@pytest.mark.parametrize("name", CALLS)
def test_cudnn_computes_where_it_can_and_may(gpu, name):
    given = heads if name.startswith("dot") else x
    for flash in (None, True):
        calls, text = lowered(CALLS[name](flash), given)
        assert calls == ["__cudnn$fmhaSoftmax"]
        assert "stablehlo.exponential" not in text
        assert lowered(CALLS[name](flash), given, platform="cpu")[0] == []
    assert lowered(CALLS[name](False), given)[0] == []
    single = jnp.asarray(given, jnp.float32)
    if name.startswith("dot"):
        assert lowered(CALLS[name](None), single)[0] == []  # cuDNN has half precision only
        with pytest.raises(StateError, match=r"flash_attention=True: .*got an error of JAX"):
            lowered(CALLS[name](True), single)
    config.disable_flash_attention()  # of layers, as in Keras
    assert lowered(CALLS[name](None), given)[0] == (["__cudnn$fmhaSoftmax"] if name.startswith("dot") else [])
    assert lowered(CALLS[name](True), given)[0] == ["__cudnn$fmhaSoftmax"]


@pytest.mark.parametrize("name", ["MultiHeadAttention", "GroupQueryAttention"])
def test_masks_and_gradients_by_cudnn(gpu, name):
    layer = _layer(name)
    layer.build(x.shape, x.shape)
    assert "CAUSAL" in lowered(lambda x: layer(x, x, use_causal_mask=True), x)[1]
    mask = np.arange(16) < np.array([[12], [16]])
    assert lowered(lambda x: layer(x, x, value_mask=mask), x)[0] == ["__cudnn$fmhaScaleBiasSoftmax"]
    calls, _ = lowered(jax.grad(lambda x: jnp.sum(layer(x, x).astype(jnp.float32))), x)
    assert calls == ["__cudnn$fmhaSoftmax", "__cudnn$fmhaSoftmaxBackward"]
    assert lowered(lambda x: layer(x, x, return_attention_scores=True), x)[0] == []


@pytest.mark.parametrize("name", CALLS)
def test_on_a_cpu_it_is_an_error_only_if_it_must_be_used(name):
    given = heads if name.startswith("dot") else x
    assert CALLS[name](None)(given).shape == given.shape
    with pytest.raises(StateError, match="flash_attention=True: expected what cuDNN computes, got the device"):
        CALLS[name](True)(given)
    if name.startswith("dot"):
        theirs = functools.partial(keras.ops.dot_product_attention, flash_attention=True)
    else:
        theirs = _layer(name, getattr(keras.layers, name), flash_attention=True)
    with pytest.raises(RuntimeError, match="cuDNN"):
        theirs(given, given, given)


@pytest.mark.parametrize(
    "how", [{}, {"use_causal_mask": True}, {"attention_mask": RNG.random((2, 16, 16)) > 0.3}], ids=str
)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", ["MultiHeadAttention", "GroupQueryAttention"])
def test_numbers_on_a_cpu_are_those_of_keras(name, dtype, how):
    theirs = _layer(name, getattr(keras.layers, name), dtype=dtype)
    theirs.build(x.shape, x.shape)
    for flash in (None, False):
        ours = _layer(name, dtype=dtype, flash_attention=flash)
        ours.build(x.shape, x.shape)
        ours.set_weights([w.numpy() for w in theirs.weights])
        wanted = np.asarray(theirs(x, x, **how), "float32")
        np.testing.assert_allclose(
            np.asarray(ours(x, x, **how), "float32"), wanted, atol=1e-6 if dtype == "float32" else 0.02
        )


@pytest.mark.parametrize("name", ["MultiHeadAttention", "GroupQueryAttention"])
def test_cudnn_returns_no_scores(name):
    with pytest.raises(ArgumentError, match="'heads': return_attention_scores with flash_attention: expected False"):
        _layer(name, flash_attention=True)(x, x, return_attention_scores=True)
    with pytest.raises(ArgumentError, match="dropout with flash_attention: expected 0"):
        _layer(name, flash_attention=True, dropout=0.1)
    assert _layer(name, flash_attention=False).get_config().keys() == _layer(name).get_config().keys()
