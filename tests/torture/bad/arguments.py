"""Arguments of `compile`, `fit`, `evaluate` and `predict` that cannot be meant."""

import numpy as np

import gazelle
from gazelle import callbacks, layers, optimizers

from .networks import ONE, X, Y, dense, fit, line, two

SGD = optimizers.SGD


def number(name, *values):
    """{case: (fit with that value, its words)} for an argument that is a number."""
    return {
        f"{name}={value!r}": (lambda value=value: fit(dense(), **{name: value}), f"{name}|{value!r}")
        for value in values
    }


NUMBERS = {
    **number("batch_size", 0, -4, 16.0, "16", np.nan),
    **number("epochs", -3, 2.5, "2", None),
    **number("initial_epoch", -1, 1.5, "1", None),
    **number("steps_per_epoch", 0, -2, 2.5, "3"),
    **number("validation_split", 1.5, -0.2, 1.0, "0.2"),
    **number("verbose", "loud", 7),
    **number("validation_freq", 0, -1, 1.5, "2"),
    **number("shuffle", "yes"),
    "initial_epoch beyond epochs": (lambda: fit(dense(), epochs=2, initial_epoch=5), "initial_epoch|5|2"),
    "validation_steps=0": (lambda: fit(dense(), validation_data=(X, Y), validation_steps=0), "validation_steps|0"),
    "validation_batch_size=-1": (
        lambda: fit(dense(), validation_data=(X, Y), validation_batch_size=-1),
        "validation_batch_size|-1",
    ),
    "evaluate with batch_size=0": (lambda: dense().evaluate(X, Y, batch_size=0, verbose=0), "batch_size|0"),
    "evaluate with steps=0": (lambda: dense().evaluate(X, Y, steps=0, verbose=0), "steps|0"),
    "predict with batch_size=-1": (lambda: dense().predict(X, batch_size=-1, verbose=0), "batch_size|-1"),
    "predict with steps='a'": (lambda: dense().predict(X, steps="a", verbose=0), "steps|'a'"),
    "validation_split of one sample": (lambda: fit(dense(), X[:1], Y[:1], validation_split=0.2), "validation_split|1"),
    "validation_data without labels": (lambda: fit(dense(), validation_data=X), "validation_data|(x, y)"),
    "validation_data of four parts": (lambda: fit(dense(), validation_data=(X, Y, Y, Y)), "validation_data|4"),
    "validation_data of text": (lambda: fit(dense(), validation_data="test"), "validation_data|'test'"),
    "validation_from='middle'": (
        lambda: fit(dense(), validation_split=0.25, validation_from="middle"),
        "validation_from|'middle'",
    ),
    "class_weight of text": (lambda: fit(dense(), class_weight={"a": 1.0}), "class_weight|'a'"),
    "class_weight of a list": (lambda: fit(dense(), class_weight=[1.0, 2.0, 1.0]), "class_weight|[1.0, 2.0, 1.0]"),
    "class_weight='balanced'": (lambda: fit(dense(), class_weight="balanced"), "class_weight|'balanced'"),
    "class_weight of an unknown class": (lambda: fit(dense(), class_weight={0: 1.0, 5: 2.0}), "class_weight|5"),
    "class_weight with a text for a weight": (lambda: fit(dense(), class_weight={0: "a"}), "class_weight|'a'"),
    "class_weight of NaN": (lambda: fit(dense(), class_weight={0: float("nan")}), "class_weight|nan"),
    "class_weight for two outputs": (
        lambda: fit(two(), [X, X[:, :2]], [ONE, X[:, :2]], class_weight={0: 1.0}),
        "class_weight|2 outputs",
    ),
    "an unknown argument": (lambda: fit(dense(), epoch=2), "epoch"),
    "resume without keep": (lambda: fit(dense(), resume=True), "resume=True, keep=False"),
}

