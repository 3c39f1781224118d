"""`keras.utils` of Keras 1 and 2: HDF5Matrix, queues, conversions, and estimators for scikit-learn."""

import hashlib
import tarfile
import zipfile

import numpy as np
import pytest

from gazelle.compat import scikit_learn, utils
from gazelle.compat.namespaces import root
from gazelle.compat.preprocessing.sequence import TimeseriesGenerator

keras = root("keras")


def test_parts_of_a_file(tmp_path):
    import h5py

    rows = np.arange(20.0).reshape(10, 2)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["x"] = rows
    part = utils.HDF5Matrix(tmp_path / "x.h5", "x", start=2, end=8, normalizer=lambda x: x / 2)
    assert (len(part), part.shape, part.ndim, part.size, part.dtype) == (6, (6, 2), 2, 12, np.float64)
    np.testing.assert_array_equal(part[1:3], rows[3:5] / 2)
    np.testing.assert_array_equal(part[-1], rows[7] / 2)
    np.testing.assert_array_equal(part[[0, 5]], rows[[2, 7]] / 2)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, kernel_initializer="ones")])
    np.testing.assert_allclose(model.predict(part, verbose=0)[:, 0], rows[2:8].sum(1) / 2)


def test_queues_go_round():
    data = TimeseriesGenerator(np.arange(8), np.arange(8), length=2, batch_size=3)
    queue = utils.OrderedEnqueuer(data)
    assert not queue.is_running()
    queue.start(workers=2, max_queue_size=4)
    batches = queue.get()
    assert [next(batches)[1].tolist() for _ in range(3)] == [[2, 3, 4], [5, 6, 7], [2, 3, 4]]
    queue.stop()
    assert next(batches, None) is None
    once = utils.GeneratorEnqueuer(iter([1, 2]))
    once.start()
    assert list(once.get()) == [1, 2]


def test_conversions():
    kernel = np.arange(18).reshape(3, 3, 2, 1)
    np.testing.assert_array_equal(utils.convert_kernel(kernel), kernel[::-1, ::-1])
    assert utils.probas_to_classes(np.array([[0.2], [0.7]])).tolist() == [0, 1]
    assert [utils.conv_output_length(10, 3, p, 2) for p in ("same", "valid", "full")] == [5, 4, 6]
    with pytest.raises(ValueError, match="padding 'sam'"):
        utils.conv_output_length(10, 3, "sam", 1)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    assert utils.multi_gpu_model(model, gpus=4) is model


def build(units=4, optimizer="adam"):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(units, activation="softmax")])
    model.compile(optimizer, "categorical_crossentropy")
    return model


def test_estimators_take_what_their_functions_have():
    classifier = scikit_learn.KerasClassifier(build_fn=build, units=3, epochs=2, verbose=0)
    assert classifier.get_params() == {"build_fn": build, "units": 3, "epochs": 2, "verbose": 0}
    classifier.set_params(epochs=1)
    history = classifier.fit(np.random.rand(9, 2), np.array(list("abcabcabc")))
    assert len(history.epoch) == 1
    assert set(classifier.predict(np.random.rand(5, 2))) <= set("abc")
    with pytest.raises(RuntimeError, match=r"expected a model that measures accuracy.*\nWrite metrics=\['accuracy'\]"):
        classifier.score(np.random.rand(3, 2), list("abc"))
    with pytest.raises(ValueError, match=r"expected an argument of build_fn, fit or predict, got 'unit'"):
        scikit_learn.KerasClassifier(build_fn=build, unit=3)
    with pytest.raises(RuntimeError, match="expected fit first, got no model"):
        scikit_learn.KerasRegressor(build_fn=build).predict(np.ones((1, 2)))


def test_a_whole_dataset_of_a_file(tmp_path):
    import h5py

    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["x"] = np.arange(6.0).reshape(3, 2)
    assert utils.HDF5Matrix(tmp_path / "x.h5", "x").shape == (3, 2)


@pytest.mark.parametrize(("untar", "name"), [(True, "words.tar.gz"), (False, "words.zip")])
def test_members_of_an_archive_are_next_to_it(tmp_path, keras_2, untar, name):
    (tmp_path / "a.txt").write_text("hello")
    if untar:
        with tarfile.open(tmp_path / name, "w:gz") as archive:
            archive.add(tmp_path / "a.txt", "words/a.txt")
    else:
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.write(tmp_path / "a.txt", "words/a.txt")
    options = {
        "cache_dir": str(tmp_path / "cache"),
        "file_hash": hashlib.md5((tmp_path / name).read_bytes()).hexdigest(),
    }
    options |= {"untar": True} if untar else {"extract": True}
    for _ in range(2):
        path = keras.utils.get_file("words" if untar else name, (tmp_path / name).as_uri(), **options)
        assert path == str(tmp_path / "cache" / "datasets" / ("words" if untar else name))
        assert (tmp_path / "cache" / "datasets" / "words" / "a.txt").read_text() == "hello"


def test_a_progress_bar_ends_with_means(keras_2, capsys):
    bar = keras.utils.Progbar(4, verbose=2)
    for steps, loss in ((1, 1.0), (2, 0.5), (4, 1 / 3)):
        bar.update(steps, [("loss", loss)])
    assert "loss: 0.5417" in capsys.readouterr().out


def test_labels_of_keras_1_lose_their_axes(keras_1):
    codes = keras.utils.to_categorical([[0, 1], [2, 3]])
    assert codes.tolist() == np.eye(4).tolist()
    assert codes.dtype == "float64"


def test_classes_of_a_single_unit_are_a_column(keras_2):
    def build():
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, activation="sigmoid")])
        model.compile("sgd", "binary_crossentropy")
        return model

    classifier = scikit_learn.KerasClassifier(build, verbose=0)
    classifier.fit(np.eye(2), [0, 1])
    assert classifier.predict(np.eye(2)).shape == (2, 1)


def test_normalized_vectors_are_rows_in_keras_2(keras_2):
    for vector in ([3, 4], np.array([3.0, 4.0])):
        rows = keras_2.utils.normalize(vector)
        assert (type(rows), rows.dtype, rows.tolist()) == (np.ndarray, "float64", [[0.6, 0.8]])
    assert keras_2.utils.normalize([[3, 4], [0, 0]], order=1).tolist() == [[3 / 7, 4 / 7], [0, 0]]
