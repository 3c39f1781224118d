"""fit(resume=True) continues only the same training: each difference is reported with both values."""

import os
import sys
import types
import warnings
from pathlib import Path

import jax
import numpy as np
import pytest

import gazelle
from gazelle import Input, Model, Sequential, layers, optimizers
from gazelle.callbacks import (
    BackupAndRestore,
    EarlyStopping,
    LambdaCallback,
    LearningRateScheduler,
    ReduceLROnPlateau,
)
from gazelle.core import prng
from gazelle.core.errors import ArgumentError, StateError
from gazelle.models import resuming
from gazelle.saving import state_file
from gazelle.saving.description import describe_model
from gazelle.saving.program import running_program

RNG = np.random.default_rng(0)
X = RNG.normal(size=(24, 3)).astype("float32")
Y = (X[:, :1] > 0).astype("float32")
CHANGED = X + np.eye(24, 3, dtype="float32")


def stack(units=4, activation="relu", rate=0.1, **dense):
    return Sequential(
        [Input((3,)), layers.Dense(units, activation, **dense), layers.Dropout(rate), layers.Dense(1)], name="changing"
    )


def branches(merge):
    x = Input((3,))
    return Model(x, layers.Dense(1)(merge(layers.Dense(4)(x), layers.Dense(4)(x))), name="changing")


def closer(weight):
    return lambda y_true, y_pred: weight * gazelle.ops.mean((y_true - y_pred) ** 2, axis=-1)


def absolute(y_true, y_pred):
    return gazelle.ops.mean(gazelle.ops.abs(y_true - y_pred), axis=-1)


def scaled_difference(y_true, y_pred):
    return FACTOR * measure(y_true, y_pred)  # noqa: F821 - `reading` gives these names


def reading(**names):
    """That loss in a module with these global variables."""
    return types.FunctionType(scaled_difference.__code__, {"FACTOR": 1.0, "measure": absolute, **names})


def scaling(factor):
    class Scaled(layers.Layer):
        def call(self, x):
            return x * 2 if factor == 2 else x * 3

    class Tripled(layers.Layer):
        def call(self, x):
            return x * 3

    Tripled.__name__ = "Scaled"
    return Sequential([Input((3,)), (Scaled if factor == 2 else Tripled)(), layers.Dense(1)], name="changing")


def frozen():
    model = stack()
    model.layers[0].trainable = False
    return model


class Batches:
    """A dataset with indices; scale: of the samples, random if it is None."""

    def __init__(self, scale=1.0):
        self.scale = scale

    def __len__(self):
        return 3

    def __getitem__(self, index):
        scale = np.random.rand() if self.scale is None else self.scale
        return X[index * 8 : index * 8 + 8] * scale, Y[index * 8 : index * 8 + 8]


def decay(rate):
    return optimizers.schedules.ExponentialDecay(0.1, 10, rate)