COMPILED = {
    "fit before compile": (lambda: gazelle.Sequential([layers.Dense(1)]).fit(X, ONE), "fit|before compile"),
    "evaluate before compile": (
        lambda: gazelle.Sequential([layers.Dense(1)]).evaluate(X, ONE),
        "evaluate|before compile",
    ),
    "train_on_batch before compile": (
        lambda: gazelle.Sequential([layers.Dense(1)]).train_on_batch(X, ONE),
        "train_on_batch|before compile",
    ),
    "no loss": (lambda: fit(dense(loss=None)), "loss='mse'"),
    "an unknown loss": (lambda: dense(loss="mean_square_error"), "'mean_square_error'|'mean_squared_error'"),
    "an unknown optimizer": (lambda: dense(optimizer="adma"), "'adma'|'adam'"),
    "an unknown metric": (lambda: fit(dense(metrics=["acuracy"])), "'acuracy'|'accuracy'"),
    "a number for a loss": (lambda: dense(loss=3), "loss|3"),
    "a number for an optimizer": (lambda: dense(optimizer=0.01), "optimizer|0.01"),
    "a number for a metric": (lambda: fit(dense(metrics=[3])), "metric|3"),
    "an optimizer for a loss": (lambda: dense(loss=SGD()), "loss|SGD"),
    "an optimizer class": (lambda: dense(optimizer=SGD), "SGD|SGD()"),
    "a metric class for class numbers": (lambda: fit(dense(metrics=[gazelle.metrics.AUC])), "Metric|auc|(12, 3)|(12,)"),
    "a layer for an optimizer": (lambda: dense(optimizer=layers.Dense(1)), "optimizer|Dense"),
    "one loss too many": (lambda: fit(dense(loss=["mse", "mae"])), "loss|2|scores"),
    "losses of an unknown output": (lambda: fit(dense(loss={"score": "mse"})), "'score'|'scores'"),
    "metrics of an unknown output": (lambda: fit(dense(metrics={"score": "mae"})), "'score'|'scores'"),
    "loss weights of an unknown output": (lambda: fit(dense(loss_weights={"score": 2.0})), "'score'|'scores'"),
    "loss weights of text": (lambda: fit(dense(loss_weights=["a"])), "loss_weights|'a'"),
    "a loss that gives a number": (lambda: fit(dense(1, None, lambda y, p: 1.0), y=ONE), "loss|1.0"),
    "a loss that gives nothing": (lambda: fit(dense(1, None, lambda y, p: None), y=ONE), "loss|None"),
    "a loss of one argument": (lambda: fit(dense(1, None, lambda y: y), y=ONE), "loss|argument"),
    "a loss of text": (lambda: fit(dense(1, None, lambda y, p: "a"), y=ONE), "loss|'a'"),
    "a loss that raises": (lambda: fit(dense(1, None, lambda y, p: y + [0] * 7), y=ONE), "loss"),
    "a metric that gives nothing": (lambda: fit(line(metrics=[lambda y, p: None]), y=ONE), "metric|None"),
    "a metric of one argument": (lambda: fit(line(metrics=[lambda y: y]), y=ONE), "metric|argument"),
    "softmax of one unit": (lambda: fit(dense(1, "softmax", "binary_crossentropy"), y=ONE), "Softmax|scores|sigmoid"),
    "a negative rate": (lambda: SGD(-0.1), "learning_rate|-0.1"),
    "a rate of text": (lambda: SGD("fast"), "learning_rate|'fast'"),
    "a rate of NaN": (lambda: SGD(float("nan")), "learning_rate|nan"),
    "a momentum of 2": (lambda: SGD(0.1, momentum=2.0), "momentum|2.0"),
    "a negative momentum": (lambda: SGD(0.1, momentum=-0.5), "momentum|-0.5"),
    "beta_1 of 1.5": (lambda: optimizers.Adam(beta_1=1.5), "beta_1|1.5"),
    "a negative clipnorm": (lambda: SGD(0.1, clipnorm=-1.0), "clipnorm|-1.0"),
    "two clippings": (lambda: SGD(0.1, clipnorm=1.0, clipvalue=1.0), "clipnorm|clipvalue"),
    "a negative weight decay": (lambda: optimizers.AdamW(weight_decay=-1.0), "weight_decay|-1.0"),
    "an argument no optimizer has": (lambda: SGD(0.1, momentun=0.9), "momentun|momentum"),
    "ema_momentum of 3": (lambda: SGD(0.1, use_ema=True, ema_momentum=3.0), "ema_momentum|3.0"),
    "accumulation of 0 steps": (lambda: SGD(0.1, gradient_accumulation_steps=0), "gradient_accumulation_steps|0"),
    "steps_per_execution=0": (lambda: dense(steps_per_execution=0), "steps_per_execution|0"),
    "an unknown argument of compile": (lambda: dense(metric=["mae"]), "metric"),
}

