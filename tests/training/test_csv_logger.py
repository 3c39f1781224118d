"""CSVLogger: the same files as Keras 3.15, also after a restart."""

import keras
import numpy as np
import pytest
from callback_runs import run

from gazelle import callbacks
from gazelle.core.errors import ArgumentError
from gazelle.training.callbacks import (
    CSVLogger,
)

LOGGED = [
    [
        {"loss": 0.5, "accuracy": 0.25, "val_loss": 1.5, "val_accuracy": 0.1},
        {"loss": 0.4, "accuracy": 0.5, "val_loss": 1, "val_accuracy": 1},
    ],
    [{"loss": 0.5}, {"loss": 0.25, "val_loss": 1.0}],
    [{"loss": 1e-9, "b": np.float32(0.1), "a": np.array(2.0), "many": np.array([1, 2])}],
]


@pytest.mark.parametrize("logs", LOGGED, ids=["validated", "late", "arrays"])
@pytest.mark.parametrize("separator", [",", ";"])
@pytest.mark.parametrize("append", [False, True])
def test_csv_is_written_as_by_keras(logs, separator, append, tmp_path):
    for cls, name in ((CSVLogger, "ours"), (keras.callbacks.CSVLogger, "theirs")):
        for _ in range(2):  # a second run appends, or starts again
            run(cls(tmp_path / name, separator=separator, append=append), logs)
    assert (tmp_path / "ours").read_bytes() == (tmp_path / "theirs").read_bytes()


def test_csv_does_not_mix_columns(tmp_path):
    run(CSVLogger(tmp_path / "log"), [{"loss": 1.0}])
    with pytest.raises(
        ArgumentError, match=r"cannot append .*expected columns \['epoch', 'loss', 'val_loss'\], got columns"
    ):
        run(CSVLogger(tmp_path / "log", append=True), [{"loss": 1.0, "acc": 0.5}])


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
