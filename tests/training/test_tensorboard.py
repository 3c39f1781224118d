"""TensorBoard: the event files, read by their format."""

import json
import struct

import numpy as np
import pytest
from callback_runs import X, Y, fit, made
from tensorboardX.proto.event_pb2 import Event

import gazelle
from gazelle import callbacks
from gazelle.training.callbacks.callback_list import listens_to_batches


def events(folder):
    """{tag: {step: value}} of the event files, read by the format: length, checksum, record, checksum."""
    found = {}
    for file in folder.glob("events.*"):
        content = file.read_bytes()
        while content:
            (length,) = struct.unpack("<Q", content[:8])
            event = Event.FromString(content[12 : 12 + length])
            content = content[16 + length :]
            for value in event.summary.value:
                found.setdefault(value.tag, {})[event.step] = value
    return found


def numbers(folder, tag):
    return {step: value.simple_value for step, value in events(folder)[tag].items()}


def test_tensorboard_by_epochs(tmp_path):
    board = callbacks.TensorBoard(tmp_path, histogram_freq=1, write_images=True)
    assert not listens_to_batches(board, "train")
    history = fit(made(), [board], validation_data=(X, Y))
    train, check = events(tmp_path / "train"), events(tmp_path / "validation")
    assert numbers(tmp_path / "train", "epoch_loss") == pytest.approx(dict(enumerate(history.history["loss"])))
    assert numbers(tmp_path / "validation", "epoch_mae") == pytest.approx(dict(enumerate(history.history["val_mae"])))
    assert numbers(tmp_path / "train", "epoch_learning_rate") == pytest.approx({0: 0.1, 1: 0.1})
    assert (
        train["small/a/kernel/histogram" if "small/a/kernel/histogram" in train else "a/kernel/histogram"][1].histo.num
        == 12
    )
    assert any(tag.endswith("a/kernel/image") for tag in train)
    assert "evaluation_loss_vs_iterations" in check
    graph = json.loads(train["keras"][0].tensor.string_val[0])
    assert train["keras"][0].metadata.plugin_data.plugin_name == "graph_keras_model"
    assert [layer["config"]["name"] for layer in graph["config"]["layers"]][1:] == ["a", "b"]


@pytest.mark.parametrize(("freq", "steps"), [("batch", [1, 2, 3, 4, 5, 6]), (2, [2, 4, 6])])
def test_tensorboard_by_batches(tmp_path, freq, steps):
    board = callbacks.TensorBoard(tmp_path, update_freq=freq, write_steps_per_second=True, write_graph=False)
    assert listens_to_batches(board, "train")
    fit(made(), [board])
    train = events(tmp_path / "train")
    assert sorted(train["batch_loss"]) == steps
    assert sorted(train["batch_steps_per_second"]) == steps
    assert all(value > 0 for value in numbers(tmp_path / "train", "epoch_steps_per_second").values())
    assert "keras" not in train
    assert board.state() == {"_trained": 6, "_tested": 0}


def test_tensorboard_writes_histograms_of_any_weights(tmp_path):
    model = made()
    model.set_weights([np.full(w.shape, 1e30, "float32") for w in model.weights[:2]] + model.get_weights()[2:])
    model.layers[1].kernel.assign(np.full((4, 3), np.nan))
    board = callbacks.TensorBoard(tmp_path, histogram_freq=1, write_graph=False)
    board.set_model(model)
    board._weights(0)
    board.on_train_end()
    found = {tag.rpartition("small/")[2] for tag in events(tmp_path / "train")}
    assert found == {"a/kernel/histogram", "a/bias/histogram", "b/bias/histogram"}


@pytest.mark.parametrize("place", ["log_dir", "nowhere"])
def test_tensorboard_reads_metadata_of_embeddings_in_its_folder(tmp_path, monkeypatch, place):
    written = []
    model = gazelle.Sequential([gazelle.layers.Embedding(2, 3, name="words")])
    model.build((None, 1))
    board = callbacks.TensorBoard(tmp_path, embeddings_freq=1, embeddings_metadata={"words": "names.tsv"})
    board.set_model(model)
    monkeypatch.setattr(board._writer("train"), "add_embedding", lambda *args, **kwargs: written.append(args[1]))
    if place == "log_dir":
        (tmp_path / "names.tsv").write_text("one\ntwo\n")
        board._embeddings(0)
        assert written == [["one", "two"]]
        return
    with pytest.warns(UserWarning, match=r"without metadata: 'names.tsv': expected a file in .*, got no such file"):
        board._embeddings(0)
    assert written == [None]


@pytest.mark.parametrize(("words", "lines"), [("one", ["one", ""]), ("one two three", ["one", "two"])])
def test_tensorboard_fits_metadata_of_embeddings_to_their_rows(tmp_path, words, lines):
    model = gazelle.Sequential([gazelle.layers.Embedding(2, 3, name="words")])
    model.build((None, 1))
    (tmp_path / "names.tsv").write_text("\n".join(words.split()))
    board = callbacks.TensorBoard(tmp_path, embeddings_freq=1, embeddings_metadata="names.tsv")
    board.set_model(model)
    with pytest.warns(UserWarning, match=f"'names.tsv': expected 2 lines, one for each row, got {len(words.split())}"):
        board._embeddings(0)
    assert (tmp_path / "train" / "00000" / "words" / "metadata.tsv").read_text().split("\n")[:2] == lines


def test_tensorboard_rates_of_several_optimizers(tmp_path):
    o = gazelle.optimizers
    several = o.MultiOptimizer(o.OptimizerMap(o.SGD(0.1), {".*b/.*": o.Adam(0.01)}))
    fit(made(several), [callbacks.TensorBoard(tmp_path)])
    assert numbers(tmp_path / "train", "epoch_learning_rate_adam")[1] == pytest.approx(0.01)


def test_tensorboard_refuses(tmp_path):
    with pytest.raises(ValueError, match="update_freq: expected 'epoch', 'batch' or a number > 0, got 'often'"):
        callbacks.TensorBoard(tmp_path, update_freq="often")
    with pytest.raises(ValueError, match="profile_batch: expected a number of at least 0"):
        callbacks.TensorBoard(tmp_path, profile_batch=(5, 2))
