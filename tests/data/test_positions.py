"""Sources that can save their position resume at the same batch, without reading earlier batches again."""

import copy
import json

import numpy as np
import pytest

from gazelle.data import make_source
from gazelle.data.dataset import Dataset
from gazelle.data.positions import UnknownValue, decode, encode

BATCHES = 5


class Grain:
    """The protocol of grain: the iterator has `get_state` and `set_state`, the dataset has nothing."""

    def __init__(self):
        self.reads = 0

    def __iter__(self):
        return GrainIterator(self)


class GrainIterator:
    def __init__(self, data, batches=BATCHES):
        self.data, self.at, self.batches = data, 0, batches

    def __iter__(self):
        return self

    def __next__(self):
        if self.at == self.batches:
            raise StopIteration
        self.at, self.data.reads = self.at + 1, self.data.reads + 1
        return batch(self.at)

    def get_state(self):
        return {"next": self.at}

    def set_state(self, state):
        self.at = state["next"]


class GrainBytes(Grain):
    """Its state is text in bytes, as that of grain's DataLoader."""

    def __iter__(self):
        iterator = GrainIterator(self)
        get, put = iterator.get_state, iterator.set_state
        iterator.get_state = lambda: json.dumps(get()).encode()
        iterator.set_state = lambda state: put(json.loads(state))
        return iterator


class Loader:
    """The protocol of torchdata: the loader has `state_dict`; its order follows from a generator that it saves."""

    def __init__(self):
        self.reads, self.random, self.restored = 0, np.random.default_rng(3), None
        self.order, self.at = None, 0

    def __len__(self):
        return BATCHES

    def __iter__(self):
        if self.restored is None:
            self.order, self.at = self.random.permutation(BATCHES), 0
        self.restored = None
        while self.at < BATCHES:
            self.at, self.reads = self.at + 1, self.reads + 1
            yield batch(self.order[self.at - 1])

    def state_dict(self):
        return {"order": self.order, "at": self.at, "random": self.random.bit_generator.state}

    def load_state_dict(self, state):
        self.order, self.at, self.restored = state["order"], state["at"], True
        self.random.bit_generator.state = state["random"]


class HuggingFace:
    """The protocol of an IterableDataset: every pass begins at the state that was loaded."""

    __module__ = "datasets.iterable_dataset"

    def __init__(self):
        self.reads, self.start, self.current = 0, {"at": 0}, {"at": 0}

    def __iter__(self):
        self.current = copy.deepcopy(self.start)
        while self.current["at"] < BATCHES:
            self.current["at"] += 1
            self.reads += 1
            yield batch(self.current["at"])

    def state_dict(self):
        return copy.deepcopy(self.current)

    def load_state_dict(self, state):
        self.start = state


class BufferShuffledExamples(HuggingFace):
    """Draws from a buffer; its state leaves the content of the buffer out."""

    __module__ = "datasets.iterable_dataset"

    def __iter__(self):
        draw, buffer = np.random.default_rng(0), []
        for element in super().__iter__():
            buffer.append(element)
            if len(buffer) == 3:
                yield buffer.pop(draw.integers(3))
        yield from buffer


class ShuffledHuggingFace(HuggingFace):
    __module__ = "datasets.iterable_dataset"

    def __init__(self):
        super().__init__()
        self.parts = [BufferShuffledExamples()]

    def __iter__(self):
        return iter(self.parts[0])

    def state_dict(self):
        return self.parts[0].state_dict()

    def load_state_dict(self, state):
        self.parts[0].load_state_dict(state)


class Own:
    """A dataset of the library, whose state is its pass and the element."""

    def __new__(cls):
        data = Dataset(lambda number, start: (batch(i + 10 * number) for i in range(start, BATCHES)), BATCHES)
        begin, data.reads = data._begin, 0

        def counted(number, start):
            for element in begin(number, start):
                data.reads += 1
                yield element

        data._begin = counted
        return data


class Endless(Grain):
    """An iterator itself, which never ends."""

    def __new__(cls):
        data = object.__new__(Grain)
        data.reads = 0
        return GrainIterator(data, batches=10**6)


def batch(number):
    return np.full((2, 1), number, "float32"), np.full((2, 1), number, "float32")


