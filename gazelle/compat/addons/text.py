"""`tfa.text`: conditional random fields of tags, as functions and as the last part of a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from gazelle.compat.addons.attention import tf
from gazelle.compat.addons.registration import addon
from gazelle.compat.namespaces import namespace
from gazelle.compat.tensorflow.ops import crf
from gazelle.compat.types import Nested, Option, TensorResult
from gazelle.core.types import Config, InitializerLike

_names = {name: value for name, value in vars(crf).items() if name.startswith("crf_") or name == "viterbi_decode"}
globals().update(_names)
__all__ = ["CRFModelWrapper", *_names]
layers: Any = namespace("gazelle.layers")
models: Any = namespace("gazelle.models")
if TYPE_CHECKING:
    from gazelle.layers import Layer
    from gazelle.models import Model as Model
else:
    Model = models.Model  # the class that programs derive from, whose `call` receives tensors


@addon
class CRFModelWrapper(Model, abstract=True):
    """A model whose outputs (batch, steps, features) are followed by a CRF; its loss is -log P(tags).

    `fit` takes the tags (batch, steps), the model returns the best ones.
    """

    def __init__(
        self,
        base_model: Layer,
        units: int,
        chain_initializer: InitializerLike = "orthogonal",
        use_boundary: bool = True,
        boundary_initializer: InitializerLike = "zeros",
        use_kernel: bool = True,
        **kwargs: Option,
    ) -> None:
        super().__init__()
        self.crf_layer = namespace("gazelle.compat.addons.layers").CRF(
            units,
            chain_initializer=chain_initializer,
            use_boundary=use_boundary,
            boundary_initializer=boundary_initializer,
            use_kernel=use_kernel,
            **kwargs,
        )
        vars(self).pop("base_model", None)
        self.base_model = base_model  # after the CRF, as in a list of weights

    def unpack_training_data(self, data: tuple[Any, ...]) -> tuple[Any, Any, Any]:
        """Return (x, y, sample weights or None)."""
        x, y, *weights = data
        return x, y, weights[0] if weights else None

    def call(
        self,
        inputs: Nested[TensorResult],
        training: bool | None = None,
        mask: TensorResult = None,
        return_crf_internal: bool = False,
    ) -> TensorResult:
        tags, potentials, lengths, kernel = self.crf_layer(self.base_model(inputs, training=training, mask=mask))
        return ((potentials, lengths, kernel), tags) if return_crf_internal else tags

    def compute_crf_loss(
        self,
        potentials: TensorResult,
        sequence_length: TensorResult,
        kernel: TensorResult,
        y: TensorResult,
        sample_weight: TensorResult = None,
    ) -> TensorResult:
        """Return the mean of -log P(y), times the weights."""
        losses = -crf.crf_log_likelihood(potentials, y, sequence_length, kernel)[0]
        return tf.reduce_mean(losses if sample_weight is None else losses * sample_weight)

    def train_step(self, data: tuple[Any, ...]) -> dict[str, TensorResult]:
        with tf.GradientTape() as tape:
            loss, results = self._losses(data, training=True)
        variables = self.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return results

    def test_step(self, data: tuple[Any, ...]) -> dict[str, TensorResult]:
        return self._losses(data, training=False)[1]

    def _losses(self, data: tuple[Any, ...], training: bool) -> tuple[TensorResult, dict[str, TensorResult]]:
        x, y, weights = self.unpack_training_data(data)
        (potentials, lengths, kernel), tags = self(x, training=training, return_crf_internal=True)
        of_tags = self.compute_crf_loss(potentials, lengths, kernel, y, weights)
        loss = of_tags + tf.add_n(self.losses) if self.losses else of_tags
        self.compiled_metrics.update_state(y, tags)
        results = {metric.name: metric.result() for metric in self.metrics}
        return loss, {**results, "loss": loss, "crf_loss": of_tags}

    def get_config(self) -> Config:
        """Return the configs of the model and of the CRF."""
        own = self.crf_layer.get_config()
        names = ("units", "chain_initializer", "use_boundary", "boundary_initializer", "use_kernel")
        return {"base_model": layers.serialize(self.base_model), **{name: own[name] for name in names}}

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Self:
        base = layers.deserialize(config["base_model"], custom_objects)
        return cls(base, **{key: value for key, value in config.items() if key != "base_model"})