#: change -> (the training before it, the training after it, what the error states)
CHANGES = {
    "an argument of the program": ({"argv": ["1"]}, {"argv": ["-1"]}, r"arguments\[0\]: '1' then, '-1' now"),
    "one argument more": ({}, {"argv": ["--fast"]}, r"arguments: \[\] then, \['--fast'\] now"),
    "the seed": ({}, {"seed": 2}, "seed: 1 then, 2 now"),
    "a seed that was not set": ({"seed": None}, {}, "seed: None then, 1 now"),
    "learning rate": ({}, {"optimizer": optimizers.Adam(0.5)}, r"optimizer\.learning_rate: 0.001 then, 0.5 now"),
    "optimizer": ({}, {"optimizer": "sgd"}, r"optimizer: Adam\(learning_rate=0.001.* then, SGD\(.* now"),
    "momentum": (
        {"optimizer": optimizers.SGD(0.1, momentum=0.9)},
        {"optimizer": optimizers.SGD(0.1, momentum=0.5)},
        r"optimizer\.momentum: 0.9 then, 0.5 now",
    ),
    "clipping": (
        {"optimizer": optimizers.SGD(0.1)},
        {"optimizer": optimizers.SGD(0.1, clipnorm=1.0)},
        r"optimizer\.clipnorm: nothing then, 1.0 now",
    ),
    "weight decay": (
        {"optimizer": optimizers.AdamW(0.1, weight_decay=0.1)},
        {"optimizer": optimizers.AdamW(0.1, weight_decay=0.2)},
        r"optimizer\.weight_decay: 0.1 then, 0.2 now",
    ),
    "accumulated gradients": (
        {},
        {"optimizer": optimizers.Adam(gradient_accumulation_steps=2)},
        r"gradient_accumulation_steps: nothing then, 2 now",
    ),
    "a schedule": ({}, {"optimizer": optimizers.Adam(decay(0.5))}, r"learning_rate: 0.001 then, ExponentialDecay\("),
    "a schedule's argument": (
        {"optimizer": optimizers.Adam(decay(0.5))},
        {"optimizer": optimizers.Adam(decay(0.9))},
        r"learning_rate\.decay_rate: 0.5 then, 0.9 now",
    ),
    "loss": ({}, {"loss": "mae"}, r"compile\.loss: 'mse' then, 'mae' now"),
    "a loss's argument": (
        {"loss": gazelle.losses.Huber(1.0)},
        {"loss": gazelle.losses.Huber(2.0)},
        r"compile\.loss\.delta: 1.0 then, 2.0 now",
    ),
    "the code of a loss": (
        {"loss": closer(1.0)},
        {"loss": lambda y_true, y_pred: gazelle.ops.mean((y_true - y_pred) ** 4, axis=-1)},
        r"compile\.loss: '<lambda> \(code \w{8}\)' then, '<lambda> \(code \w{8}\)' now",
    ),
    "what a loss closes over": ({"loss": closer(1.0)}, {"loss": closer(2.0)}, r"compile\.loss: .*code"),
    "a function as loss": ({"loss": closer(1.0)}, {"loss": absolute}, r"'<lambda> .* then, 'absolute \(code"),
    "a constant that a loss reads": (
        {"loss": reading(FACTOR=1.0)},
        {"loss": reading(FACTOR=2.0)},
        r"compile\.loss: 'scaled_difference \(code",
    ),
    "a function that a loss calls": (
        {"loss": reading(measure=closer(1.0))},
        {"loss": reading(measure=absolute)},
        r"compile\.loss: 'scaled_difference \(code",
    ),
    "a constant array that a loss reads": (
        {"loss": reading(FACTOR=np.ones(1))},
        {"loss": reading(FACTOR=np.zeros(1))},
        r"compile\.loss: 'scaled_difference \(code",
    ),
    "rates of a callback": (
        {"callbacks": [LearningRateScheduler(lambda epoch, rate: rate * 0.5)]},
        {"callbacks": [LearningRateScheduler(lambda epoch, rate: rate * 0.9)]},
        r"callbacks\[0\]\.schedule: '<lambda> \(code \w{8}\)' then",
    ),
    "an argument of a callback": (
        {"callbacks": [ReduceLROnPlateau("loss", factor=0.5)]},
        {"callbacks": [ReduceLROnPlateau("loss", factor=0.2)]},
        r"callbacks\[0\]\.factor: 0.5 then, 0.2 now",
    ),
    "a callback that may end the training": (
        {},
        {"callbacks": [EarlyStopping("loss")]},
        r"callbacks: \[\] then, \[\{'class': 'EarlyStopping'",
    ),
    "loss weights": ({"loss_weights": [1.0]}, {"loss_weights": [2.0]}, r"loss_weights\[0\]: 1.0 then, 2.0 now"),
    "metrics": ({}, {"metrics": ["mae"]}, r"compile\.metrics: None then, \['mae'\] now"),
    "a metric's argument": (
        {"metrics": [gazelle.metrics.BinaryAccuracy(threshold=0.5)]},
        {"metrics": [gazelle.metrics.BinaryAccuracy(threshold=0.4)]},
        r"metrics\[0\]\.threshold: 0.5 then, 0.4 now",
    ),
    "weighted metrics": ({}, {"weighted_metrics": ["mae"]}, r"weighted_metrics: None then, \['mae'\] now"),
    "units": ({}, {"model": lambda: stack(5)}, r"model\.dense\.units: 4 then, 5 now"),
    "activation": ({}, {"model": lambda: stack(4, "tanh")}, r"model\.dense\.activation: 'relu' then, 'tanh' now"),
    "dropout": ({}, {"model": lambda: stack(rate=0.2)}, r"model\.dropout\.rate: 0.1 then, 0.2 now"),
    "initializer": (
        {},
        {"model": lambda: stack(kernel_initializer="he_normal")},
        r"dense\.kernel_initializer: 'GlorotUniform' then, 'HeNormal' now",
    ),
    "regularizer": (
        {},
        {"model": lambda: stack(kernel_regularizer=gazelle.regularizers.L2(0.1))},
        r"dense\.kernel_regularizer: nothing then, L2\(.*0.1\) now",
    ),
    "a bias": ({}, {"model": lambda: stack(use_bias=False)}, r"model\.dense\.use_bias: True then, False now"),
    "a layer more": (
        {},
        {"model": lambda: Sequential([*stack().layers, layers.Dense(1)], name="changing")},
        r"(?s)model\.calls\[4:\].*model\.dense_2: nothing then, Dense\(units=1",
    ),
    "a frozen layer": ({}, {"model": frozen}, r"model\.dense\.trainable: nothing then, False now"),
    "precision": (
        {},
        {"model": lambda: stack(dtype="mixed_bfloat16")},
        r"model\.dense\.dtype: nothing then, 'mixed_bfloat16' now",
    ),
    "kind of model": (
        {},
        {"model": lambda: branches(lambda a, b: a + b)},
        r"model: Sequential\(.* then, Functional\(.* now",
    ),
    "calls of a graph": (
        {"model": lambda: branches(lambda a, b: a + b)},
        {"model": lambda: branches(lambda a, b: a + a + 0 * b)},
        r"model\.calls\[2:\]: \[.*add#3.* then, \[.*multiply#4",
    ),
    "a merging layer": (
        {"model": lambda: branches(lambda a, b: layers.Add()([a, b]))},
        {"model": lambda: branches(lambda a, b: layers.Multiply()([a, b]))},
        r"(?s)calls\[3\]: .*model\.add: Add\(.* then, nothing now.*model\.multiply: nothing then",
    ),
    "the code of a layer": (
        {"model": lambda: scaling(2)},
        {"model": lambda: scaling(3)},
        r"model\.scaled: Scaled \(code \w{8}\)\(.*\) then, Scaled \(code \w{8}\)",
    ),
    "x": ({}, {"x": CHANGED}, r"data\.x: 'float32 \(n, 3\), first rows \w{8}' then, 'float32 \(n, 3\), first rows"),
    "y": ({}, {"y": 1 - Y}, r"data\.y: 'float32 \(n, 1\), first rows \w{8}' then"),
    "dtype of y": ({}, {"y": Y.astype("int32")}, r"data\.y: 'float32 .* then, 'int32"),
    "number of samples": ({}, {"x": X[:20], "y": Y[:20]}, r"data\.samples: 24 then, 20 now"),
    "sample weights": (
        {},
        {"sample_weight": np.arange(24)},
        r"data\.sample_weight: nothing then, 'int32 \(n\), first rows",
    ),
    "class weights": ({}, {"class_weight": {0: 1.0, 1: 2.0}}, r"data\.class_weight: nothing then, \{'0': 1.0"),
    "batch size": ({}, {"batch_size": 4}, r"data\.batch_size: 8 then, 4 now"),
    "order of the samples": ({}, {"shuffle": False}, r"data\.shuffle: True then, False now"),
    "steps per epoch": ({}, {"steps_per_epoch": 2}, r"data\.steps_per_epoch: nothing then, 2 now"),
    "samples for validation": ({}, {"validation_split": 0.25}, r"(?s)samples: 24 then, 18.*validation_split: nothing"),
    "validation data": (
        {"validation_data": (X, Y)},
        {"validation_data": (CHANGED, Y)},
        r"validation\.x: 'float32 \(n, 3\), first rows \w{8}' then",
    ),
    "a generator instead of arrays": ({}, {"x": Batches(), "y": None}, r"data\.source: nothing then, 'Batches' now"),
    "the first batch of a dataset": (
        {"x": Batches(), "y": None},
        {"x": Batches(2.0), "y": None},
        r"(?s)data\.x: 'float32 \(n, 3\), first rows \w{8}' then.*yields other data if it was used before",
    ),
    "fewer epochs than finished": ({}, {"epochs": 1}, "epochs: 2 finished then, 1 now"),
}