CALLBACKS = {
    "a callback class": (lambda: fit(dense(), callbacks=[callbacks.EarlyStopping]), "callbacks|EarlyStopping(...)"),
    "a function for a callback": (lambda: fit(dense(), callbacks=[lambda: 0]), "callbacks|LambdaCallback"),
    "a text for a callback": (lambda: fit(dense(), callbacks="early"), "callbacks|'early'"),
    "a number for a callback": (lambda: fit(dense(), callbacks=[3]), "callbacks|3"),
    "EarlyStopping on what is not there": (
        lambda: fit(dense(), callbacks=[callbacks.EarlyStopping("val_acc")]),
        "EarlyStopping|'val_acc'|loss",
    ),
    "ReduceLROnPlateau on what is not there": (
        lambda: fit(dense(), callbacks=[callbacks.ReduceLROnPlateau("val_los")]),
        "ReduceLROnPlateau|'val_los'|loss",
    ),
    "ModelCheckpoint on what is not there": (
        lambda: fit(dense(), callbacks=[callbacks.ModelCheckpoint("m.keras", "val_f1", save_best_only=True)]),
        "ModelCheckpoint|'val_f1'|loss",
    ),
    "ModelCheckpoint with an unknown field": (
        lambda: fit(dense(), callbacks=[callbacks.ModelCheckpoint("{val_los:.2f}.keras")]),
        "ModelCheckpoint|'val_los'",
    ),
    "ModelCheckpoint in a folder": (
        lambda: fit(dense(), callbacks=[callbacks.ModelCheckpoint("/tmp")]),
        "ModelCheckpoint|/tmp",
    ),
    "ModelCheckpoint with save_freq=0": (lambda: callbacks.ModelCheckpoint("m", save_freq=0), "save_freq|0"),
    "ModelCheckpoint with save_freq='batch'": (
        lambda: callbacks.ModelCheckpoint("m", save_freq="batch"),
        "save_freq|'batch'",
    ),
    "EarlyStopping with an unknown mode": (lambda: callbacks.EarlyStopping(mode="low"), "mode|'low'|min"),
    "EarlyStopping with patience=-1": (lambda: callbacks.EarlyStopping(patience=-1), "patience|-1"),
    "EarlyStopping with patience='a'": (lambda: callbacks.EarlyStopping(patience="a"), "patience|'a'"),
    "ReduceLROnPlateau with factor=2": (lambda: callbacks.ReduceLROnPlateau(factor=2.0), "factor|2.0"),
    "ReduceLROnPlateau with factor=0": (lambda: callbacks.ReduceLROnPlateau(factor=0), "factor|0"),
    "a schedule that gives text": (
        lambda: fit(dense(), callbacks=[callbacks.LearningRateScheduler(lambda e: "a")]),
        "LearningRateScheduler|'a'",
    ),
    "a schedule that gives NaN": (
        lambda: fit(dense(), callbacks=[callbacks.LearningRateScheduler(lambda e: float("nan"))]),
        "LearningRateScheduler|nan",
    ),
    "a schedule that gives nothing": (
        lambda: fit(dense(), callbacks=[callbacks.LearningRateScheduler(lambda e: None)]),
        "LearningRateScheduler|None",
    ),
    "a schedule that is no function": (lambda: callbacks.LearningRateScheduler(0.1), "LearningRateScheduler|0.1"),
    "LambdaCallback of an unknown event": (
        lambda: callbacks.LambdaCallback(on_epoch_ends=print),
        "on_epoch_ends|on_epoch_end",
    ),
    "LambdaCallback of text": (lambda: callbacks.LambdaCallback(on_epoch_end="print"), "on_epoch_end|'print'"),
    "CSVLogger where no folder is": (
        lambda: fit(dense(), callbacks=[callbacks.CSVLogger("/nowhere/log.csv")]),
        "/nowhere",
    ),
    "BackupAndRestore without a folder": (lambda: callbacks.BackupAndRestore(""), "backup_dir|''"),
    "BackupAndRestore with save_freq=-1": (lambda: callbacks.BackupAndRestore("b", save_freq=-1), "save_freq|-1"),
    "SwapEMAWeights without averages": (
        lambda: fit(dense(), callbacks=[callbacks.SwapEMAWeights()]),
        "SwapEMAWeights|use_ema",
    ),
}

CASES = {**NUMBERS, **COMPILED, **CALLBACKS}
