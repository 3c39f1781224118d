"""Combinations of random image layers: RandAugment, AugMix, RandomColorJitter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Unpack

import jax
import jax.numpy as jnp

from gazelle.core.types import Array, ArrayLike
from gazelle.layers.image.base import ImageLayer, Transformation, interval
from gazelle.layers.image.color import (
    RandomBrightness,
    RandomColorDegeneration,
    RandomContrast,
    RandomHue,
    RandomSaturation,
)
from gazelle.layers.image.geometry import RandomRotation, RandomShear, RandomTranslation
from gazelle.layers.image.histogram import AutoContrast, Equalization
from gazelle.layers.image.sharpness import RandomSharpness
from gazelle.layers.image.tone import RandomPosterization, Solarization

if TYPE_CHECKING:
    from gazelle.layers.options import OptionsOfImageLayer

GEOMETRY = ("random_shear", "random_translation", "random_rotation")
LIGHT = ("random_brightness", "random_color_degeneration", "random_contrast", "random_sharpness")
VALUES = ("random_posterization", "solarization", "auto_contrast", "equalization")


def _layers(owner: Any, names: tuple[str, ...], **kwargs: Any) -> None:
    """Give `owner` the layers of these names as attributes, all of its factor, range and seed."""
    f, options = owner.factor, {**kwargs, "seed": owner.seed, "data_format": owner.data_format}
    range_, seedless = {**options, "value_range": owner.value_range}, {**kwargs, "data_format": owner.data_format}
    seedless["value_range"] = owner.value_range
    warped = {**options, "interpolation": owner.interpolation}
    made = {
        "random_shear": lambda: RandomShear(x_factor=f, y_factor=f, **warped),
        "random_translation": lambda: RandomTranslation(height_factor=f, width_factor=f, **warped),
        "random_rotation": lambda: RandomRotation(f, **warped),
        "random_brightness": lambda: RandomBrightness(f, **range_),
        "random_color_degeneration": lambda: RandomColorDegeneration(f, **range_),
        "random_contrast": lambda: RandomContrast(f, **range_),
        "random_sharpness": lambda: RandomSharpness(f, **range_),
        "solarization": lambda: Solarization(f, f, **range_),
        "random_posterization": lambda: RandomPosterization(max(1, int(8 * f[1])), **range_),
        "auto_contrast": lambda: AutoContrast(**seedless),
        "equalization": lambda: Equalization(**seedless),
    }
    for name in names:
        setattr(owner, name, made[name]())


class RandAugment(ImageLayer):
    """Random sequence of `num_ops` of eleven random image layers in training.

    x (height, width, channels) or (batch, ...)  ->  y (same shape). The layers are drawn for each batch, with
    replacement.

    Args:
        value_range: (low, high) of the pixel values.
        num_ops: Number of layers.
        factor: Strength from 0 to 1, or two numbers.
        interpolation: 'bilinear' or 'nearest', for the geometric layers.
        seed: Seed of the random numbers; None derives it from the global seed.
        data_format: Position of the channel axis, 'channels_last' or 'channels_first'; None for the global setting.
        **kwargs: `bounding_box_format`, the format of boxes in the input such as 'xyxy', and arguments of `Layer`:
            `name`, `dtype`, `trainable` and others.

    Raises:
        ArgumentError: `factor` is out of range.

    References:
        Cubuk et al., RandAugment: Practical Automated Data Augmentation (NeurIPS 2020).

    Example:
        >>> RandAugment(seed=1)(jnp.ones((2, 4, 4, 3))).shape
        (2, 4, 4, 3)
    """

    names = (*GEOMETRY, *LIGHT, *VALUES)

    def __init__(
        self,
        value_range: Sequence[float] = (0, 255),
        num_ops: int = 2,
        factor: float | Sequence[float] = 0.5,
        interpolation: str = "bilinear",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Unpack[OptionsOfImageLayer],
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.factor = interval("factor of RandAugment", factor, (0, 1), loose=True)
        _layers(self, self.names, **{key: v for key, v in kwargs.items() if key in ("dtype", "bounding_box_format")})

    def draw(self, keys: Iterator[Any], batch: int, height: int, width: int, images: Array) -> Transformation:
        return {
            "layer_idxes": jax.random.randint(next(keys), (self.num_ops,), 0, len(self.names)),
            "transforms": {
                name: getattr(self, name).get_random_transformation(images, seed=next(keys)) for name in self.names
            },
        }

    def transform_images(self, images: Array, transformation: Transformation = None, training: bool = True) -> Array:
        return self._each("transform_images", jnp.asarray(images, self.compute_dtype), transformation, training)

    def transform_segmentation_masks(
        self, segmentation_masks: ArrayLike, transformation: Transformation = None, training: bool = True
    ) -> Array:
        masks = jnp.asarray(segmentation_masks)
        return self._each("transform_segmentation_masks", masks, transformation, training)

    def transform_bounding_boxes(
        self, bounding_boxes: Mapping[str, Any], transformation: Transformation = None, training: bool = True
    ) -> Mapping[str, Any]:
        return self._each("transform_bounding_boxes", bounding_boxes, transformation, training)

    def _each(self, method: str, x: Any, transformation: Any, training: bool) -> Any:
        if not training or transformation is None:
            return x
        ways = [
            lambda x, name=name, how=how: jax.tree.map(
                lambda new, old: new.astype(old.dtype), getattr(getattr(self, name), method)(x, how), x
            )
            for name, how in transformation["transforms"].items()
        ]
        # Only the layer that was drawn runs, and all are compiled once.
        return jax.lax.scan(lambda x, i: (jax.lax.switch(i, ways, x), None), x, transformation["layer_idxes"])[0]


class AugMix(ImageLayer):
    """Random mixture of chains of random image layers in training:  y = w x + (1 - w) Σ_i m_i chain_i(x).

    x (height, width, channels) or (batch, ...)  ->  y (same shape);  m ~ Dirichlet(alpha),  w ~ Beta(alpha, alpha)

    Args:
        value_range: (low, high) of the pixel values.
        num_chains: Number of chains.
        chain_depth: Number of layers per chain; a layer may be the identity.
        factor: Strength of the layers from 0 to 1, or two numbers.
        alpha: Parameter of the distributions.
        all_ops: Whether changes of brightness, contrast, color and sharpness are included.
        interpolation: 'bilinear' or 'nearest', for the geometric layers.
        seed: Seed of the random numbers; None derives it from the global seed.
        data_format: Position of the channel axis, 'channels_last' or 'channels_first'; None for the global setting.
        **kwargs: `bounding_box_format`, the format of boxes in the input such as 'xyxy', and arguments of `Layer`:
            `name`, `dtype`, `trainable` and others.

    Raises:
        ArgumentError: `factor` is out of range.

    References:
        Hendrycks et al., AugMix: A Simple Data Processing Method (ICLR 2020).

    Example:
        >>> AugMix(seed=1)(jnp.ones((2, 4, 4, 3))).shape
        (2, 4, 4, 3)
    """

    def __init__(
        self,
        value_range: Sequence[float] = (0, 255),
        num_chains: int = 3,
        chain_depth: int = 3,
        factor: float | Sequence[float] = 0.3,
        alpha: float = 1.0,
        all_ops: bool = True,
        interpolation: str = "bilinear",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Unpack[OptionsOfImageLayer],
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.factor = interval("factor of AugMix", factor, (0, 1), loose=True)
        self.names = (*GEOMETRY, *VALUES, *(LIGHT if all_ops else ()))
        _layers(self, self.names, **{key: v for key, v in kwargs.items() if key == "dtype"})

    def draw(self, keys: Iterator[Any], batch: int, height: int, width: int, images: Array) -> Transformation:
        links = jax.random.split(next(keys), (self.num_chains, self.chain_depth))
        return {
            "chain_mixing_weights": jax.random.dirichlet(next(keys), jnp.full(self.num_chains, self.alpha)),
            "weight_sample": jax.random.beta(next(keys), self.alpha, self.alpha),
            "chain_transforms": jax.vmap(jax.vmap(lambda key: self._link(key, images)))(links),
        }

    def _link(self, key: Any, images: Any) -> Any:
        """One step of a chain: the number of a layer (the last is none), and what each would do."""
        keys = self._keys(key)
        index = jax.random.randint(next(keys), (), 0, len(self.names) + 1)
        hows = {name: getattr(self, name).get_random_transformation(images, seed=next(keys)) for name in self.names}
        return {"index": index, "transforms": hows}

    def transform_images(self, images: Array, transformation: Transformation = None, training: bool = True) -> Array:
        x = jnp.asarray(images, self.compute_dtype)
        if not training or transformation is None:
            return x
        return jnp.clip(self._mixed("transform_images", x, transformation), *self.value_range)

    def transform_segmentation_masks(
        self, segmentation_masks: ArrayLike, transformation: Transformation = None, training: bool = True
    ) -> Array:
        masks = jnp.asarray(segmentation_masks)
        if not training or transformation is None:
            return masks
        return self._mixed("transform_segmentation_masks", masks, transformation)

    def _mixed(self, method: str, x: Any, transformation: Any) -> Any:
        chains, weights = transformation["chain_transforms"], jnp.asarray(transformation["chain_mixing_weights"])
        if isinstance(chains, dict):  # all steps of all chains stacked: each layer is compiled once

            def followed(chain: Any) -> Any:
                return jax.lax.scan(lambda x, link: (self._step(method, x, link), None), x, chain)[0]

            out = jax.lax.map(followed, chains)
        else:  # drawn in Python, as Keras does
            out = jnp.stack([self._followed(method, x, chain) for chain in chains])
        fraction = transformation["weight_sample"]
        mixed = fraction * x + (1 - fraction) * jnp.tensordot(weights, out, 1)
        return mixed.astype(x.dtype if jnp.issubdtype(x.dtype, jnp.floating) else "float32")

    def _step(self, method: str, x: Any, link: Any) -> Any:
        ways = [
            lambda x, name=name: getattr(getattr(self, name), method)(x, link["transforms"][name]).astype(x.dtype)
            for name in self.names
        ]
        return jax.lax.switch(link["index"], [*ways, lambda x: x], x)

    def _followed(self, method: str, x: Any, chain: Any) -> Any:
        for link in chain:
            x = getattr(getattr(self, link["layer_name"]), method)(x, link["transformation"])
        return x


class RandomColorJitter(ImageLayer):
    """Random changes of brightness, contrast, saturation and hue in training, in this order.

    x (height, width, 3) or (batch, ...)  ->  y (same shape)

    Args:
        value_range: (low, high) of the pixel values.
        brightness_factor: `factor` of `RandomBrightness`; None for no change.
        contrast_factor: `factor` of `RandomContrast`; None for no change.
        saturation_factor: `factor` of `RandomSaturation`; None for no change.
        hue_factor: `factor` of `RandomHue`; None for no change.
        seed: Seed of the random numbers; None derives it from the global seed.
        data_format: Position of the channel axis, 'channels_last' or 'channels_first'; None for the global setting.
        **kwargs: `bounding_box_format`, the format of boxes in the input such as 'xyxy', and arguments of `Layer`:
            `name`, `dtype`, `trainable` and others.

    Raises:
        ArgumentError: A factor is out of range.

    Example:
        >>> RandomColorJitter(brightness_factor=0.2, hue_factor=0.1, seed=1)(jnp.ones((2, 4, 4, 3))).shape
        (2, 4, 4, 3)
    """

    def __init__(
        self,
        value_range: Sequence[float] = (0, 255),
        brightness_factor: float | Sequence[float] | None = None,
        contrast_factor: float | Sequence[float] | None = None,
        saturation_factor: float | Sequence[float] | None = None,
        hue_factor: float | Sequence[float] | None = None,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Unpack[OptionsOfImageLayer],
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        parts = {
            "random_brightness": (RandomBrightness, brightness_factor),
            "random_contrast": (RandomContrast, contrast_factor),
            "random_saturation": (RandomSaturation, saturation_factor),
            "random_hue": (RandomHue, hue_factor),
        }
        self.steps = [name for name, (_, factor) in parts.items() if factor is not None]
        options = {"value_range": value_range, "seed": seed, "data_format": data_format, "dtype": kwargs.get("dtype")}
        for name in self.steps:
            kind, factor = parts[name]
            setattr(self, name, kind(factor, **options))

    def draw(self, keys: Iterator[Any], batch: int, height: int, width: int, images: Array) -> Transformation:
        return {name: getattr(self, name).get_random_transformation(images, seed=next(keys)) for name in self.steps}

    def transform_images(self, images: Array, transformation: Transformation = None, training: bool = True) -> Array:
        x = jnp.asarray(images, self.compute_dtype)
        if training and transformation is not None:
            for name in self.steps:
                x = getattr(self, name).transform_images(x, transformation[name])
        return x