@pytest.fixture(autouse=True)
def _program(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["/p/train.py"])
    monkeypatch.setattr(prng, "_given", None)


def train(
    monkeypatch,
    argv=(),
    seed=1,
    model=stack,
    optimizer="adam",
    loss="mse",
    resume=True,
    in_new_process=True,
    **arguments,
):
    """One training of a program."""
    if in_new_process:
        resuming.checkpoints.reset()
    monkeypatch.setattr(sys, "argv", ["/p/train.py", *argv])
    if seed is None:
        monkeypatch.setattr(prng, "_given", None)
    else:
        gazelle.utils.set_random_seed(seed)
    model = model()
    compiled = {name: arguments.pop(name, None) for name in ("loss_weights", "metrics", "weighted_metrics")}
    if isinstance(optimizer, optimizers.Optimizer):  # that of a new process
        optimizer = optimizer.from_config(optimizer.get_config())
    model.compile(optimizer, loss, **compiled)
    defaults = {"x": X, "y": Y, "epochs": 2, "verbose": 0}
    if not isinstance(arguments.get("x"), Batches):
        defaults["batch_size"] = 8
    return model.fit(resume=resume, **{**defaults, **arguments})


@pytest.fixture
def _untrained(monkeypatch):
    """Checkpoints as of a training that is finished, without the time of it."""
    from gazelle.training.loop import Fit

    def run(self, epochs):
        self.progress.epoch = max(self.progress.epoch, epochs)
        self.trainer.live.flush()
        self.autosave.finish(self.progress.snapshot)

    monkeypatch.setattr(Fit, "run", run)


