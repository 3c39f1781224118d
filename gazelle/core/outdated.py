"""Names of earlier Keras and of other libraries, and what replaces them, for the hints of errors."""

from __future__ import annotations

from collections.abc import Collection

from gazelle.core.errors import ArgumentTypeError, MissingAttributeError, english, message, unknown

#: argument of Keras 1 or 2 -> the current name
ARGUMENTS = {
    "W_constraint": "kernel_constraint",
    "W_regularizer": "kernel_regularizer",
    "atrous_rate": "dilation_rate",
    "b_constraint": "bias_constraint",
    "b_regularizer": "bias_regularizer",
    "bias": "use_bias",
    "border_mode": "padding",
    "dim_ordering": "data_format",
    "dropout_U": "recurrent_dropout",
    "dropout_W": "dropout",
    "filter_length": "kernel_size",
    "init": "kernel_initializer",
    "inner_activation": "recurrent_activation",
    "inner_init": "recurrent_initializer",
    "input": "inputs",
    "lr": "learning_rate",
    "nb_classes": "num_classes",
    "nb_epoch": "epochs",
    "nb_filter": "filters",
    "nb_words": "num_words",
    "output": "outputs",
    "output_dim": "units",
    "p": "rate",
    "pool_length": "pool_size",
    "samples_per_epoch": "steps_per_epoch",
    "subsample": "strides",
    "subsample_length": "strides",
    "theta": "threshold",
}
_REMOVED = ("batch_input_shape", "decay", "max_queue_size", "show_accuracy", "use_multiprocessing", "workers")
#: what replaces the argument decay of optimizers
DECAY = "learning_rate=InverseTimeDecay(rate, 1, decay) of optimizers.schedules"
#: layers that only earlier Keras had
CLASSES = (
    "AtrousConvolution1D",
    "AtrousConvolution2D",
    "BatchwiseNormalization",
    "CuDNNGRU",
    "CuDNNLSTM",
    "Deconvolution2D",
    "Deconvolution3D",
    "FullConvolution1D",
    "FullConvolution2D",
    "Highway",
    "LocallyConnected1D",
    "LocallyConnected2D",
    "MaxoutDense",
    "ParametricSoftplus",
    "SReLU",
    "SampleNormalization",
    "ThresholdedReLU",
    "TimeDistributedDense",
)
#: method of models of Keras 1 or 2 -> what replaces it
METHODS = {
    "evaluate_generator": "evaluate",
    "fit_generator": "fit",
    "predict_classes": "predict(x).argmax(-1), or (predict(x) > 0.5) for one unit",
    "predict_generator": "predict",
    "predict_proba": "predict",
}
_DEVICES = "Arrays are placed by JAX: gazelle.config.devices() lists the devices; mixed_precision sets the dtype."
_WEIGHTS = "Use model.weights or model.trainable_weights; each has a path and a value."
_UPDATES = "fit(x, y) and train_on_batch(x, y) compute and apply gradients; nothing accumulates."
#: method of models or optimizers of PyTorch, Lightning, fastai or scikit-learn -> how gazelle does it
OTHER_LIBRARIES = {
    "backward": _UPDATES,
    "children": "Use model.layers.",
    "cpu": _DEVICES,
    "cuda": _DEVICES,
    "eval": "predict(x) and model(x) compute as in evaluation; model(x, training=True) computes as in training.",
    "fine_tune": "Use fit(x, y); layer.trainable = False freezes a layer before compile.",
    "fit_one_cycle": "Use fit(x, y) with learning_rate=gazelle.optimizers.schedules.OneCycle(rate, total_steps).",
    "fit_transform": "Use fit(x, y), then predict(x).",
    "forward": "Call the model itself: model(x).",
    "half": _DEVICES,
    "load_state_dict": "Use model.load_weights(path) or model.set_weights(arrays).",
    "lr_find": "Use fit(x, y, callbacks=[gazelle.callbacks.LearningRateFinder()]).",
    "modules": "Use model.layers.",
    "named_parameters": _WEIGHTS,
    "param_groups": "Use optimizer.learning_rate.",
    "parameters": _WEIGHTS,
    "requires_grad_": "Use trainable = False, before compile.",
    "score": "Use evaluate(x, y).",
    "state_dict": "Use model.save_weights(path) or model.get_weights().",
    "step": _UPDATES,
    "to": _DEVICES,
    "train": "fit(x, y) trains the model; model(x, training=True) computes as in training.",
    "transform": "Use predict(x).",
    "zero_grad": _UPDATES,
}
RUN = "`gazelle run program.py` runs programs of earlier Keras as they are."


def argument_hint(name: str, known: Collection[str]) -> str:
    """The hint for an unknown argument that earlier Keras had; "" for others. known: the arguments of the call."""
    today = ARGUMENTS.get(name)
    if today is not None and today in known:
        return f"{name!r} of earlier Keras is {today!r} today; {RUN}"
    if name == "decay":
        return f"Use {DECAY}; {RUN}"
    return RUN if today is not None or name in _REMOVED else ""


def missing_attribute(instance: object, name: str) -> object:
    """`__getattr__` of classes that had other methods in earlier Keras: the error for these has a hint."""
    if hint := method_hint(name):
        raise MissingAttributeError(message(f"{type(instance).__name__} has no {name}", hint=hint))
    return object.__getattribute__(instance, name)  # raises the error again, that of a property too


def unknown_argument(owner: str, name: str, known: Collection[str]) -> ArgumentTypeError:
    """The error for an argument that does not exist, with similar names or the one that replaced it.

    Args:
        owner: name of the class or function.
        name: the argument.
        known: the arguments that exist.
    """
    return ArgumentTypeError(english(unknown(f"argument of {owner}", name, known, argument_hint(name, known))))


def method_hint(name: str) -> str:
    """The hint for a method that models or optimizers of earlier Keras or other libraries have; "" for others."""
    return f"Use {METHODS[name]}; {RUN}" if name in METHODS else OTHER_LIBRARIES.get(name, "")


def class_hint(name: object) -> str:
    """The hint for an unknown class that earlier Keras had; "" for others."""
    return (
        f"{name} is a layer of earlier Keras: call gazelle.install() first, or use `gazelle run`."
        if (name in CLASSES)
        else ""
    )
