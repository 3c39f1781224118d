"""Data that is read by batches: equal to arrays in every order, and never in memory as a whole."""

import time
import tracemalloc

import h5py
import numpy as np
import pytest

import gazelle
from gazelle import engine, layers
from gazelle.core.errors import DataError
from gazelle.data import ArraySource, LazyRows, as_arrays, make_source

RNG = np.random.default_rng(1)
X = RNG.normal(size=(300, 6)).astype("float32")
Y = X[:, :1] * 2
MIB = 2**20


class Stored:
    """Rows on a disk, as far as one can tell: slices are read, and nothing else."""

    def __init__(self, array, chunks=None):
        self.array, self.chunks, self.reads = array, chunks, []
        self.shape, self.dtype, self.ndim = array.shape, array.dtype, array.ndim

    def __len__(self):
        return len(self.array)

    def __array__(self, *_, **__):
        raise AssertionError("read as a whole")

    def __getitem__(self, rows):
        assert isinstance(rows, slice)
        self.reads.append((rows.start, rows.stop))
        return self.array[rows].copy()


class Column:
    """A column of a Hugging Face dataset: lists, without a shape."""

    __module__ = "datasets.arrow_dataset"
    column_name = "x"

    def __init__(self, array):
        self.rows = array.tolist()

    def __len__(self):
        return len(self.rows)

    def __iter__(self):
        return iter(self.rows)

    def __getitem__(self, key):
        return self.rows[key]


