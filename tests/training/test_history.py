"""The history: aliases of metrics, and plots."""

import sys
from types import SimpleNamespace

import pytest

from gazelle.core.errors import ArgumentError, StateError
from gazelle.training.callbacks import History


def made(epochs=3, **logs):
    history = History()
    history.set_model(SimpleNamespace())
    history.on_train_begin({})
    for epoch in range(epochs):
        history.on_epoch_end(
            epoch, logs or {"loss": 1.0 / (epoch + 1), "accuracy": 0.5, "val_loss": 1.0, "val_accuracy": 0.25}
        )
    return history


def test_history_answers_to_any_spelling():
    history = made()
    assert history.epoch == [0, 1, 2]
    assert history.history["acc"] == history.history["accuracy"] == [0.5] * 3
    assert history.history["val_acc"] == [0.25] * 3
    assert list(history.history) == ["loss", "accuracy", "val_loss", "val_accuracy"]
    assert history.model.history is history
    assert repr(history) == "<History of 3 epochs: loss 0.3333, accuracy 0.5, val_loss 1, val_accuracy 0.25>"


@pytest.mark.parametrize(
    ("recorded", "key", "text"),
    [
        (["loss"], "val_loss", r"Known: loss\. Pass validation data to fit: validation_split=0\.2 or"),
        (["loss"], "acc", r"Known: loss\. Request it in compile: metrics=\['acc'\]\."),
        (["loss", "val_loss"], "val_auc", r"Request it in compile: metrics=\['auc'\]\."),
        (["loss", "head_accuracy"], "acc", r"\n(?!.*Request)"),
        (["loss"], "los", r"Did you mean 'loss'\?$"),
        (["loss"], "lr", r"Known: loss\.$"),
        ([], "val_loss", r"^Unknown key 'val_loss'\.\nKnown: none\.$"),
    ],
)
def test_the_error_for_what_was_not_recorded_says_how_to_record_it(recorded, key, text):
    history = made(1, **dict.fromkeys(recorded, 0.5)) if recorded else made(0)
    with pytest.raises(KeyError, match=text):
        history.history[key]


def test_history_goes_on_from_its_state():
    fresh = History()
    fresh.restore(made().state())
    fresh.on_epoch_end(3, {"loss": 0.1})
    assert fresh.epoch == [0, 1, 2, 3]
    assert fresh.history["loss"][-1] == 0.1


@pytest.fixture
def pyplot():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    yield pyplot
    pyplot.close("all")


def test_plot_draws_training_and_validation(pyplot, tmp_path):
    figure = made().plot(tmp_path / "curves.png")
    assert (tmp_path / "curves.png").stat().st_size > 5000
    loss, accuracy = [axis for axis in figure.axes if axis.get_visible()]
    assert [loss.get_title(loc="left"), accuracy.get_title(loc="left")] == ["loss", "accuracy"]
    assert [line.get_label() for line in loss.lines] == ["training", "validation"]
    assert list(loss.lines[0].get_xdata()) == [1, 2, 3]
    assert list(accuracy.lines[1].get_ydata()) == [0.25] * 3


def test_plot_draws_chosen_metrics_only(pyplot):
    figure = made().plot(metrics="val_acc")
    assert [axis.get_title(loc="left") for axis in figure.axes] == ["accuracy"]
    with pytest.raises(ArgumentError, match=r"Unknown metric in the history 'los'.\nDid you mean 'loss'"):
        made().plot(metrics=["los"])


def test_plot_puts_rare_validation_where_it_was(pyplot):
    history = made(epochs=4, loss=1.0)
    history.history["val_loss"] = [1.0, 1.0]  # validation_freq=2
    assert list(history.plot().axes[0].lines[1].get_xdata()) == [2, 4]


def test_plot_of_nothing():
    with pytest.raises(StateError, match=r"nothing to plot yet.\nCall fit first"):
        History().plot()


def test_plot_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r'needs matplotlib.\nInstall it: pip install "gazelle\[plot\]"'):
        made().plot()


def test_notebooks_show_a_table_with_names_escaped():
    text = made(loss=0.5, **{"<b>": 1.0})._repr_html_()
    assert "<th>&lt;b&gt;</th><td>1</td><td>–</td>" in text
