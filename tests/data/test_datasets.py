"""Datasets: passes, saved positions, methods; PyDataset; split_dataset; windows of time series."""

import itertools
import multiprocessing
import os
import threading

import keras
import numpy as np
import pytest

import gazelle
from gazelle.data import make_source
from gazelle.data.dataset import indexed
from gazelle.data.pydataset import PyDataset

R = np.random.default_rng(0)


def numbers(count=10, batch_size=None, shuffle=False):
    return indexed(lambda i: np.float32(i), count, batch_size, shuffle, 3)


def test_what_can_be_done_to_it():
    dataset = numbers()
    assert [int(x) for x in dataset.take(3)] == [0, 1, 2]
    assert [int(x) for x in dataset.skip(8)] == [8, 9]
    assert [x.tolist() for x in dataset.batch(4)] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert len(dataset.batch(4)) == 3
    assert len(dataset.batch(4, drop_remainder=True)) == len(list(dataset.batch(4, drop_remainder=True))) == 2
    assert [int(x) for x in dataset.map(lambda x: x + 1).prefetch(1)] == list(range(1, 11))
    assert len(dataset.take(-1)) == 10
    mixed = dataset.shuffle(4, seed=1)
    first, second = ([int(x) for x in mixed] for _ in range(2))
    assert sorted(first) == sorted(second) == list(range(10))
    assert first != second


def test_cache_reads_once():
    seen = []
    dataset = indexed(lambda i: seen.append(i) or np.float32(i), 4, 2, False, 0).cache()
    assert [x.tolist() for x in dataset] == [x.tolist() for x in dataset]
    assert len(seen) == 4


@pytest.mark.parametrize(
    "make",
    [
        lambda: numbers(10, 3, True),
        lambda: numbers(10, None, True).batch(3),
        lambda: numbers(10, 3).map(lambda x: x * 2),
        lambda: numbers(12).shuffle(5, seed=2).batch(3),
        lambda: numbers(10, None, True).take(7),
    ],
    ids=["batches", "batched", "mapped", "shuffled", "taken"],
)
def test_it_goes_on_where_it_stood(make):
    whole = make()
    passes = [[np.asarray(x).tolist() for x in whole] for _ in range(2)]
    flat = passes[0] + passes[1]
    for stop in range(len(flat)):
        begun, again = make(), make()
        given = [np.asarray(x).tolist() for x in itertools.islice(itertools.chain.from_iterable([begun, begun]), stop)]
        assert given == flat[:stop]
        again.restore(begun.state())
        rest = [np.asarray(x).tolist() for x in again]
        left = len(passes[0]) - stop % len(passes[0])
        assert rest == flat[stop : stop + left]


def test_an_unfinished_pass_is_not_continued_unasked():
    dataset = numbers(4)
    next(iter(dataset))
    assert [int(x) for x in dataset] == [0, 1, 2, 3]


class Squares(PyDataset):
    """Batches (x, x²), with a note of who made them."""

    def __init__(self, count=6, **kwargs):
        super().__init__(**kwargs)
        self.count, self.threads, self.events = count, set(), []

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        self.threads.add(threading.get_ident())
        x = np.full((2, 1), index, "float32")
        return x, x**2

    def on_epoch_end(self):
        self.events.append("end")


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_workers_keep_the_order(workers):
    dataset = Squares(workers=workers, max_queue_size=2)
    assert [int(x[0, 0]) for x, _ in dataset] == list(range(6))
    assert dataset.num_batches == 6
    assert (threading.get_ident() in dataset.threads) == (workers < 2)


def test_errors_of_workers_are_the_users():
    class Broken(Squares):
        def __getitem__(self, index):
            if index == 2:
                raise KeyError("the third")
            return super().__getitem__(index)

    got = iter(Broken(workers=2))
    next(got), next(got)
    with pytest.raises(KeyError, match="the third"):
        next(got)


def test_without_end_and_without_super():
    class Endless(PyDataset):
        num_batches = None

        def __init__(self):
            pass

        def __getitem__(self, index):
            return np.float32(index)

    assert [int(x) for x in itertools.islice(Endless(), 3)] == [0, 1, 2]
    with pytest.raises(NotImplementedError, match="has neither __len__ nor"):
        next(iter(type("Nothing", (PyDataset,), {})()))
    with pytest.raises(NotImplementedError, match="has no __getitem__"):
        PyDataset()[0]


def test_fit_takes_a_pydataset():
    dataset = Squares(workers=2)
    model = gazelle.Sequential([gazelle.layers.Dense(1)])
    model.compile("sgd", "mse")
    history = model.fit(dataset, epochs=2, verbose=0)
    assert len(history.history["loss"]) == 2
    assert dataset.events == ["end", "end"]
    assert issubclass(gazelle.utils.Sequence, PyDataset)


WORKED = """
import multiprocessing
import os
import numpy as np
from gazelle.utils import PyDataset


class Pids(PyDataset):
    def __init__(self, lock=False, **more):
        super().__init__(**more)
        self.epoch = 0
        if lock:
            self.lock = multiprocessing.get_context("spawn").Lock()

    def __len__(self):
        return 4

    def __getitem__(self, index):
        return np.full((2, 1), 10 * self.epoch + index), np.full((2, 1), os.getpid(), "int32")

    def on_epoch_end(self):
        self.epoch += 1
"""