@pytest.fixture
def kinds(tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        packed = file.create_dataset("packed", data=X.astype("float64"), chunks=(64, 6), compression="gzip")
        memory_map = np.memmap(tmp_path / "x.bin", "float64", "w+", shape=(300, 7))
        memory_map[:, :6] = X
        kinds = {
            "h5py": packed,
            "h5py, plain": file.create_dataset("plain", data=X),
            "memmap": memory_map[:, :6],
            "slices": Stored(X),
            "column": Column(X),
            "sparse": pytest.importorskip("scipy.sparse").csr_array(X),
        }
        try:
            import zarr
        except ImportError:
            pass
        else:
            kinds["zarr"] = zarr.create_array(str(tmp_path / "x.zarr"), shape=X.shape, dtype="f4", chunks=(64, 6))
            kinds["zarr"][:] = X
        yield kinds


@pytest.mark.parametrize("shuffle", [True, False, "batch"])
def test_rows_come_as_from_an_array(kinds, shuffle):
    def batches(x, y):
        source = make_source(x, y, batch_size=16, shuffle=shuffle, seed=3)
        return [np.asarray(leaf)[: c.stop] for e in range(2) for c in source.chunks(e) for leaf in c.arrays[:2]]

    expected = batches(X, Y)
    for name, x in kinds.items():
        assert isinstance(as_arrays("x", x, lazy=True), LazyRows), name
        for given, want in zip(batches(x, Y), expected, strict=True):
            np.testing.assert_array_equal(given, want, err_msg=name)


def test_of_a_batch_to_predict_a_process_reads_its_own_rows(monkeypatch):
    monkeypatch.setattr(engine, "own_rows", lambda size: slice(size // 2, size))  # the second one of two
    wide = np.arange(70 * 20_000, dtype="float32").reshape(70, -1)  # rows that are too far apart to be read together
    stored = Stored(wide)
    source = make_source(stored, batch_size=16)
    stored.reads.clear()
    blocks = list(source.blocks(2, fill=True))
    assert stored.reads == [(8, 16), (24, 32), (40, 48), (56, 64), (68, 70)]
    assert [(b.arrays.shape, b.stop, b.count, b.batch) for b in blocks] == [
        ((2, 8, 20_000), 2, 32, 16),
        ((2, 8, 20_000), 2, 32, 16),
        ((1, 4, 20_000), 1, 6, 8),  # padded from 6 to 8 samples
    ]
    np.testing.assert_array_equal(blocks[1].arrays[1], wide[56:64])
    np.testing.assert_array_equal(blocks[2].arrays[0], wide[[68, 69, 69, 69]])


def test_models_take_them_everywhere(kinds):
    model = gazelle.Sequential([layers.Input((6,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    expected = model.predict(X, verbose=0), model.evaluate(X, Y, verbose=0)
    for x in kinds.values():
        np.testing.assert_array_equal(model.predict(x, verbose=0), expected[0])
        assert model.evaluate(x, Y, verbose=0) == expected[1]
        np.testing.assert_array_equal(model.predict_on_batch(x), model.predict_on_batch(X))
        np.testing.assert_array_equal(model.predict(iter([x]), verbose=0), expected[0])
    for x in kinds.values():
        model.fit(x, Y, validation_data=(x, Y), sample_weight=as_arrays("w", Y[:, 0] ** 2), verbose=0, keep=False)
        model.fit(x, Y, validation_split=0.2, verbose=0, keep=False)
        model.train_on_batch(x, Y)
        model.test_on_batch(x, Y)


def test_reads_are_few_and_no_longer_than_needed():
    rows = np.array([7, 250, 8, 9, 251, 100])
    small = Stored(X)  # 24 bytes a row: one slice is the cheapest
    np.testing.assert_array_equal(as_arrays("x", small, lazy=True)[rows], X[rows])
    assert small.reads == [(7, 252)]
    wide = Stored(np.repeat(X, 4000, axis=1))  # 96 kB a row
    np.testing.assert_array_equal(as_arrays("x", wide, lazy=True)[rows], wide.array[rows])
    assert wide.reads == [(7, 10), (100, 101), (250, 252)]
    packed = Stored(wide.array, chunks=(50, 24000))
    np.testing.assert_array_equal(as_arrays("x", packed, lazy=True)[rows], wide.array[rows])
    assert packed.reads == [(7, 10), (100, 101), (250, 252)]  # each storage chunk is read once


def test_any_rows_of_any_chunks(monkeypatch):
    monkeypatch.setattr("gazelle.data.rows._GAP", 24 * 5)
    monkeypatch.setattr("gazelle.data.rows._SLICE", 24 * 40)
    for case in range(100):
        draw = np.random.default_rng(case)
        rows = draw.permutation(300)[: draw.integers(1, 300)]
        stored = Stored(X, [None, (1, 6), (7, 3), (300, 6)][case % 4])
        np.testing.assert_array_equal(as_arrays("x", stored, lazy=True)[rows], X[rows])
        assert all(stop - start <= max(40, (stored.chunks or (1,))[0]) for start, stop in stored.reads)
        view = as_arrays("x", np.asfortranarray(X.astype("float64")), lazy=True)
        np.testing.assert_array_equal(np.asarray(view)[rows], X[rows])


def test_a_contiguous_dataset_is_read_through_a_memory_map(tmp_path):
    other = {"userblock_size": 512}
    for name, options in (("x.h5", {}), ("other.h5", other)):
        with h5py.File(tmp_path / name, "w", **options) as file:
            file["piece"], file["swapped"] = X, X.astype(">f8")
            file.create_dataset("chunks", data=X, chunks=(64, 6))
            layout = h5py.VirtualLayout(X.shape, "float32")
            layout[:] = h5py.VirtualSource(file["piece"])
            file.create_virtual_dataset("virtual", layout)
    rows = np.random.default_rng(0).permutation(300)[:70]
    for name, options in (("x.h5", {}), ("x.h5", {"driver": "core"}), ("other.h5", {}), ("x.h5", {"mode": "r+"})):
        with h5py.File(tmp_path / name, **options) as file:
            found = {key: as_arrays("x", file[key], lazy=True) for key in file}
            for key, data in found.items():
                np.testing.assert_array_equal(data[rows], X[rows], err_msg=f"{key} {name} {options}")
            mapped = {key for key, data in found.items() if not data.by_slices}
            assert mapped == ({"piece", "swapped"} if (name, options) == ("x.h5", {}) else set())


def test_chunks_of_random_samples_are_read_together(monkeypatch):
    monkeypatch.setattr("gazelle.data.batching.MAX_CHUNK", 4 * 16 * 28)  # four batches of x and y
    reads = {}
    for shuffle in (True, False):
        stored = Stored(X)
        source = make_source(stored, Y, batch_size=16, shuffle=shuffle, seed=3)
        expected = [
            c.arrays[0][: c.stop] for c in make_source(X, Y, batch_size=16, shuffle=shuffle, seed=3).chunks(0, 3)
        ]
        stored.reads.clear()
        chunks = list(source.chunks(0, 3))
        for chunk, want in zip(chunks, expected, strict=True):
            np.testing.assert_array_equal(np.asarray(chunk.arrays[0])[: chunk.stop], want)
        reads[shuffle] = len(stored.reads)
    assert reads == {True: 2, False: len(chunks)}  # with the short batch


def test_the_range_of_integers_is_checked_where_they_are_read(tmp_path):
    ids = np.memmap(tmp_path / "ids", "int64", "w+", shape=(300, 2))
    ids[170, 1] = 2**40
    source = make_source(ids, batch_size=16)
    with pytest.raises(DataError, match=r"x: expected integers from -2147483648 to 2147483647, got 1099511627776"):
        list(source.chunks(0))


def test_labels_and_ids_are_checked_where_they_are_read():
    model = gazelle.Sequential([layers.Input((2,), dtype="int32"), layers.Embedding(5, 2), layers.Flatten()])
    model.add(layers.Dense(3, activation="softmax"))
    model.compile("sgd", "sparse_categorical_crossentropy")
    ids, classes = np.ones((300, 2), "int64"), np.zeros(300, "int64")
    ids[170, 1], classes[200] = 7, 3
    good = np.ones_like(ids), np.zeros_like(classes)
    for run in (lambda x, y: model.fit(x, y, verbose=0, keep=False), lambda x, y: model.evaluate(x, y, verbose=0)):
        with pytest.raises(DataError, match="integers from 0 to 4, got 7"):
            run(Stored(ids), good[1])
        with pytest.raises(DataError, match=r"integers from 0 to 2 .*, got 3"):
            run(good[0], Stored(classes))
    with pytest.raises(DataError, match="integers from 0 to 4, got 7"):
        model.predict(Stored(ids), verbose=0)


def test_a_file_that_limits_training_is_read_faster_in_batches(capsys):
    class Slow(Stored):
        def __getitem__(self, rows):
            time.sleep(0.1)
            return super().__getitem__(rows)

    model = gazelle.Sequential([layers.Input((6,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(X, Y, verbose=0, keep=False)
    model.fit(Slow(X), Y, verbose=2, keep=False)
    assert "the data source is the bottleneck. shuffle='batch' reads neighbours together." in capsys.readouterr().out


def test_values_that_are_not_finite_are_found_in_files():
    model = gazelle.Sequential([layers.Input((6,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    x = X.copy()
    x[170, 3] = np.nan
    with pytest.raises(DataError, match=r"x contains values that are not finite.* nan at x\[170, 3\], 1 row"):
        model.fit(Stored(x), Y, verbose=0, keep=False)
    with pytest.warns(RuntimeWarning, match=r"nan at x\[170, 3\], 1 row"):
        model.evaluate(Stored(x), Y, verbose=0)


def test_text_and_masked_values_in_files(tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        text = file.create_dataset("x", data=np.array([b"red", b"blue"]))
        with pytest.raises(DataError, match=r"x: expected numbers, got dtype .* with b'red'"):
            as_arrays("x", text, lazy=True)
    masked = Stored(np.ma.masked_equal(X, X[100, 2]))
    with pytest.raises(DataError, match="x: expected an array without masked values, got 1 masked"):
        list(make_source(masked, batch_size=300).chunks(0))


# Memory --------------------------------------------------------------------------------------------------------------

ROWS, COLUMNS = 100_000, 161  # 128 MB of float64


class Made:
    """A file of 128 MB, of which only what is read exists."""

    shape, dtype, ndim = (ROWS, COLUMNS), np.dtype("float64"), 2

    def __getitem__(self, rows):
        return np.ones((rows.stop - rows.start, COLUMNS))


def _peak(make, use):
    data = make()
    tracemalloc.start()
    try:
        use(data)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


LARGE = {
    "file": Made,
    "view": lambda: np.zeros((ROWS, COLUMNS + 1))[:, :-1],
    "view of float32": lambda: np.zeros((ROWS, COLUMNS + 1), "float32")[:, :-1],
    "columns first": lambda: np.zeros((COLUMNS, ROWS)).T,
}


@pytest.mark.parametrize("shuffle", [True, False, "batch"])
@pytest.mark.parametrize("kind", [*LARGE, "memmap"])
def test_memory_is_that_of_a_chunk(kind, shuffle, tmp_path):
    def use(x):
        source = ArraySource((as_arrays("x", x, lazy=True), None, None), 32, shuffle, 0, None)
        next(source.chunks(0))

    def memory_map():
        return np.memmap(tmp_path / "x", "float64", "w+", shape=(ROWS, COLUMNS))[:, :-1]

    chunk = 32 * 1024 * COLUMNS * 4  # 21 MB, and what is read at once: 4 MiB; 8 bytes a row for the order
    count = 4 if (kind, shuffle) == ("file", True) else 1  # chunks that are read together
    assert _peak(LARGE.get(kind, memory_map), use) < count * chunk + 12 * MIB + 2 * ROWS * 8


def test_memory_of_predict_is_that_of_a_few_batches():
    def use(x):
        source = ArraySource((as_arrays("x", x, lazy=True), None, None), 32, False, 0, None)
        for _, block in zip(range(3), source.blocks(16, fill=True), strict=False):
            assert block.count == 512

    assert _peak(Made, use) < 8 * MIB


def test_a_sparse_matrix_is_never_dense_as_a_whole():
    matrix = pytest.importorskip("scipy.sparse").random_array((20_000, 2000), density=0.001, format="coo", rng=0)

    def use(x):
        source = ArraySource((as_arrays("x", x, lazy=True), None, None), 32, True, 0, None)
        for chunk, _ in zip(source.chunks(0), range(2), strict=False):
            assert np.asarray(chunk.arrays[0])[: chunk.stop].any()

    assert (
        _peak(lambda: matrix, use) < 60 * MIB
    )  # two chunks of 16 MiB in float32 and what is read at once; dense: 305 MiB
