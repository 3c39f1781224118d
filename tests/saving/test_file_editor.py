"""KerasFileEditor: weights of files by object, changed and saved for another architecture."""

import numpy as np
import pytest

import gazelle
from gazelle import layers
from gazelle.errors import ArgumentError, DamagedFileError
from gazelle.saving import KerasFileEditor


def made(*names):
    model = gazelle.Sequential([gazelle.Input((2,)), *[layers.Dense(2, name=name) for name in names]])
    model.set_weights([np.full(w.shape, n, "float32") for n, w in enumerate(model.weights)])
    return model


@pytest.mark.parametrize("ending", [".keras", ".weights.h5"])
def test_a_file_is_edited_for_a_longer_model(tmp_path, capsys, ending):
    path = tmp_path / f"short{ending}"
    short, longer = made("a", "b"), made("a", "x", "b")
    (short.save if ending == ".keras" else short.save_weights)(path)
    editor = KerasFileEditor(path)
    assert editor.compare(short) == {"status": "success", "error_count": 0, "match_count": 4}
    assert editor.compare(longer)["error_count"] == 1
    editor.rename_object("dense_1", "dense_2")
    editor.add_object("layers/dense_3", {"0": np.eye(2)})
    editor.rename_object("layers/dense_3", "dense_1")
    assert editor.compare(longer) == {"status": "error", "error_count": 1, "match_count": 5}
    editor.add_weights("dense_1", {"1": np.zeros(3)})
    capsys.readouterr()
    editor.compare(longer)
    assert capsys.readouterr().out == "layers/dense_1, weight 1: (3,) in the file, (2,) in the model\n"
    editor.delete_weight("dense_1", "1")
    editor.add_weights("dense_1", {"1": np.zeros(2)})
    assert editor.compare(longer)["status"] == "success"
    assert np.shape(editor.weights_dict["layers"]["dense_1"]["0"]) == (2, 2)
    editor.save(tmp_path / "longer.weights.h5")
    longer.load_weights(tmp_path / "longer.weights.h5")
    np.testing.assert_array_equal(longer.layers[1].kernel.numpy(), np.eye(2))
    np.testing.assert_array_equal(longer.layers[2].kernel.numpy(), np.full((2, 2), 2))
    editor.delete_object("dense_1")
    assert editor.compare(longer)["error_count"] == 1


def test_objects_that_are_not_there(tmp_path):
    model = made("a")
    model.save_weights(tmp_path / "a.weights.h5")
    editor = KerasFileEditor(tmp_path / "a.weights.h5")
    with pytest.raises(ValueError, match=r"(?s)Unknown object in the file 'dens'.*'layers/dense'"):
        editor.delete_object("dens")
    with pytest.raises(ValueError, match="Unknown weight of layers/dense '2'"):
        editor.delete_weight("dense", "2")
    with pytest.raises(ArgumentError, match="expected a name without '/'"):
        editor.rename_object("dense", "layers/other")
    with pytest.raises(ArgumentError, match=r"expected \{number: array\}"):
        editor.add_object("layers/new", [1])
    with pytest.raises(ArgumentError, match=r"expected a .weights.h5 file"):
        editor.save(tmp_path / "b.keras")
    with pytest.raises(ArgumentError, match=r"expected a .keras or .weights.h5 file"):
        KerasFileEditor(tmp_path / "a.txt")
    (tmp_path / "b.weights.h5").write_text("no weights")
    with pytest.raises(DamagedFileError):
        KerasFileEditor(tmp_path / "b.weights.h5")
