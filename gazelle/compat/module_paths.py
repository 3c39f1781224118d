"""Modules of earlier versions of Keras, and the current modules that replace them."""

from __future__ import annotations

from gazelle.compat.listed import listed

#: module of gazelle -> paths below `keras.` that it replaces
_OF: dict[str, tuple[str, ...]] = {
    "gazelle.layers": (
        *(
            f"layers.{part}"
            for part in listed("""activation advanced_activations attention base convolutional
                convolutional_recurrent core
                cudnn_recurrent dense_attention embeddings experimental experimental.preprocessing local merging noise
                normalization normalization.instancenormalization normalization_v2 pooling preprocessing
                preprocessing.image_preprocessing recurrent recurrent_v2 regularization
                reshaping rnn wrappers""")
        ),
        "legacy.layers",
    ),
    "gazelle.compat.engine": (
        *(
            f"engine{part}"
            for part in (
                "",
                ".base_layer",
                ".functional",
                ".input_layer",
                ".input_spec",
                ".keras_tensor",
                ".network",
                ".saving",
                ".sequential",
                ".topology",
                ".training",
                ".training_utils",
                ".node",
            )
        ),
        "saving.hdf5_format",
        "saving.legacy.hdf5_format",
    ),
    "gazelle.compat.interfaces": ("legacy", "legacy.interfaces"),
    "gazelle.losses": ("objectives",),
    "gazelle.compat.initializations": ("initializations",),
    "gazelle.initializers": ("initializers.initializers_v1", "initializers.initializers_v2"),
    "gazelle.models": ("experimental", "layers.containers", "saving.save", "models.models"),
    "gazelle.compat.optimizer_modules": ("optimizer_v2", "optimizers.optimizer_v2"),
    "gazelle.optimizers": (
        "optimizers.experimental",
        "optimizers.legacy",
        "optimizer_v1",
        *(
            path
            for name in ("adam", "adagrad", "adadelta", "gradient_descent", "rmsprop", "optimizer_v2")
            for path in (f"optimizer_v2.{name}", f"optimizers.optimizer_v2.{name}", f"optimizers.{name}_v2")
        ),
    ),
    "gazelle.callbacks": listed("""callbacks.callbacks callbacks.experimental callbacks.tensorboard_v1
        callbacks.tensorboard_v2"""),
    "gazelle.backend": listed("""backend.common backend_config backend.load_backend backend.numpy_backend
        backend.tensorflow_backend backend.theano_backend"""),
    "gazelle.utils": tuple(
        f"utils.{part}" if part[0] != "." else f"datasets{part}"
        for part in listed(""".data_utils all_utils conv_utils data_utils dataset_utils generic_utils
            image_dataset io_utils layer_utils text_dataset timeseries_dataset
            losses_utils metrics_utils model_utils multi_gpu_utils np_utils test_utils tf_utils training_utils
            vis_utils visualize_util visualize_plots""")
    ),
    "gazelle.compat.layers.merge": ("layers.merge",),
    "gazelle.compat.preprocessing.image": ("preprocessing.image", "preprocessing.image_gen"),
    "gazelle.compat.preprocessing.text": ("preprocessing.text",),
    "gazelle.compat.preprocessing.sequence": ("preprocessing.sequence",),
    "gazelle.compat.scikit_learn": ("wrappers.scikit_learn",),
    "gazelle.mixed_precision": ("mixed_precision.experimental", "mixed_precision.policy"),
    "gazelle.applications.mobilenet_v2": ("applications.mobilenetv2",),
    "gazelle.applications.resnet": ("applications.resnet_common",),
}
#: path below `keras.` -> the module of gazelle that replaces it
PATHS = {path: namespace for namespace, paths in _OF.items() for path in paths}


def replaced(path: str) -> str | None:
    """The module that replaces one of Keras, also one of a single layer: layers.core.dense."""
    group, _, name = path.rpartition(".")
    inside = PATHS.get(group) == "gazelle.layers" and name == name.lower()
    return PATHS.get(path) or ("gazelle.layers" if inside else None)
