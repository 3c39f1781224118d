"""Functions of images, with the names of `keras.ops.image`.

Input: an image (height, width, channels) or a batch of images, with the channel axis given by `data_format`. Output:
images in the same form. Must not import layers or saving.
"""

from typing import TYPE_CHECKING

from gazelle.core.module_names import public_names
from gazelle.ops.image.color import hsv_to_rgb, rgb_to_grayscale, rgb_to_hsv
from gazelle.ops.image.cutting import crop_images, extract_patches, extract_patches_3d, pad_images
from gazelle.ops.image.filters import gaussian_blur, sobel_edges, ssim
from gazelle.ops.image.resizing import resize, scale_and_translate
from gazelle.ops.image.warping import affine_transform, elastic_transform, map_coordinates, perspective_transform

__all__ = [
    "affine_transform",
    "crop_images",
    "elastic_transform",
    "extract_patches",
    "extract_patches_3d",
    "gaussian_blur",
    "hsv_to_rgb",
    "map_coordinates",
    "pad_images",
    "perspective_transform",
    "resize",
    "rgb_to_grayscale",
    "rgb_to_hsv",
    "scale_and_translate",
    "sobel_edges",
    "ssim",
]

if not TYPE_CHECKING:
    __getattr__, __dir__ = public_names(__name__)
