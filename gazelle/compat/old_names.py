"""Names of earlier versions of Keras, and the current objects that they refer to."""

from __future__ import annotations

import importlib
import sys
from typing import Any

from gazelle.compat.era import NOTHING
from gazelle.compat.listed import listed, pairs
from gazelle.compat.module_paths import PATHS
from gazelle.core.registry import REGISTRY

_OLD = "gazelle.compat.layers"
_LAYERS = listed("""AtrousConvolution1D AtrousConvolution2D CuDNNGRU CuDNNLSTM Deconvolution2D Deconvolution3D
    Highway InstanceNormalization LocallyConnected1D LocallyConnected2D MaxoutDense Merge ParametricSoftplus
    RandomHeight RandomWidth SReLU ThresholdedReLU TimeDistributedDense merge""")
_METRICS = ("precision", "recall", "fbeta_score", "fmeasure", "matthews_correlation")
_REGULARIZERS = ("activity_l1", "activity_l2", "activity_l1l2", "ActivityRegularizer", "EigenvalueRegularizer")
_OPTIMIZERS = ("SGD", "RMSprop", "Adagrad", "Adadelta", "Adam", "Adamax", "Nadam", "Ftrl")

#: module -> earlier name -> "module:name"; ":name" is in the same module, "module" is a module itself
NAMES: dict[str, dict[str, str]] = {
    "gazelle": pairs("Model=:Model api=gazelle estimator=gazelle.compat.tensorflow.graph_layers:keras_estimator"),
    "gazelle.layers": {
        **{name: f"{_OLD}:{name}" for name in _LAYERS},
        **pairs("""Convolution2DTranspose=:Conv2DTranspose
            DenseFeatures=gazelle.compat.tensorflow.feature_columns:DenseFeatures GlobalAvgPool=:GlobalAveragePooling2D
            PreprocessingLayer=:Layer MaskedLayer=:Layer Model=gazelle.models:Model Node=gazelle.core.symbolic:Node
            Recurrent=gazelle.compat.recurrent:Recurrent Sequential=gazelle.models:Sequential
            SyncBatchNormalization=:BatchNormalization _Conv=gazelle.layers.convolution:BaseConv
            _GlobalPooling1D=:GlobalAveragePooling1D _GlobalPooling2D=:GlobalAveragePooling2D"""),
        "AtrousConv1D": f"{_OLD}:AtrousConvolution1D",
        "AtrousConv2D": f"{_OLD}:AtrousConvolution2D",
        "Deconv2D": f"{_OLD}:Deconvolution2D",
        "Deconv3D": f"{_OLD}:Deconvolution3D",
        "LambdaMerge": f"{_OLD}.merge:LambdaMerge",
        "TimeDistributedMerge": f"{_OLD}.merge:TimeDistributedMerge",
    },
    "gazelle.models": pairs("""Container=:Model Graph=gazelle.compat.graph:Graph InputLayer=gazelle.layers:InputLayer
        Layer=gazelle.layers:Layer Merge=gazelle.compat.layers:Merge slice_X=gazelle.compat.engine:slice_X
        CosineDecay=gazelle.optimizers.schedules:CosineDecay export_saved_model=:save_model
        load_from_saved_model=:load_model model_from_config=gazelle.layers:deserialize
        model_from_yaml=gazelle.saving.h5_format:model_from_yaml"""),
    "gazelle.optimizers": {
        **{name.lower(): f":{name}" for name in _OPTIMIZERS},
        **pairs("Nadam=:Nadam TFOptimizer=:OptaxOptimizer from_config=:deserialize optimizer_from_config=:deserialize"),
    },
    "gazelle.regularizers": {
        **pairs("l1l2=:L1L2 WeightRegularizer=:L1L2 L1L2Regularizer=:L1L2"),
        **{name: f"gazelle.compat.regularizers:{name}" for name in _REGULARIZERS},
    },
    "gazelle.losses": {
        "SigmoidFocalCrossEntropy": ":BinaryFocalCrossentropy",  # of TensorFlow Addons
        "Reduction": "gazelle.compat.losses:Reduction",
        "cosine": ":cosine_similarity",
    },
    "gazelle.constraints": {"maxnorm": ":MaxNorm", "nonneg": ":NonNeg", "unitnorm": ":UnitNorm"},
    "gazelle.metrics": {name: f"gazelle.compat.metrics:{name}" for name in _METRICS},
    "gazelle.utils": pairs("""deserialize_keras_object=:deserialize_keras_object plot=:plot_model
        legacy=gazelle.compat.legacy_serialization slice_arrays=gazelle.compat.engine:slice_X
        print_summary=gazelle.models.summary:summary
        ReductionV2=gazelle.compat.losses:Reduction visualize_util=gazelle.utils"""),
    "gazelle.callbacks": {"BaseLogger": ":Callback"},  # the training loop sums up the logs now
    "gazelle.mixed_precision": {"set_policy": ":set_global_policy"},
    "gazelle.applications.imagenet_utils": {"_obtain_input_shape": "gazelle.compat.utils:obtain_input_shape"},
    "gazelle.wrappers": {},
}
#: current "module.name" -> the object that programs get under this name
REPLACED = {"gazelle.backend.backend": "gazelle.compat.backend.settings:backend"}
#: module -> further module whose public names it also has
ALSO: dict[str, str] = pairs("""gazelle.backend=gazelle.compat.backend
    gazelle.preprocessing=gazelle.compat.preprocessing
    gazelle.preprocessing.image=gazelle.compat.preprocessing.image
    gazelle.preprocessing.sequence=gazelle.compat.preprocessing.sequence gazelle.utils=gazelle.compat.utils""")