@pytest.mark.parametrize("lock", [False, True])
def test_processes_live_for_all_epochs_and_see_what_changes(lock, tmp_path, monkeypatch):
    (tmp_path / "their_data.py").write_text(WORKED)
    monkeypatch.syspath_prepend(str(tmp_path))
    import their_data

    source = make_source(their_data.Pids(lock, workers=1, use_multiprocessing=True))
    chunks = [chunk for epoch in range(2) for chunk in source.chunks(epoch)]
    source.close()
    assert not multiprocessing.active_children()
    x, y = (np.concatenate([np.asarray(c.arrays[part])[: c.stop, 0, 0] for c in chunks]) for part in (0, 1))
    assert x.tolist() == [0, 1, 2, 3, 10, 11, 12, 13]  # what on_epoch_end changed
    assert os.getpid() not in y
    assert len(set(y.tolist())) == (2 if lock else 1)  # a lock reaches only processes that start


@pytest.mark.parametrize(
    "arguments",
    [{"left_size": 0.8}, {"right_size": 3}, {"left_size": 4, "right_size": 5}, {"left_size": 0.25, "right_size": 0.5}],
)
def test_split_as_keras_counts(arguments):
    from keras.src.utils.dataset_utils import _rescale_dataset_split_sizes

    wanted = _rescale_dataset_split_sizes(arguments.get("left_size"), arguments.get("right_size"), 10)
    left, right = gazelle.utils.split_dataset(np.arange(10), **arguments)
    assert (len(left), len(right)) == wanted
    assert [int(x) for x in left] == list(range(wanted[0]))
    assert [int(x) for x in right] == list(range(10 - wanted[1], 10))


def test_split_of_pairs_of_batches_and_shuffled():
    left, right = gazelle.utils.split_dataset((np.arange(6), np.arange(6) * 2), right_size=2)
    assert [(int(x), int(y)) for x, y in right] == [(4, 8), (5, 10)]
    assert [x.shape for x, _ in left.batch(3)] == [(3,), (1,)]
    left, right = gazelle.utils.split_dataset(numbers(10, 4), left_size=0.5)
    assert [x.tolist() for x in left] == [[0, 1, 2, 3], [4]]
    import random

    order = list(range(8))
    random.Random(3).shuffle(order)
    left, right = gazelle.utils.split_dataset(np.arange(8), left_size=0.5, shuffle=True, seed=3)
    assert [int(x) for x in [*left, *right]] == order


@pytest.mark.parametrize(
    ("data", "arguments", "text"),
    [
        (np.arange(4), {}, "expected left_size or right_size, got neither"),
        (np.arange(4), {"left_size": 1.2}, "left_size: expected a fraction between 0 and 1"),
        (np.arange(4), {"left_size": 3, "right_size": 2}, "expected at least one sample on each side, and 4 in all"),
        (np.arange(4), {"left_size": 0.05}, "expected at least one sample on each side"),
        ([np.arange(4), np.arange(3)], {"left_size": 1}, r"expected arrays of one length, got \[3, 4\]"),
        (5, {"left_size": 1}, "expected arrays or a dataset, got int"),
        ([], {"left_size": 1}, "expected arrays of one length, got none"),
    ],
)
def test_split_errors(data, arguments, text):
    with pytest.raises(ValueError, match=text):
        gazelle.utils.split_dataset(data, **arguments)


SERIES = R.normal(size=(20, 2)).astype("float32")


@pytest.mark.parametrize("stride", [1, 3])
@pytest.mark.parametrize("rate", [1, 2])
@pytest.mark.parametrize("edges", [{}, {"start_index": 3}, {"start_index": 2, "end_index": 15}])
@pytest.mark.parametrize("labels", [True, False])
def test_windows_over_a_series(stride, rate, edges, labels):
    targets = np.arange(20) if labels else None
    dataset = gazelle.utils.timeseries_dataset_from_array(
        SERIES, targets, 4, sequence_stride=stride, sampling_rate=rate, batch_size=5, **edges
    )
    first, last = edges.get("start_index", 0), edges.get("end_index", 20)
    wanted = [(SERIES[p : p + 4 * rate : rate], p) for p in range(first, last - 3 * rate, stride)]
    batches = list(dataset)
    assert len(dataset) == len(batches) == -(-len(wanted) // 5)
    x = np.concatenate([b[0] if labels else b for b in batches])
    np.testing.assert_array_equal(x, np.stack([w for w, _ in wanted]))
    if labels:
        assert np.concatenate([y for _, y in batches]).tolist() == [p for _, p in wanted]


def test_windows_shuffled_one_by_one_and_with_few_targets():
    arguments = {"shuffle": True, "seed": 2, "batch_size": None}
    dataset = gazelle.utils.timeseries_dataset_from_array(np.arange(10), np.arange(10), 3, **arguments)
    passes = [[int(y) for _, y in dataset] for _ in range(2)]
    assert sorted(passes[0]) == sorted(passes[1]) == list(range(8))
    assert passes[0] != passes[1]
    short = gazelle.utils.timeseries_dataset_from_array(np.arange(10), np.arange(4), 3)
    assert next(iter(short))[1].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"sampling_rate": 0}, "sampling_rate: expected a number from 1 to 9, got 0"),
        ({"sequence_stride": 10}, "sequence_stride: expected a number from 1 to 9, got 10"),
        ({"start_index": 5, "end_index": 4}, "expected 0 <= start_index < end_index <= 10, got 5 and 4"),
        ({"format": "torch"}, "Unknown format 'torch'"),
    ],
)
def test_window_errors(arguments, text):
    with pytest.raises(ValueError, match=text):
        gazelle.utils.timeseries_dataset_from_array(np.arange(10), None, 3, **arguments)


