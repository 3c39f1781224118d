"""Image layers: resizing, cropping and random augmentation.

They take images (height, width, channels), a batch of them, or a dict of images with labels, bounding boxes and masks.
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