#: what the modules of Keras 1 and 2 imported, and `from module import *` with them
_EVERYWHERE = {"K": "gazelle.backend", "np": "numpy"}
#: what single modules imported: keras.models.optimizers, keras.layers.initializations
_INSIDE = listed("""activations backend callbacks constraints initializations initializers layers losses metrics models
    objectives optimizers regularizers utils""")
#: module -> tables of names in configs that were also names of the module: losses.mse, metrics.mean_absolute_error
_TABLES = {
    "losses": ("losses",),
    "metrics": ("losses", "metrics"),
    "initializers": ("initializers",),
    "activations": ("activations",),
    "constraints": ("constraints",),
}


def find(namespace: str, name: str) -> Any:
    """The object that `name` referred to in a module that does not have it now; NOTHING if there is none."""
    where = _EVERYWHERE.get(name) or NAMES.get(namespace, {}).get(name)
    if where is not None:
        return resolve(where, namespace)
    short = namespace.partition(".")[2]
    path = PATHS.get(f"{short}.{name}" if short else name, "")
    if path:
        return importlib.import_module(path)
    for table in _TABLES.get(short, ()):
        if name in REGISTRY[table]:
            return REGISTRY[table][name]
    if namespace in ALSO and (found := _attribute(ALSO[namespace], name)) is not NOTHING:
        return found
    parent = PATHS.get(short)
    if parent and parent != namespace and hasattr(importlib.import_module(parent), name):
        return getattr(importlib.import_module(parent), name)
    if short and name in _INSIDE:
        return importlib.import_module(PATHS.get(name, f"gazelle.{name}"))
    helpers = importlib.import_module("gazelle.compat.private_helpers")
    return getattr(helpers, name.lstrip("_")) if name.lstrip("_") in helpers.NAMES else NOTHING


def resolve(where: str, namespace: str) -> Any:
    """The object at "module:name"; ":name" is in `namespace`, "module" is a module itself."""
    path, _, inner = where.partition(":")
    module = importlib.import_module(path or namespace)
    return getattr(module, inner) if inner else module


def register_classes() -> bool:
    """Register removed classes for the names in configs; False if they are registered already."""
    namespaces = [f"gazelle.compat.{part}" for part in ("layers", "regularizers")]
    missing = [namespace for namespace in namespaces if namespace not in sys.modules]
    for namespace in missing:
        importlib.import_module(namespace)
    return bool(missing)


def legacy_names(namespace: str) -> list[str]:
    """The earlier names that `from module import *` also imports."""
    also = importlib.import_module(ALSO[namespace]) if namespace in ALSO else None
    late = () if "gazelle.compat.tensorflow" in sys.modules else ("DenseFeatures", "estimator")  # they import it
    return [*_EVERYWHERE, *(n for n in NAMES.get(namespace, ()) if n not in late), *getattr(also, "__all__", ())]


def _attribute(namespace: str, name: str) -> Any:
    try:
        return getattr(importlib.import_module(namespace), name, NOTHING)
    except ModuleNotFoundError as error:
        if error.name != namespace:
            raise
        return NOTHING
