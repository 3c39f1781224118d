"""ModelCheckpoint: the same files as Keras 3.15, and errors for mistakes."""

import itertools

import keras
import pytest
from callback_runs import Model, curves, run

from gazelle.core.errors import ArgumentError
from gazelle.training.callbacks import (
    ModelCheckpoint,
)

CHECKPOINTS = [
    {
        "save_freq": "epoch",
        "save_best_only": best,
        "save_weights_only": only,
        "mode": mode,
        "initial_value_threshold": start,
    }
    for best, only, mode, start in itertools.product((False, True), (False, True), ("min", "max", "auto"), (None, 0.9))
] + [{"save_freq": freq, "save_weights_only": only} for freq, only in itertools.product((1, 3, 5, 7), (False, True))]


@pytest.mark.parametrize("arguments", CHECKPOINTS, ids=lambda a: "-".join(map(str, a.values())))
def test_checkpoint_writes_the_files_of_keras(arguments, tmp_path):
    end = ".weights.h5" if arguments["save_weights_only"] else ".keras"
    batch = "" if arguments["save_freq"] == "epoch" else "-{batch}"
    path = tmp_path / ("new/{epoch:02d}" + batch + "-{val_loss:.2f}" + end)
    for seed in range(3):
        logs = [{"loss": 1.0, "val_loss": v} for v in curves(seed)]
        models = Model(), Model()
        for cls, model in zip((ModelCheckpoint, keras.callbacks.ModelCheckpoint), models, strict=True):
            run(cls(path, **arguments), logs, model, batches=5)
        assert models[0].saved == models[1].saved != []
    assert (tmp_path / "new").is_dir()


def test_checkpoint_fields_accept_any_spelling(tmp_path):
    model = Model()
    run(
        ModelCheckpoint(f"{tmp_path}/{{epoch}}-{{val_acc:.1f}}-{{lr}}.anything"),
        [{"val_accuracy": 0.5, "learning_rate": 0.1}],
        model,
    )
    assert model.saved == [("model", f"{tmp_path}/1-0.5-0.1.anything")]


def test_checkpoint_says_which_names_a_path_may_hold(tmp_path):
    with pytest.raises(
        ArgumentError, match=r"Unknown field in ModelCheckpoint's filepath 'val_los'.\nDid you mean 'loss'"
    ):
        run(ModelCheckpoint(tmp_path / "{val_los}.keras"), [{"loss": 1.0}])
    with pytest.raises(ArgumentError, match=r"has a bad field"):
        run(ModelCheckpoint(tmp_path / "{loss:q}.keras"), [{"loss": 1.0}])
    with pytest.raises(ArgumentError, match=r"filepath: expected a file, got the folder"):
        run(ModelCheckpoint(tmp_path), [{"loss": 1.0}])
    (tmp_path / "file").touch()
    with pytest.raises(
        NotADirectoryError, match=r"ModelCheckpoint cannot write into .*file/folder' \(Not a directory\)"
    ):
        ModelCheckpoint(tmp_path / "file" / "folder" / "m.keras").on_train_begin()
    with pytest.raises(ArgumentError, match=r"save_freq: expected 'epoch' or a number > 0, got 'batch'"):
        ModelCheckpoint("x", save_freq="batch")
    with pytest.raises(ArgumentError, match=r"saves every 5 batches, where 'val_loss' is not available"):
        ModelCheckpoint("x", save_freq=5, save_best_only=True)


def test_checkpoint_never_calls_nan_the_best(tmp_path):
    model = Model()
    values = [{"loss": v} for v in (float("nan"), 2.0, float("nan"), 1.0)]
    with pytest.warns(UserWarning, match=r"does not save after epoch [13], with loss nan; the previous file is kept"):
        run(ModelCheckpoint(f"{tmp_path}/{{epoch}}", "loss", save_best_only=True), values, model)
    assert [path[-1] for _, path in model.saved] == ["2", "4"]


def test_checkpoint_keeps_only_the_newest(tmp_path):
    model = Model()
    model.save = lambda path: open(path, "w").close()
    run(ModelCheckpoint(tmp_path / "{epoch}.keras", keep=2), [{"loss": 1.0}] * 4, model)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["3.keras", "4.keras"]


def test_checkpoint_speaks(tmp_path, capsys):
    run(
        ModelCheckpoint("m.keras", "loss", verbose=1, save_best_only=True),
        [{"loss": 1.0}, {"loss": 2.0}, {"loss": 0.5}],
    )
    assert capsys.readouterr().out.splitlines() == [
        "Epoch 1: loss improved from None to 1.00000, saving model to m.keras",
        "Epoch 2: loss did not improve from 1.00000",
        "Epoch 3: loss improved from 1.00000 to 0.50000, saving model to m.keras",
    ]
