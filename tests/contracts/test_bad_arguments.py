"""Wrong constructor arguments of every class: each is an error that names the argument and its value.

The cases follow from the signatures: for each parameter, by its annotation, values of a wrong type, NaN, a negative
number, an unknown name. What is accepted at construction is also called, or traced, as a step of training does.
"""

import collections
import importlib.util
import inspect
import math
import pathlib
import re
import warnings

import jax
import numpy as np
import pytest

import gazelle
from gazelle import optimizers
from gazelle.core.errors import GazelleError
from gazelle.core.registry import REGISTRY
from gazelle.core.serialization import deserialize
from gazelle.training import callbacks as callback_module
from gazelle.training.callbacks import Callback, CallbackList

_spec = importlib.util.spec_from_file_location("programs", pathlib.Path(__file__).parents[1] / "engine/programs.py")
programs = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(programs)

NAN = math.nan
#: parts of an annotation -> values that it does not include
BY_TYPE = {
    "float": ["a", NAN, [1.0, "b"]],
    "int": ["a", 1.5, -7, NAN],
    "Literal": ["no_such", 3],
    "InitializerLike": ["no_such", 3.5],
    "ActivationLike": ["no_such", 3.5],
    "RegularizerLike": ["no_such", "l3"],
    "ConstraintLike": ["no_such", 3.5],
}
#: (parameter, value) that is right, or that only data can show to be wrong -> the reason
RIGHT = {
    ("MLflowTracker.experiment", "'no_such'"): "any text is the name of an experiment",
    ("MLflowTracker.uri", "'no_such'"): "the server tells at the start of a run",
    ("WandbTracker.project", "'no_such'"): "any text is the name of a project",
    ("WandbTracker.folder", "'no_such'"): "the folder is made at the start of a run",
    ("ignore_class", "-7"): "any integer is a label that may be ignored",
    ("seed", "-7"): "seeds are any integers",
    ("salt", "-7"): "so are salts",
    ("fill_value", "-7"): "pads with any number",
    ("mask_value", "-7"): "a category may be any integer or text",
    ("mask_value", "'a'"): "the same",
    ("mask_token", "-7"): "the same",
    ("mask_token", "'a'"): "the same",
    ("oov_token", "-7"): "the same",
    ("oov_token", "'a'"): "the same",
    ("verbose", "-7"): "means 1, as in Keras",
    ("monitor", "'no_such'"): "fit knows the names of the logs, and says it",
    ("separator", "'no_such'"): "any text separates columns",
    ("root", "'no_such'"): "any text is part of an address",
    ("path", "'no_such'"): "the same",
    ("field", "'no_such'"): "any text is the name of a field",
    ("preferred_backend", "'no_such'"): "accepted as in Keras, without effect",
    ("IoU.axis", "-7"): "class indices have no axis of scores",
    ("MeanIoU.axis", "-7"): "the same",
    ("IntegerLookup.salt", "1.5"): "that it needs oov_method='farmhash' is said first",
    ("IntegerLookup.salt", "nan"): "the same",
    ("PiecewiseConstantDecay.values", "'a'"): "that there are too few is said first",
    ("PiecewiseConstantDecay.values", "[1.0, 'b']"): "that there are too few is said first",
}
NEEDED = {
    "ExponentialDecay": {"initial_learning_rate": 0.1, "decay_steps": 5, "decay_rate": 0.9},
    "InverseTimeDecay": {"initial_learning_rate": 0.1, "decay_steps": 5, "decay_rate": 0.9},
    "PolynomialDecay": {"initial_learning_rate": 0.1, "decay_steps": 5},
    "CosineDecay": {"initial_learning_rate": 0.1, "decay_steps": 5},
    "CosineDecayRestarts": {"initial_learning_rate": 0.1, "first_decay_steps": 5},
    "OneCycle": {"maximum_learning_rate": 0.1, "total_steps": 5},
    "WarmUp": {"learning_rate": 0.1, "warmup_steps": 5},
    "PiecewiseConstantDecay": {"boundaries": [5, 7], "values": [0.1, 0.2, 0.3]},
    "BackupAndRestore": {"backup_dir": "b"},
    "CSVLogger": {"filename": "log.csv"},
    "LearningRateScheduler": {"schedule": lambda epoch: 0.1},
    "ModelCheckpoint": {"filepath": "m.keras"},
    "OrbaxCheckpoint": {"directory": "c"},
}
PARENTS = {"LearningRateSchedule", "Initializer", "Regularizer", "Constraint", "Given", "STFT"}
SQUARE = np.ones((3, 3), np.float32)