def test_there_are_forty_of_them():
    assert len(CHANGES) >= 40


@pytest.mark.usefixtures("_untrained")
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_named(change, monkeypatch):
    before, after, text = CHANGES[change]
    train(monkeypatch, **before)
    with pytest.raises(StateError, match=text) as caught:
        train(monkeypatch, **after)
    for part in ("another training, '", ".state'", "resume='force' continues", "checkpoint='folder'"):
        assert part in str(caught.value)


SAME = {
    "nothing": ({}, {}),
    "more epochs": ({}, {"epochs": 3}),
    "callbacks that only report": ({}, {"callbacks": [LambdaCallback(on_epoch_end=print)]}),
    "more epochs, by an option": ({"argv": ["--epochs", "2"]}, {"argv": ["--epochs", "3"], "epochs": 3}),
    "an option that requests resuming": ({"resume": False}, {"argv": ["--resume"], "resume": True}),
    "names of layers": ({}, {"model": lambda: gazelle.models.clone_model(stack())}),
    "a model read from JSON": ({}, {"model": lambda: gazelle.models.model_from_json(stack().to_json())}),
    "a dataset that draws": ({"x": Batches(None), "y": None}, {"x": Batches(None), "y": None}),
}


@pytest.mark.usefixtures("_untrained")
@pytest.mark.parametrize("case", SAME)
def test_no_difference(case, monkeypatch):
    before, after = SAME[case]
    train(monkeypatch, **before)
    train(monkeypatch, **after)