ROWS = [[1, 2, 3], [4], [], [5, 6, 7, 8, 9]]


@pytest.mark.parametrize("padding", ["pre", "post"])
@pytest.mark.parametrize("truncating", ["pre", "post"])
@pytest.mark.parametrize("maxlen", [None, 2, 4, 7])
@pytest.mark.parametrize("more", [{}, {"dtype": "float32", "value": -1.5}])
def test_padded_as_in_keras(padding, truncating, maxlen, more):
    arguments = {"maxlen": maxlen, "padding": padding, "truncating": truncating, **more}
    wanted, got = keras.utils.pad_sequences(ROWS, **arguments), gazelle.utils.pad_sequences(ROWS, **arguments)
    np.testing.assert_array_equal(got, wanted)
    assert got.dtype == wanted.dtype


def test_padded_vectors_and_words():
    rows = [[[1, 2]], [[3, 4], [5, 6]]]
    np.testing.assert_array_equal(gazelle.utils.pad_sequences(rows), keras.utils.pad_sequences(rows))
    arguments = {"dtype": object, "value": "-"}
    assert gazelle.utils.pad_sequences([["a"], ["b", "c"]], **arguments).tolist() == [["-", "a"], ["b", "c"]]
    with pytest.raises(ValueError, match="Unknown padding 'left'"):
        gazelle.utils.pad_sequences(rows, padding="left")
    with pytest.raises(ValueError, match="expected a number for dtype int32, got '-'"):
        gazelle.utils.pad_sequences([[1]], value="-")
    with pytest.raises(ValueError, match="expected a list of lists, got 1 in it"):
        gazelle.utils.pad_sequences([1, 2])
    with pytest.raises(ValueError, match="Sequence 1"):
        gazelle.utils.pad_sequences([[[1, 2]], [[3]]])


@pytest.mark.parametrize("order", [1, 2, 3, np.inf])
@pytest.mark.parametrize("axis", [-1, 0])
def test_normalized_as_in_keras(order, axis):
    x = R.normal(size=(3, 4))
    got = gazelle.utils.normalize(x, axis, order)
    np.testing.assert_allclose(np.linalg.norm(got, order, axis), 1, rtol=1e-12)
    if axis == -1:  # Keras takes axis 0 for the last when it divides
        np.testing.assert_allclose(got, keras.utils.normalize(x, axis, order), rtol=1e-12)


def test_parts_of_a_batch_as_in_keras():
    for parts in [(1,), (1, 2), (1, 2, 3), ([1, 2],), ((1, 2),), ({"a": 1},), (1, None, 3)]:
        assert gazelle.utils.pack_x_y_sample_weight(*parts) == keras.utils.pack_x_y_sample_weight(*parts)
    for batch in [1, (1,), (1, 2), (1, 2, 3), [1, 2]]:
        assert gazelle.utils.unpack_x_y_sample_weight(batch) == keras.utils.unpack_x_y_sample_weight(batch)
    with pytest.raises(ValueError, match="got 4 parts"):
        gazelle.utils.unpack_x_y_sample_weight((1, 2, 3, 4))


def test_source_inputs():
    a, b = gazelle.Input((3,), name="a"), gazelle.Input((3,), name="b")
    x = gazelle.layers.Dense(3)(a)
    for _ in range(40):  # a walk over all ways would never end
        x = gazelle.layers.Add()([x, x])
    y = gazelle.layers.Concatenate()([x, b, a])
    assert [t.name for t in gazelle.utils.get_source_inputs(y)] == ["a", "b"]


def test_samples_that_are_taken_in_a_loop_are_drawn_again():
    dataset = numbers(100, 4, True)
    taken = [np.concatenate(list(dataset.take(2))).tolist() for _ in range(3)]
    assert len({tuple(each) for each in taken}) == 3
    again = numbers(100, 4, True)
    assert [np.concatenate(list(again.take(2))).tolist() for _ in range(3)] == taken
    first, second = numbers(100, 4, True), numbers(100, 4, True)
    rest, part = first.skip(2), first.take(2)  # of the same permutation
    assert sorted(np.concatenate([*rest, *part]).tolist()) == list(range(100))
    next(iter(second.take(1)))
    assert np.concatenate(list(second)).tolist() == np.concatenate(list(numbers(100, 4, True))).tolist()
