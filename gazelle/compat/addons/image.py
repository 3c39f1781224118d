"""`tfa.image`: images (height, width), (height, width, channels) or (batch, height, width, channels)."""

from __future__ import annotations

from gazelle.compat.addons.image_filters import (
    blend,
    equalize,
    euclidean_dist_transform,
    gaussian_filter2d,
    mean_filter2d,
    median_filter2d,
    sharpness,
)
from gazelle.compat.addons.image_transforms import (
    angles_to_projective_transforms,
    compose_transforms,
    cutout,
    dense_image_warp,
    flat_transforms_to_matrices,
    interpolate_bilinear,
    matrices_to_flat_transforms,
    random_cutout,
    rotate,
    shear_x,
    shear_y,
    transform,
    translate,
    translate_xy,
    translations_to_projective_transforms,
)

__all__ = [
    "angles_to_projective_transforms",
    "blend",
    "compose_transforms",
    "cutout",
    "dense_image_warp",
    "equalize",
    "euclidean_dist_transform",
    "flat_transforms_to_matrices",
    "gaussian_filter2d",
    "interpolate_bilinear",
    "matrices_to_flat_transforms",
    "mean_filter2d",
    "median_filter2d",
    "random_cutout",
    "rotate",
    "sharpness",
    "shear_x",
    "shear_y",
    "transform",
    "translate",
    "translate_xy",
    "translations_to_projective_transforms",
]
