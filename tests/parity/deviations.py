"""Comparison of values with those of Keras; the deviation is recorded with the test, for `make deviations`."""

import numpy as np

_test = None  # the test that runs


def begin(item):
    """What is noted from now on belongs to this test."""
    global _test
    _test = item


def off(got, wanted, least=1.0):
    """The largest difference, relative to the largest magnitude (and to `least`): NaN only where both are."""
    got, wanted = map(_numbers, (got, wanted))
    assert got.shape == wanted.shape
    assert np.array_equal(np.isnan(got), np.isnan(wanted)), "NaN in different places"
    scale = max(least, float(np.nanmax(np.abs(np.where(np.isinf(wanted), np.nan, wanted)), initial=0)))
    equal = (got == wanted) | np.isnan(wanted)
    return float(np.max(np.abs(np.where(equal, 0, got) - np.where(equal, 0, wanted)), initial=0)) / scale


def _numbers(values):
    x = np.asarray(values)
    return np.stack([x.real, x.imag], axis=-1).astype("float64") if x.dtype.kind == "c" else x.astype("float64")


def note(kind, deviation):
    """Leave a deviation of 'values' or 'gradients' with the test."""
    _test.user_properties.append((kind, float(deviation)))


def same(got, wanted, tolerance=1e-5, kind="values", what="", least=1.0):
    """Hold our numbers against Keras'."""
    deviation = off(got, wanted, least)
    note(kind, deviation)
    assert deviation <= tolerance, f"{what or kind}: off by {deviation:.2g}"
