"""TensorBoard, SwapEMAWeights, RemoteMonitor and OrbaxCheckpoint."""

import http.server
import json
import struct
import sys
import threading
import urllib.parse

import numpy as np
import pytest

import gazelle
from gazelle import callbacks
from gazelle.training.callbacks.callback_list import listens_to_batches

X, Y = np.random.default_rng(0).normal(size=(2, 24, 3)).astype("float32")


def made(optimizer=None, seed=0):
    gazelle.utils.set_random_seed(seed)
    gazelle.utils.clear_session()
    parts = [gazelle.Input((3,)), gazelle.layers.Dense(4, "relu", name="a"), gazelle.layers.Dense(3, name="b")]
    model = gazelle.Sequential(parts, name="small")
    model.compile(optimizer or gazelle.optimizers.SGD(0.1), "mse", metrics=["mae"])
    return model


def fit(model, calls, epochs=2, **words):
    return model.fit(X, Y, batch_size=8, epochs=epochs, verbose=0, callbacks=calls, **words)


def events(folder):
    """{tag: {step: value}} of the event files, read by the format: length, checksum, record, checksum."""
    pb = pytest.importorskip("tensorboardX.proto.event_pb2")
    found = {}
    for file in folder.glob("events.*"):
        content = file.read_bytes()
        while content:
            (length,) = struct.unpack("<Q", content[:8])
            event = pb.Event.FromString(content[12 : 12 + length])
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
    pytest.importorskip("tensorboardX")
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


def test_tensorboard_rates_of_several_optimizers(tmp_path):
    o = gazelle.optimizers
    several = o.MultiOptimizer(o.OptimizerMap(o.SGD(0.1), {".*b/.*": o.Adam(0.01)}))
    fit(made(several), [callbacks.TensorBoard(tmp_path)])
    assert numbers(tmp_path / "train", "epoch_learning_rate_adam")[1] == pytest.approx(0.01)


def test_rates_of_several_optimizers_are_changed_together():
    o = gazelle.optimizers
    model = made(o.MultiOptimizer(o.OptimizerMap(o.SGD(0.1), {".*b/.*": o.Adam(0.01)})))
    halve = callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
    reduce = callbacks.ReduceLROnPlateau("loss", factor=0.1, patience=1, min_delta=100.0, min_lr=0.004)
    history = fit(model, [halve, reduce]).history
    assert history["learning_rate_sgd"] == pytest.approx([0.05, 0.025])
    assert history["learning_rate_adam"] == pytest.approx([0.005, 0.0025])
    assert [float(each.learning_rate) for each in model.optimizer.optimizers] == pytest.approx([0.0025, 0.004])


@pytest.mark.parametrize("size", [2, 5])
def test_batch_events_are_reported_for_groups_of_steps(size):
    seen = []

    class Record(callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            seen.append(("train", batch))

        def on_train_batch_end(self, batch, logs=None):
            seen.append((batch, round(float(logs["loss"]), 5)))

        def on_test_batch_end(self, batch, logs=None):
            seen.append(("test", batch))

        def on_predict_batch_end(self, batch, logs=None):
            seen.append(("predict", batch, len(logs["outputs"])))

    model = made()
    losses = [log["loss"] for log in _batch_logs(model)]
    model = made()
    model.compile("sgd", "mse", steps_per_execution=size)
    model.optimizer.learning_rate = 0.1
    model.fit(X, Y, batch_size=8, shuffle=False, verbose=0, callbacks=[Record()])
    ends = {2: [1, 3], 5: [4]}[size]
    last = [losses[min(end, 2)] for end in ends]
    expected = [e for end, loss in zip(ends, last) for e in (("train", end + 1 - size), (end, round(loss, 5)))]
    assert seen == expected
    seen.clear()
    model.evaluate(X, Y, batch_size=8, verbose=0, callbacks=[Record()])
    model.predict(X, batch_size=8, verbose=0, callbacks=[Record()])
    counts = {2: [16, 8], 5: [24]}[size]
    assert seen == [*(("test", end) for end in ends), *(("predict", *pair) for pair in zip(ends, counts))]


def _batch_logs(model):
    logs = []
    each = callbacks.LambdaCallback(on_train_batch_end=lambda batch, found: logs.append(dict(found)))
    model.fit(X, Y, batch_size=8, shuffle=False, verbose=0, callbacks=[each])
    return logs


def test_a_metric_may_return_a_number():
    def constant(y_true, y_pred):
        return 3.0

    model = made()
    model.compile("sgd", "mse", metrics=[constant])
    assert model.evaluate(X, Y, verbose=0, return_dict=True)["constant"] == 3


def test_tensorboard_refuses(tmp_path):
    with pytest.raises(ValueError, match="update_freq: expected 'epoch', 'batch' or a number > 0, got 'often'"):
        callbacks.TensorBoard(tmp_path, update_freq="often")
    with pytest.raises(ValueError, match="profile_batch: expected a number of at least 0"):
        callbacks.TensorBoard(tmp_path, profile_batch=(5, 2))


def averaged():
    return gazelle.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5)