def _wrong_values(name, annotation):
    text = str(annotation)
    if "Callable" in text or name in ("fn", "dtype"):
        return []
    if text in ("str", "str | None"):
        return [3] if name == "name" else ["no_such", 3]
    found = [value for kind, values in BY_TYPE.items() if kind in text for value in values]
    return list({repr(value): value for value in found}.values())


def _parameters(cls):
    """{name: annotation} of the parameters that a constructor takes, also through **kwargs of its parents'."""
    if not isinstance(cls, type):
        return {name: p.annotation for name, p in inspect.signature(cls).parameters.items()}
    found = {}
    for base in cls.__mro__[:-1]:
        if "__init__" in vars(base):
            parameters = inspect.signature(inspect.unwrap(vars(base)["__init__"])).parameters.values()
            for p in parameters:
                if p.name != "self" and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL):
                    found.setdefault(p.name, p.annotation)
            if not any(p.kind is p.VAR_KEYWORD for p in parameters):
                break
    return found


def _use_layer(layer, name):
    dtype = "int32" if name in programs.rows.WHOLE else "float32"
    inputs = [gazelle.Input(shape[1:], dtype=dtype) for shape in programs.rows.LAYERS[name][1]]
    layer(*inputs) if name in programs.rows.SEPARATE or len(inputs) == 1 else layer(inputs)


def _use_loss(loss, name):
    jax.eval_shape(loss, *programs._pair(name))


def _use_metric(metric, name):
    given = programs._pair(name)[1:] if name in ("Mean", "Sum") else programs._pair(name)
    metric._build(*(one.shape for one in given)) if len(given) == 2 else None
    values = [jax.ShapeDtypeStruct(v.shape, v.dtype) for v in metric.variables]
    jax.eval_shape(lambda v, *g: metric.stateless_result(metric.stateless_update_state(v, *g)), values, *given)


def _use_optimizer(optimizer, name):
    w = {"kernel": SQUARE}
    jax.eval_shape(lambda w: optimizer.update(w, w, optimizer.init(w), optimizer.hyper(), np.int32(0)), w)


def _classes(namespace):
    classes = {c for c in REGISTRY[namespace].values() if isinstance(c, type)}  # without those of earlier Keras
    return sorted([c for c in classes if not c.__module__.startswith("gazelle.compat.")], key=lambda c: c.__name__)


def _subjects(kind):
    """(class, arguments that it needs, what uses an object)."""
    if kind == "layers":
        for name, (arguments, _) in programs.rows.LAYERS.items():
            made = {key: deserialize(v) if isinstance(v, dict) else v for key, v in arguments.items()}
            yield REGISTRY["layers"][name], made, _use_layer
    elif kind == "callbacks":
        for cls in [getattr(callback_module, name) for name in callback_module.__all__]:
            if isinstance(cls, type) and issubclass(cls, Callback) and not issubclass(cls, CallbackList):
                yield cls, NEEDED.get(cls.__name__, {}), lambda callback, name: None
    elif kind in ("losses", "metrics", "optimizers"):
        use = {"losses": _use_loss, "metrics": _use_metric, "optimizers": _use_optimizer}[kind]
        for name in programs.KINDS[{"losses": "loss", "metrics": "metric", "optimizers": "optimizer"}[kind]][0]:
            needed = {"LossScaleOptimizer": {"inner_optimizer": optimizers.Adam()}, "AUC": {"multi_label": True}}
            yield REGISTRY[kind][name], programs._WORDS.get(name, needed.get(name, {})), use
    elif kind == "functions":
        for name, arguments in _functions().items():
            yield getattr(gazelle.utils, name), arguments, lambda result, name: None
    else:
        use = {"optimizers.schedules": lambda it, name: it(3), "initializers": lambda it, name: it((3, 3))}
        for cls in _classes(kind):
            if cls.__name__ not in PARENTS:
                yield cls, NEEDED.get(cls.__name__, {}), use.get(kind, lambda it, name: it(SQUARE))


