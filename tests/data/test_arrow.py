"""Columns of Hugging Face datasets are read from the memory of Arrow, here with stand-ins for both packages."""

import types

import numpy as np
import pytest

from gazelle.data.rows import as_rows

X = np.random.default_rng(0).normal(size=(300, 6))
ROWS = np.random.default_rng(1).permutation(200)


class Numbers:
    """An array of Arrow."""

    def __init__(self, array, null_count=0):
        self.array, self.null_count = array, null_count

    def to_numpy(self, zero_copy_only):
        assert zero_copy_only
        if self.array.dtype == bool:
            raise ValueError("it is stored as bits")
        return self.array


class Lists:
    """An array of lists of Arrow."""

    def __init__(self, array, lengths=None):
        self.array, self.lengths, self.null_count = array, lengths or [array.shape[1]] * len(array), 0

    def value_lengths(self):
        return self.lengths

    def flatten(self):
        rows = self.array.reshape(-1, *self.array.shape[2:])
        return Numbers(rows) if rows.ndim == 1 else Lists(rows)


class Column:
    """A column of a dataset."""

    __module__ = "datasets.arrow_dataset"
    column_name = "x"

    def __init__(self, values, chunks, selected=None, kind="numpy"):
        self.values = values if selected is None else values[selected]
        indices = None if selected is None else types.SimpleNamespace(column=lambda _: _indices_of(selected))
        table = types.SimpleNamespace(column=lambda name: types.SimpleNamespace(chunks=chunks))
        self.source = type("Source", (), {"__len__": lambda _: len(self), "data": table, "format": {"type": kind}})()
        self.source._indices, self.reads = indices, 0

    def __len__(self):
        return len(self.values)

    def __getitem__(self, rows):
        self.reads += 1
        return self.values[rows]


def _indices_of(selected):
    return types.SimpleNamespace(to_numpy=lambda: selected.astype("uint64"))


SELECTED = np.random.default_rng(2).permutation(300)[:250]
CASES = {
    "one part": (X, [Lists(X)], None),
    "parts": (X, [Lists(X[:100]), Lists(X[100:101]), Lists(X[101:])], None),
    "selected": (X, [Lists(X)], SELECTED),
    "selected from parts": (X, [Lists(X[:100]), Lists(X[100:])], SELECTED),
    "numbers": (X[:, 0].astype("int64"), [Numbers(X[:, 0].astype("int64"))], None),
    "arrays of several axes": (
        X.reshape(300, 2, 3),
        [types.SimpleNamespace(storage=Lists(X.reshape(300, 2, 3)))],
        None,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_rows_are_read_without_the_others(case):
    values, chunks, selected = CASES[case]
    column = Column(values, chunks, selected)
    rows = as_rows("x", column)
    before = column.reads
    for wanted in (ROWS, np.arange(90, 110), slice(200, 250), np.array([7])):
        np.testing.assert_array_equal(rows[wanted], column.values[wanted].astype(rows.dtype))
    np.testing.assert_array_equal(rows.part(50, 100)[:5], column.values[50:55].astype(rows.dtype))
    assert column.reads == before


@pytest.mark.parametrize(
    ("values", "chunks", "kind"),
    [
        (X, [Lists(X)], "custom"),  # a function computes the rows
        (X, [Lists(X, [5, 7, *[6] * 298])], "numpy"),
        (X[:, 0] > 0, [Numbers(X[:, 0] > 0)], "numpy"),
        (X[:, 0], [Numbers(X[:, 0], null_count=1)], "numpy"),
        (X, [Lists(X[:299])], "numpy"),
        (X[:, :3], [Lists(X)], "numpy"),
    ],
)
def test_what_is_not_stored_as_numbers_of_one_shape_is_read_by_the_dataset(values, chunks, kind):
    column = Column(values, chunks, kind=kind)
    rows = as_rows("x", column)
    before = column.reads
    np.testing.assert_array_equal(rows[ROWS], values[ROWS].astype(rows.dtype))
    assert column.reads > before