def test_averages_are_evaluated_and_taken_back():
    plain, swapped = made(averaged()), made(averaged())
    swap = callbacks.SwapEMAWeights()
    history = fit(swapped, [swap], epochs=3, validation_data=(X, Y))
    other = fit(plain, [], epochs=3, validation_data=(X, Y))
    assert history.history["loss"] == pytest.approx(other.history["loss"], rel=1e-6)  # the training is the same
    assert abs(history.history["val_loss"][0] - other.history["val_loss"][0]) > 1e-6
    for a, b in zip(plain.get_weights(), swapped.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


def test_averages_are_what_keras_evaluates():
    keras = pytest.importorskip("keras")
    results = []
    for namespace in (gazelle, keras):
        model = namespace.Sequential([namespace.layers.Input((3,)), namespace.layers.Dense(3)])
        model.compile(namespace.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5), "mse")
        model.set_weights([np.full((3, 3), 0.1, "float32"), np.zeros(3, "float32")])
        swap = namespace.callbacks.SwapEMAWeights(swap_on_epoch=True)
        logs = model.fit(X, Y, batch_size=8, epochs=3, verbose=0, shuffle=False, callbacks=[swap])
        results.append((logs.history["loss"], model.get_weights()))
    assert results[0][0] == pytest.approx(results[1][0], rel=1e-5)
    for a, b in zip(results[0][1], results[1][1], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_no_averages():
    with pytest.raises(RuntimeError, match="expected an optimizer with use_ema=True"):
        fit(made(), [callbacks.SwapEMAWeights()], validation_data=(X, Y))


@pytest.fixture
def server():
    got = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            got.append((self.path, self.headers["Content-Type"], body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{listening.server_port}", got
        listening.shutdown()
        thread.join()


@pytest.mark.parametrize("as_json", [False, True])
def test_remote_monitor(server, as_json):
    root, got = server
    history = fit(made(), [callbacks.RemoteMonitor(root, path="/here/", field="logs", send_as_json=as_json)])
    assert [path for path, _, _ in got] == ["/here/"] * 2
    body = got[1][2] if as_json else urllib.parse.parse_qs(got[1][2])["logs"][0]
    assert json.loads(body)["epoch"] == 1
    assert json.loads(body)["loss"] == pytest.approx(history.history["loss"][1])


def test_remote_monitor_without_a_server():
    with pytest.warns(UserWarning, match=r"RemoteMonitor could not reach http://127.0.0.1:9"):
        callbacks.RemoteMonitor("http://127.0.0.1:9").on_epoch_end(0, {"loss": 1.0})


def test_progbar_logger_shows_what_verbose_says():
    logger = callbacks.ProgbarLogger()
    fit(made(), [logger])
    assert logger.verbose == 0


def test_orbax_checkpoint(tmp_path):
    pytest.importorskip("orbax.checkpoint")
    model = made(gazelle.optimizers.Adam(0.01))
    autosave = callbacks.OrbaxCheckpoint(tmp_path / "run", max_to_keep=2, save_on_background=False)
    fit(model, [autosave], epochs=3)
    assert autosave.manager.all_steps() == [1, 2]
    again = made(gazelle.optimizers.Adam(0.5), seed=1)
    assert callbacks.OrbaxCheckpoint(tmp_path / "run", max_to_keep=None).load_into(again) == 2
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))
    assert float(again.optimizer.learning_rate) == pytest.approx(0.01)
    assert fit(again, [], 1, shuffle=False).history["loss"] == fit(model, [], 1, shuffle=False).history["loss"]
    with pytest.raises(RuntimeError, match=r"has no checkpoint of step 7: expected one of \[1, 2\]"):
        autosave.load_into(again, 7)


@pytest.mark.parametrize("frequency", ["epoch", 2])
@pytest.mark.parametrize("again", [False, True])
def test_a_second_training_continues_the_steps_in_the_folder(frequency, again, tmp_path):
    pytest.importorskip("orbax.checkpoint")

    def made_callback():
        return callbacks.OrbaxCheckpoint(tmp_path, save_freq=frequency, max_to_keep=None)

    model, callback = made(), made_callback()
    fit(model, [callback], epochs=1)
    first = callback.manager.all_steps()
    fit(model, [callback if again else made_callback()], epochs=1)
    steps = made_callback().manager.all_steps()
    assert len(steps) > len(first)
    assert steps[: len(first)] == first


def test_the_folder_of_an_orbax_checkpoint_is_read_as_a_file(tmp_path):
    pytest.importorskip("orbax.checkpoint")
    model = made(gazelle.optimizers.Adam(0.01))
    fit(model, [callbacks.OrbaxCheckpoint(tmp_path / "run"), callbacks.ModelCheckpoint(tmp_path / "m.keras")], epochs=2)
    loaded, other = gazelle.models.load_model(tmp_path / "run"), made(seed=1)
    other.load_weights(tmp_path / "run")
    third = made(seed=2)
    gazelle.saving.load_weights(third, tmp_path / "run")
    for each in (loaded, other, third):
        np.testing.assert_array_equal(each.predict(X, verbose=0), model.predict(X, verbose=0))
    assert fit(loaded, [], 1, shuffle=False).history["loss"] == fit(model, [], 1, shuffle=False).history["loss"]
    assert gazelle.models.load_model(tmp_path / "run", compile=False).optimizer is None
    fit(model, [callbacks.OrbaxCheckpoint(tmp_path / "weights", save_weights_only=True)])
    with pytest.raises(ValueError, match="expected a checkpoint with the model's config, got weights"):
        gazelle.models.load_model(tmp_path / "weights")


def test_orbax_checkpoint_keeps_the_best(tmp_path):
    pytest.importorskip("orbax.checkpoint")
    autosave = callbacks.OrbaxCheckpoint(
        tmp_path, monitor="loss", save_best_only=True, save_weights_only=True, initial_value_threshold=0.0
    )
    fit(made(), [autosave])
    assert autosave.manager.all_steps() == []
    with pytest.raises(ValueError, match="save_freq: expected 'epoch' or a number > 0"):
        callbacks.OrbaxCheckpoint(tmp_path, save_freq="often")


def test_orbax_checkpoint_by_batches(tmp_path):
    pytest.importorskip("orbax.checkpoint")
    autosave = callbacks.OrbaxCheckpoint(tmp_path, save_freq=2, max_to_keep=None, save_on_background=False)
    fit(made(), [autosave])
    assert autosave.manager.all_steps() == [2, 4, 6]


def test_csv_logger_goes_on_after_a_restart(tmp_path):
    file = tmp_path / "run.csv"
    logger = callbacks.CSVLogger(file)
    logger.on_train_begin()
    logger.on_epoch_end(0, {"loss": 0.5})
    kept = logger.state()
    logger.on_train_end()
    again = callbacks.CSVLogger(file)
    again.on_train_begin()
    again.restore(kept)
    again.on_epoch_end(1, {"loss": 0.25})
    again.on_train_end()
    assert file.read_text().splitlines() == ["epoch,loss,val_loss", "0,0.5,NA", "1,0.25,NA"]


def test_tensorboard_without_tensorboardx(tmp_path, monkeypatch):
    events(tmp_path)  # the reader below
    crc = pytest.importorskip("tensorboardX.crc32c").crc32c
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.warns(UserWarning, match=r"TensorBoard writes numbers only: histogram_freq need(.|\n)*tensorboard"):
        history = fit(made(), [callbacks.TensorBoard(tmp_path, histogram_freq=1, update_freq=2)])
    monkeypatch.undo()
    assert numbers(tmp_path / "train", "epoch_loss") == pytest.approx(dict(enumerate(history.history["loss"])))
    assert list(numbers(tmp_path / "train", "batch_loss")) == [2, 4, 6]
    (file,) = (tmp_path / "train").glob("events.*")
    content = file.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    for part, stored in ((content[:8], content[8:12]), (content[12 : 12 + length], content[12 + length :])):
        value = crc(part)
        assert struct.unpack("<I", stored[:4])[0] == (((value >> 15) | (value << 17)) + 0xA282EAD8) & 0xFFFFFFFF