def numbers(source, epoch, skip=0, until=None):
    """The batches of an epoch, and the states at each of its steps."""
    got, states = [], {}
    for chunk in source.chunks(epoch, skip):
        for step in range(chunk.stop):
            got.append(int(np.asarray(chunk.arrays[0])[step, 0, 0]))
        states[skip + len(got)] = json.loads(json.dumps(source.state(epoch, skip + len(got))))
    return got, states


KINDS = {
    "grain": (Grain, None),
    "grain, bytes": (GrainBytes, None),
    "grain, short epochs": (Grain, 2),
    "torchdata": (Loader, None),
    "torchdata, short epochs": (Loader, 3),
    "hugging face": (HuggingFace, None),
    "own": (Own, None),
    "iterator": (Endless, 4),
}


@pytest.mark.filterwarnings("ignore:The data ran out")
@pytest.mark.parametrize(("make", "steps"), KINDS.values(), ids=KINDS)
def test_every_stop_is_resumed_without_reading_again(make, steps, monkeypatch):
    monkeypatch.setattr("gazelle.data.stream.steps_of_stream", lambda size: 1)  # a chunk for each batch
    whole = make_source(make(), steps=steps)
    expected, stops = [], {}
    for epoch in range(4):
        got, states = numbers(whole, epoch)
        expected.append(got)
        stops.update({(epoch, step): state for step, state in states.items()})
        stops[epoch + 1, 0] = json.loads(json.dumps(whole.state(epoch + 1, 0)))
    assert len(stops) > 8
    for (epoch, step), state in stops.items():
        if epoch == 4:
            continue
        data = make()
        source = make_source(data, steps=steps)
        source.restore(0, epoch, state)
        assert numbers(source, epoch, step)[0] == expected[epoch][step:], (epoch, step)
        if epoch < 3:
            assert numbers(source, epoch + 1)[0] == expected[epoch + 1], (epoch, step)
        reads = getattr(data, "data", data).reads
        assert reads <= 1 + len(expected[epoch][step:]) + len(expected[epoch + 1] if epoch < 3 else []), (epoch, step)


def test_draws_that_a_position_leaves_out_are_found():
    class Drawing(Loader):
        def __iter__(self):
            for x, y in super().__iter__():
                yield x + np.random.rand(), y

    assert make_source(Drawing()).draws
    assert not make_source(Loader()).draws


def test_a_shuffle_buffer_is_read_again():
    whole = make_source(ShuffledHuggingFace())
    expected = [numbers(whole, epoch)[0] for epoch in range(2)]
    source = make_source(ShuffledHuggingFace())
    source.restore(0, 1, json.loads(json.dumps(whole.state(1, 0))))
    assert numbers(source, 1, 2)[0] == expected[1][2:]


def test_states_that_are_not_asked_for_are_dropped():
    source = make_source(GrainIterator(Grain(), 10**6), steps=1000)
    for _ in source.chunks(0):
        assert len(source._states) <= 100
    assert (1, 0) in source._states


def test_a_state_that_cannot_be_kept_is_stated_once():
    class Odd(Grain):
        def __iter__(self):
            iterator = GrainIterator(self)
            iterator.get_state = lambda: {"file": object()}
            return iterator

    source = make_source(Odd())
    chunks = source.chunks(0)
    next(chunks)
    with pytest.warns(UserWarning, match="position in a Odd is not saved.*: expected a state of .*, got a object"):
        assert source.state(0, 1)["owner"] is None
    assert source.state(0, 1)["owner"] is None


@pytest.mark.parametrize(
    "value",
    [
        None,
        {"a": [1, 2.5, "x", True, (1, (2,))], 3: {"b": b"\x00\xff"}},
        [np.int64(3), np.arange(6, dtype=">i2").reshape(2, 3), np.array(1.5)],
        {"items": {"tuple": 1}, "bytes": "no bytes"},
    ],
)
def test_states_are_text(value):
    again = decode(json.loads(json.dumps(encode(value))))
    np.testing.assert_equal(again, value)
    assert encode(again) == encode(value)


def test_other_values_are_none():
    with pytest.raises(UnknownValue, match="set"):
        encode({"a": {1}})
    assert decode({"at": 3}) == {"at": 3}  # of earlier versions