@pytest.mark.usefixtures("_untrained")
def test_an_object_that_cannot_be_described_does_not_end_a_training(monkeypatch):
    def fail(model):
        raise RuntimeError("an attribute of the user")

    monkeypatch.setattr("gazelle.models.fingerprint.describe_model", fail)
    train(monkeypatch)
    with pytest.raises(StateError, match=r"state'\.\n  compile\.loss: 'mse' then, 'mae' now\nresume="):
        train(monkeypatch, loss="mae")


@pytest.mark.usefixtures("_untrained")
def test_arguments_that_a_version_does_not_have_are_not_compared(monkeypatch):
    train(monkeypatch)
    monkeypatch.setattr("gazelle.saving.fingerprint.__version__", "0.2.0")
    described = dict(describe_model(stack()))
    described["dense"] = {"new": True, **described["dense"]}
    monkeypatch.setattr("gazelle.models.fingerprint.describe_model", lambda model: described)
    train(monkeypatch)
    described["dense"]["units"] = 5
    with pytest.raises(StateError, match=r"state'\.\n  model\.dense\.units: 4 then, 5 now\nresume="):
        train(monkeypatch)


RATED = {
    "one": (lambda: optimizers.Adam(0.1), lambda optimizer: optimizer),
    "scaled": (lambda: optimizers.LossScaleOptimizer(optimizers.Adam(0.1)), lambda optimizer: optimizer),
    "several": (
        lambda: optimizers.MultiOptimizer(optimizers.OptimizerMap(optimizers.Adam(0.1), {})),
        lambda optimizer: optimizer.optimizers[0],
    ),
}


@pytest.mark.parametrize("kind", RATED)
def test_rates_that_callbacks_changed_are_no_difference(kind, monkeypatch):
    make, part = RATED[kind]
    lower = LambdaCallback(on_epoch_end=lambda epoch, logs: part(model.optimizer).learning_rate.assign(0.01))
    resuming.checkpoints.reset()
    for again in range(3):
        if again != 1:  # the cell with the model runs again, or only that with fit
            model = stack()
            model.compile(make(), "mse")
        resuming.checkpoints._resumed.clear()
        model.fit(X, Y, verbose=0, resume=True, callbacks=[lower])
    part(model.optimizer).learning_rate.assign(0.02)
    resuming.checkpoints._resumed.clear()
    with pytest.raises(StateError, match=r"learning_rate: 0\.1 then, 0\.02 now"):
        model.fit(X, Y, verbose=0, resume=True)


def test_a_finished_training_says_so(monkeypatch, capsys):
    first = train(monkeypatch)
    again = train(monkeypatch, verbose=2)
    assert again.history == first.history
    assert capsys.readouterr().out.startswith("Training had finished after epoch 2; nothing to do. Larger epochs")
    longer = train(monkeypatch, epochs=3, verbose=2)
    assert longer.history["loss"][:2] == first.history["loss"]
    assert "Resuming after epoch 2.\nEpoch 3/3" in capsys.readouterr().out


def test_a_training_that_a_callback_ended_says_so(monkeypatch, capsys):
    def stop(epoch, logs):
        callback.model.stop_training = True

    callback = LambdaCallback(on_epoch_end=stop)
    train(monkeypatch, callbacks=[callback])
    train(monkeypatch, verbose=2)
    assert "A callback had ended training in epoch 1; nothing to do" in capsys.readouterr().out


def test_force_continues_a_training_that_a_callback_ended(monkeypatch):
    def patient(patience):
        return [EarlyStopping("loss", patience=patience, min_delta=10.0)]

    assert len(train(monkeypatch, epochs=9, callbacks=patient(1)).history["loss"]) == 2
    assert len(train(monkeypatch, epochs=9, callbacks=patient(1)).history["loss"]) == 2
    with pytest.raises(StateError, match=r"callbacks\[0\]\.patience: 1 then, 3 now"):
        train(monkeypatch, epochs=9, callbacks=patient(3))
    assert len(train(monkeypatch, epochs=9, callbacks=patient(3), resume="force").history["loss"]) == 4


def test_without_a_checkpoint_it_says_that_it_starts(monkeypatch, capsys):
    train(monkeypatch, verbose=2)
    assert capsys.readouterr().out.startswith("There is no checkpoint of this training yet: it starts from the begin")


