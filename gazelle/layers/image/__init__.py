"""Layers that make images ready: of one size, and in training different at each look.

In: images (height, width, channels) or a batch, alone or in a dict with labels, boxes and masks. Out: the same.
Must not know: files, datasets, or how a model is trained.
"""

from gazelle.layers.image.color import (
    RandomBrightness,
    RandomColorDegeneration,
    RandomContrast,
    RandomGrayscale,
    RandomHue,
    RandomSaturation,
)
from gazelle.layers.image.geometry import RandomFlip, RandomRotation, RandomShear, RandomTranslation, RandomZoom
from gazelle.layers.image.histogram import AutoContrast, ContrastLimitedAdaptiveHistogramEqualization, Equalization
from gazelle.layers.image.mixing import CutMix, MixUp, RandomErasing
from gazelle.layers.image.perspective import RandomElasticTransform, RandomPerspective
from gazelle.layers.image.policies import AugMix, RandAugment, RandomColorJitter
from gazelle.layers.image.resizing import CenterCrop, MaxNumBoundingBoxes, RandomCrop, Resizing
from gazelle.layers.image.sharpness import RandomGaussianBlur, RandomSharpness
from gazelle.layers.image.tone import RandomInvert, RandomPosterization, Solarization

__all__ = [
    "AugMix",
    "AutoContrast",
    "CenterCrop",
    "ContrastLimitedAdaptiveHistogramEqualization",
    "CutMix",
    "Equalization",
    "MaxNumBoundingBoxes",
    "MixUp",
    "RandAugment",
    "RandomBrightness",
    "RandomColorDegeneration",
    "RandomColorJitter",
    "RandomContrast",
    "RandomCrop",
    "RandomElasticTransform",
    "RandomErasing",
    "RandomFlip",
    "RandomGaussianBlur",
    "RandomGrayscale",
    "RandomHue",
    "RandomInvert",
    "RandomPerspective",
    "RandomPosterization",
    "RandomRotation",
    "RandomSaturation",
    "RandomSharpness",
    "RandomShear",
    "RandomTranslation",
    "RandomZoom",
    "Resizing",
    "Solarization",
]