def _functions():
    """{name: arguments} of functions that make data, with a folder of files in the current one."""
    for folder in ("a", "b"):
        pathlib.Path(folder).mkdir()
        pathlib.Path(folder, "1.txt").write_text("some words", encoding="utf-8")
        gazelle.utils.save_img(f"{folder}/1.png", np.zeros((4, 4, 3)))
    series = {"data": SQUARE, "targets": SQUARE[0], "sequence_length": 2}
    return {
        "array_to_img": {"x": np.zeros((4, 4, 3))},
        "image_dataset_from_directory": {"directory": ".", "image_size": (4, 4), "verbose": False},
        "img_to_array": {"img": np.zeros((4, 4, 3))},
        "load_img": {"path": "a/1.png", "target_size": (2, 2)},
        "normalize": {"x": SQUARE},
        "pad_sequences": {"sequences": [[1, 2], [3]]},
        "split_dataset": {"dataset": SQUARE, "left_size": 0.5},
        "text_dataset_from_directory": {"directory": ".", "verbose": False},
        "timeseries_dataset_from_array": series,
        "to_categorical": {"x": [0, 1, 2]},
    }


def _outcome(call, name, value):
    """ "clear", "silent", or the text of an error that is not of gazelle, or lacks the argument or its value."""
    with warnings.catch_warnings(record=True):
        warnings.simplefilter("always")
        try:
            call()
        except GazelleError as error:
            text = str(error)
            words = (
                name,
                name.split("_")[0],
                name.split("_")[-1],
                name.replace("axes", "axis"),
            )  # `lora_rank` is the rank of a layer
            named = any(w in text for w in words) and str(value) in text
            return "clear" if named or "Unknown argument" in text or "multiple values" in text else text
        except Exception as error:
            return f"{type(error).__name__}: {error}"
    return "silent"


#: kind -> the number of its cases on the page, which `make bad-arguments` writes
PAGE = pathlib.Path(__file__).parents[2] / "docs" / "bad-arguments.md"
ROWS = re.findall(r"^\| ([\w.]+) \| ([\d,]+) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
KINDS = {kind: int(cases.replace(",", "")) for kind, cases in ROWS if kind != "all"}


def test_the_page_has_every_kind():
    assert [*KINDS] == [
        *("layers", "losses", "metrics", "optimizers", "optimizers.schedules", "initializers", "regularizers"),
        *("constraints", "callbacks", "functions"),
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_wrong_arguments_are_named(kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    outcomes, unclear = collections.Counter(), {}
    for cls, needed, use in _subjects(kind):
        use(cls(**needed), cls.__name__)
        for name, annotation in _parameters(cls).items():
            for value in _wrong_values(name, annotation):
                if {(name, repr(value)), (f"{cls.__name__}.{name}", repr(value))} & RIGHT.keys():
                    continue
                found = _outcome(lambda: use(cls(**{**needed, name: value}), cls.__name__), name, value)  # noqa: B023
                outcomes[found if found in ("clear", "silent") else "unclear"] += 1
                if found != "clear":
                    unclear[f"{cls.__name__}({name}={value!r})"] = found[:150]
    print(f"{kind}: {dict(outcomes)}", *unclear.items(), sep="\n")
    assert not unclear
    assert sum(outcomes.values()) == KINDS[kind], "docs/bad-arguments.md is of other cases: run `make bad-arguments`"