def test_force_continues_with_the_settings_of_now(monkeypatch, capsys):
    first = train(monkeypatch, optimizer=optimizers.SGD(0.1))
    other = {"optimizer": optimizers.SGD(0.2), "loss": "mae", "metrics": ["mse"], "batch_size": 4}
    second = train(monkeypatch, epochs=3, resume="force", verbose=2, **other)
    assert second.history["loss"][:2] == first.history["loss"]
    assert second.model.optimizer.learning_rate.numpy() == np.float32(0.2)
    text = capsys.readouterr().out
    assert text.startswith("Resuming another training, as resume='force' requests:")
    assert "compile.optimizer.learning_rate: 0.1 then, 0.2 now" in text
    assert train(monkeypatch, epochs=3, **other).history == second.history  # the checkpoint is of this training now
    third = train(monkeypatch, epochs=4, resume="force", optimizer="adam")
    assert len(third.history["loss"]) == 4
    fourth = train(monkeypatch, epochs=5, resume="force", x=Batches(), y=None)
    assert len(fourth.history["loss"]) == 5


def test_force_alone_restores_all(monkeypatch):
    decayed = [LearningRateScheduler(lambda epoch, rate: rate * 0.5)]
    first = train(monkeypatch, callbacks=decayed)
    second = train(monkeypatch, x=CHANGED, resume="force")
    for mine, its in zip(first.model.optimizer.variables, second.model.optimizer.variables, strict=True):
        np.testing.assert_array_equal(mine.numpy(), its.numpy())


def test_a_checkpoint_of_an_earlier_version(monkeypatch):
    write = state_file.write_state

    def old(path, tensors, meta, **metadata):
        write(path, tensors, {k: v for k, v in meta.items() if k != "fingerprint"}, **metadata)

    monkeypatch.setattr("gazelle.saving.rotation.write_state", old)
    first = train(monkeypatch)
    with pytest.warns(UserWarning, match=r"by an earlier version of gazelle\.\nIt does not contain its program"):
        assert train(monkeypatch, loss="mae").history == first.history


def test_a_folder_of_ones_own(monkeypatch, tmp_path):
    first = train(monkeypatch, checkpoint=tmp_path / "a")
    assert list((tmp_path / "a").glob("changing.?.state"))
    second = train(monkeypatch, loss="mae", checkpoint=tmp_path / "b")
    assert train(monkeypatch, checkpoint=tmp_path / "a").history == first.history
    assert train(monkeypatch, loss="mae", checkpoint=tmp_path / "b").history == second.history
    with pytest.raises(StateError, match=r"compile\.loss: 'mse' then, 'mae' now"):
        train(monkeypatch, loss="mae", checkpoint=tmp_path / "a")


def test_each_folder_counts_its_own_trainings(monkeypatch, tmp_path):
    """One that another program trained is continued by the first fit with that folder, also after one elsewhere."""
    first = train(monkeypatch, checkpoint=tmp_path / "a")
    train(monkeypatch)
    assert train(monkeypatch, checkpoint=tmp_path / "a", in_new_process=False).history == first.history
    train(monkeypatch, checkpoint=tmp_path / "a", in_new_process=False)
    assert {path.name for path in (tmp_path / "a").glob("*.a.state")} == {"changing.a.state", "changing.fit2.a.state"}


def test_an_error_in_a_step_that_consumed_the_state_is_reported(monkeypatch):
    def fail(self, run, *args):
        for leaf in jax.tree.leaves(self.take()):
            leaf.delete() if isinstance(leaf, jax.Array) else None
        raise RuntimeError("out of memory")

    monkeypatch.setattr("gazelle.training.live_state.LiveState.step", fail)
    with pytest.raises(RuntimeError, match="out of memory"):
        train(monkeypatch)


