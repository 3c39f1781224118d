"""Attention layers in the dtypes of mixed precision."""

import numpy as np
import pytest

import gazelle
from gazelle import layers


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float16"])
@pytest.mark.parametrize("kind", ["MultiHeadAttention", "GroupQueryAttention"])
def test_attention_is_trained_in_16_bits(kind, policy):
    sizes = (2, 8) if kind == "MultiHeadAttention" else (8, 4, 2)
    x = np.random.default_rng(0).normal(size=(4, 6, 16)).astype("float32")
    i = gazelle.Input((6, 16))
    half, full = (getattr(layers, kind)(*sizes, dtype=dtype) for dtype in (policy, "float32"))
    model = gazelle.Model(i, half(i, i, use_causal_mask=True))
    full(x, x)
    full.set_weights(half.get_weights())
    want = np.asarray(full(x, x, use_causal_mask=True))
    np.testing.assert_allclose(model.predict(x, verbose=0).astype("float32"), want, atol=0.03)
    model.compile("sgd", "mse")
    before = half.get_weights()[0]
    model.fit(x, want + 1, verbose=0, keep=False)
    assert (half.get_weights()[0] != before).any()
