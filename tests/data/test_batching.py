"""Single samples combined to batches: generators of rows, map-style datasets, sequences of many lengths."""

import jax
import numpy as np
import pytest

import gazelle
from gazelle import layers
from gazelle.core.errors import ArgumentError, DataError, ShapeError
from gazelle.data import make_source
from gazelle.utils import batched, bucket_by_length

RNG = np.random.default_rng(2)
X = RNG.normal(size=(70, 4)).astype("float32")
Y = (X[:, 0] > 0).astype("int64")


def dense():
    model = gazelle.Sequential([layers.Input((4,)), layers.Dense(2, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


class Dataset:
    """The protocol of torch.utils.data.Dataset: samples by index, no iteration."""

    __module__ = "torch.utils.data.dataset"


class Samples(Dataset):
    def __len__(self):
        return 70

    def __getitem__(self, index):
        return X[index], int(Y[index])


class Fetched(Samples):
    """Reads several samples at once, as torch offers."""

    def __getitems__(self, rows):
        return [(X[row], int(Y[row])) for row in rows]

    def __getitem__(self, index):
        raise AssertionError


def rows():
    yield from zip(X, Y.tolist(), strict=True)


def test_batched_generators_end_and_datasets_begin_again():
    for samples, passes in ((rows(), 1), (list(rows()), 2), (Samples(), 2)):
        batches = batched(samples, 16)
        for _ in range(passes):
            got = list(batches)
            assert [len(y) for _, y in got] == [16, 16, 16, 16, 6]
            np.testing.assert_array_equal(np.concatenate([x for x, _ in got]), X)
            np.testing.assert_array_equal(np.concatenate([y for _, y in got]), Y)
        assert passes == 2 or not list(batches)
    assert [len(x) for x in batched(iter(X), 16, drop_remainder=True)] == [16] * 4
    assert [x["a"].shape for x in batched([{"a": row} for row in X], 35)] == [(35, 4)] * 2


def test_batched_refuses():
    with pytest.raises(ArgumentError, match="batched's batch_size: expected an integer >= 1, got 0"):
        batched([], 0)
    with pytest.raises(DataError, match=r"expected samples of equal shapes.*, got x of shapes \(2,\), \(3,\)") as told:
        list(batched([(np.ones(2), 1), (np.ones(3), 1)], 2))
    assert "bucket_by_length" in str(told.value)


def test_batched_rows_train_like_batches():
    one, other = dense(), dense()
    other.set_weights(one.get_weights())
    one.fit(batched(rows(), 16), verbose=0, keep=False)
    other.fit(X, Y, batch_size=16, shuffle=False, verbose=0, keep=False)
    for ours, theirs in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


class Named:
    """An iterable dataset of a package, whose rows are no batches."""

    def __iter__(self):
        return rows()


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("program", "batches of (x, y); gazelle.utils.batched(data, 32) combines single samples."),
        ("datasets.iterable_dataset", "batches of (x, y): fit((b['x'], b['y']) for b in data.batch(32))."),
        ("grain._src.dataset", "batches of (x, y): data.batch(32)."),
        ("webdataset.compat", "batches of (x, y): data.decode('rgb').to_tuple('jpg', 'cls').batched(32)."),
    ],
)
def test_rows_are_refused_with_the_line_that_makes_them_fit(module, line):
    data = type("Rows", (Named,), {"__module__": module})()
    for run in (dense().fit, dense().evaluate):
        with pytest.raises(DataError, match="one row per sample") as told:
            run(data, verbose=0)
        assert str(told.value).endswith(line)
    with pytest.raises(ShapeError, match=r"expected shape \(None, 4\), got shape \(4,\)") as told:
        dense().fit(zip(X, np.eye(4)[Y], strict=True), verbose=0)
    assert str(told.value).endswith("gazelle.utils.batched(data, 32) combines single samples.")
    with pytest.raises(DataError, match="4 as in x, got 2 in y") as told:
        dense().fit(zip(X, np.eye(2)[Y], strict=True), verbose=0)
    assert str(told.value).endswith("gazelle.utils.batched(data, 32) combines single samples.")


def test_batches_by_name_are_refused_with_the_line_that_makes_them_fit():
    class Parts:
        __module__ = "datasets.iterable_dataset"

        def __iter__(self):
            return iter([{"pixels": X, "label": Y}])

    with pytest.raises(ArgumentError, match=r"got keys \['pixels', 'label'\]") as told:
        dense().fit(Parts(), verbose=0)
    assert str(told.value).endswith("fit((b['x'], b['y']) for b in data.batch(32)).")


def test_tars_of_files_are_refused_with_the_line_that_makes_them_fit():
    class Files:
        __module__ = "webdataset.compat"

        def __init__(self, samples):
            self.samples = samples

        def __iter__(self):
            return iter(self.samples)

    rows = [{"__key__": "0", "__url__": "a.tar", "jpg": b"", "cls": b"1"}]
    with pytest.raises(DataError, match="got a dict of __key__, __url__, jpg, cls") as told:
        dense().fit(Files(rows), verbose=0)
    assert str(told.value).endswith("data.decode('rgb').to_tuple('jpg', 'cls').batched(32).")
    model = dense()
    model.fit(Files([[X, list(Y)], [X, list(Y)]]), verbose=0, keep=False)  # as `batched` yields them
    assert int(model.optimizer.iterations) == 2


def test_a_dataset_of_named_rows_is_refused_with_its_columns():
    kind = type("Dataset", (Samples,), {"__module__": "datasets.arrow_dataset", "column_names": ["pixels", "label"]})
    for arguments in ((kind(),), (kind(), Y)):
        with pytest.raises(DataError, match="got a dataset of rows with the columns pixels, label") as told:
            dense().fit(*arguments, verbose=0)
        assert str(told.value).endswith("Pass its columns: fit(data['pixels'], data['label']).")


@pytest.mark.parametrize("kind", [Samples, Fetched])
@pytest.mark.parametrize("shuffle", [True, False, "batch"])
def test_map_style_datasets_come_as_arrays_do(kind, shuffle):
    def batches(*data):
        source = make_source(*data, batch_size=16, shuffle=shuffle, seed=5)
        chunks = [chunk for epoch in range(2) for chunk in source.chunks(epoch)]
        return [np.asarray(c.arrays[0][step]) for c in chunks for step in range(c.stop)]

    for ours, theirs in zip(batches(kind()), batches(X, Y), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_map_style_datasets_in_every_method():
    model = dense()
    history = model.fit(Samples(), batch_size=16, epochs=2, validation_data=Samples(), verbose=0, keep=False)
    assert sorted(history.history) == ["loss", "val_loss"]
    assert model.evaluate(Samples(), verbose=0) == pytest.approx(model.evaluate(X, Y, verbose=0), rel=1e-5)
    np.testing.assert_allclose(model.predict(Samples(), verbose=0), model.predict(X, verbose=0), atol=1e-6)


# Sequences -----------------------------------------------------------------------------------------------------------

LENGTHS = RNG.integers(1, 60, 500)
SEQUENCES = [RNG.integers(1, 20, length) for length in LENGTHS]
LABELS = (LENGTHS % 2).astype("int64")


def test_buckets_hold_every_sequence_once_in_few_shapes():
    data = bucket_by_length(SEQUENCES, LABELS, batch_size=16, seed=1)
    assert len(data) == 32
    passes = [list(data), list(data)]
    for batches in passes:
        assert len(batches) == 32
        assert len({x.shape for x, _ in batches}) <= 8
        assert sorted(len(x) for x, _ in batches)[:2] == [4, 16]
        found = sorted((tuple(row[row > 0].tolist()), int(label)) for x, y in batches for row, label in zip(x, y))
        assert found == sorted((tuple(s.tolist()), int(label)) for s, label in zip(SEQUENCES, LABELS, strict=True))
    assert any(not np.array_equal(a, b) for (a, _), (b, _) in zip(*passes, strict=True))  # drawn anew
    padded = sum(x.size for x, _ in passes[0])
    assert padded < 1.35 * LENGTHS.sum() < 0.8 * 500 * LENGTHS.max()
    again = list(bucket_by_length(SEQUENCES, LABELS, batch_size=16, seed=1))
    assert all(np.array_equal(a, b) for (a, _), (b, _) in zip(passes[0], again, strict=True))


def test_buckets_pad_as_requested():
    (x, y, weight), *_ = bucket_by_length(
        [[[1.0, 2.0]], [[3.0, 4.0], [5.0, 6.0]]], [0, 1], [0.5, 1], 2, padding="pre", value=-1, shuffle=False
    )
    assert (x.tolist(), y.tolist(), weight.tolist()) == ([[[-1, -1], [1, 2]], [[3, 4], [5, 6]]], [0, 1], [0.5, 1])
    (x, y), *_ = bucket_by_length([[1], [2, 3]], [[7], [8, 9]], shuffle=False, batch_size=2)
    assert (x.tolist(), y.tolist()) == ([[1, 0], [2, 3]], [[7, 0], [8, 9]])
    assert [x.tolist() for x in bucket_by_length([[5], [6]], batch_size=2, shuffle=False)] == [[[5], [6]]]


def test_buckets_compile_at_most_eight_programs(caplog):
    gazelle.utils.set_random_seed(0)
    model = gazelle.Sequential(
        [layers.Input((None,), dtype="int32"), layers.Embedding(20, 3, mask_zero=True), layers.GlobalAveragePooling1D()]
    )
    model.add(layers.Dense(1, activation="sigmoid", name="bucketed"))
    model.compile("adam", "binary_crossentropy")
    data = bucket_by_length(SEQUENCES, LABELS, batch_size=16, seed=1)
    with jax.log_compiles():
        history = model.fit(data, epochs=3, verbose=0, keep=False)
    compiled = [record for record in caplog.records if record.getMessage().startswith("Compiling jit(program)")]
    assert 1 < len(compiled) <= 8
    assert history.history["loss"][-1] < history.history["loss"][0]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"x": []}, "x: expected at least one sequence, got none"),
        ({"x": [[1], 2]}, r"x\[1\]: expected a sequence, got the number 2"),
        ({"y": [1]}, "y: expected 500 as in x, got 1"),
        ({"sample_weight": [1.0]}, "sample_weight: expected 500 as in x, got 1"),
        ({"batch_size": 0}, "batch_size: expected an integer >= 1, got 0"),
        ({"max_shapes": 1}, "max_shapes: expected an integer >= 2, got 1"),
        ({"padding": "left"}, "Unknown padding 'left'"),
    ],
)
def test_buckets_refuse(arguments, said):
    with pytest.raises((ArgumentError, DataError), match=said):
        bucket_by_length(**{"x": SEQUENCES, **arguments})