@pytest.mark.usefixtures("_untrained")
def test_trainings_of_one_process_do_not_take_each_others_checkpoints(monkeypatch):
    """One that is resumed, one that is not, and one that is resumed, in a program that runs twice."""
    for _ in range(2):
        train(monkeypatch)
        train(monkeypatch, resume=False, x=CHANGED, in_new_process=False)
        train(monkeypatch, y=1 - Y, in_new_process=False)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"resume": "yes"}, r"resume: expected True, False or 'force', got 'yes'"),
        ({"resume": False, "checkpoint": "a", "keep": False}, r"checkpoint='a', keep=False.*\n?Leave keep out"),
        (
            {"resume": False, "checkpoint": "a", "callbacks": [BackupAndRestore("b")]},
            r"(?s)checkpoint=.* with BackupAndRestore.*leave checkpoint out",
        ),
    ],
)
def test_arguments_that_contradict(arguments, text, monkeypatch):
    with pytest.raises(ArgumentError, match=text):
        train(monkeypatch, **arguments)


def test_backup_and_restore_continues_with_a_warning(monkeypatch, tmp_path):
    """As in Keras it continues in any case."""

    def backup():
        return [BackupAndRestore(tmp_path / "backup", delete_checkpoint=False)]

    first = train(monkeypatch, resume=False, callbacks=backup())
    with pytest.warns(UserWarning, match=r"(?s)BackupAndRestore continues another training.*loss: 'mse' then, 'mae'"):
        second = train(monkeypatch, resume=False, loss="mae", callbacks=backup())
    assert second.history == first.history


DRAWING = {
    "data": {"x": Batches(None), "y": None},
    "a callback": {"callbacks": [LambdaCallback(on_epoch_end=lambda epoch, logs: np.random.rand())]},
}


@pytest.mark.parametrize("source", DRAWING)
def test_draws_from_the_global_generator_are_warned_of(source, monkeypatch):
    train(monkeypatch, **DRAWING[source])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train(monkeypatch, **DRAWING[source])  # finished
    with pytest.warns(
        UserWarning, match=r"not exactly: .* draws from the global generator.*\nDraw from a separate generator"
    ):
        train(monkeypatch, epochs=3, **DRAWING[source])


@pytest.fixture
def shell(monkeypatch):
    """As in a notebook: the shell of IPython, which counts the cells that run."""
    shell = types.SimpleNamespace(kernel=None, user_ns={}, execution_count=0)
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell))
    monkeypatch.setenv("JPY_SESSION_NAME", "/home/a.ipynb")
    resuming.checkpoints.reset()
    return shell


@pytest.mark.usefixtures("_untrained")
def test_cells_of_a_notebook(shell, monkeypatch, capsys):
    """The trainings of a cell are counted from its beginning; a model without a name is found by its structure."""

    def unnamed(units=4):
        return Sequential([Input((3,)), layers.Dense(units), layers.Dense(1)])

    def cell(*trainings):
        shell.execution_count += 1
        for arguments in trainings:
            train(monkeypatch, in_new_process=False, **{"model": unnamed, **arguments})
        return sorted({path.name for path in checkpoints.glob("*.a.state")})

    checkpoints = Path(os.environ["GAZELLE_HOME"], "latest", running_program().folder)
    folds = [{"x": X + fold} for fold in range(2)]
    first, second = cell(*folds)
    assert second == first.replace(".a.", ".fit2.a.")
    assert cell(*folds) == cell(folds[1]) == [first, second]  # alone, the second is found too
    with pytest.raises(StateError, match=r"compile\.loss: 'mse' then, 'mae' now\nresume=.*from the beginning\.$"):
        cell({**folds[0], "loss": "mae"})
    third = cell({**folds[0], "loss": "mae", "resume": False})[-1]  # the cell was changed and runs without resume
    assert third == first.replace(".a.", ".fit3.a.")
    assert cell({**folds[0], "loss": "mae"}, folds[0]) == [first, second, third]
    assert len(cell({**folds[0], "model": lambda: unnamed(5), "verbose": 2})) == 4  # another model
    text = (
        "starts from the beginning.\nThe last checkpoint here is of another model:\n  model.dense.units: 4 then, 5 now"
    )
    assert text in capsys.readouterr().out
