"""`keras.preprocessing.image`: data augmentation for images from arrays and files."""

from gazelle.compat.preprocessing.image.affine import (
    apply_affine_transform,
    apply_brightness_shift,
    apply_channel_shift,
    flip_axis,
    random_brightness,
    random_channel_shift,
    random_rotation,
    random_shear,
    random_shift,
    random_zoom,
    transform_matrix_offset_center,
)
from gazelle.compat.preprocessing.image.files import (
    DataFrameIterator,
    DirectoryIterator,
    array_to_img,
    img_to_array,
    list_pictures,
    load_img,
    save_img,
)
from gazelle.compat.preprocessing.image.generator import ImageDataGenerator
from gazelle.compat.preprocessing.image.iterators import Iterator, NumpyArrayIterator
from gazelle.preprocessing.image import smart_resize

__all__ = [
    "DataFrameIterator",
    "DirectoryIterator",
    "ImageDataGenerator",
    "Iterator",
    "NumpyArrayIterator",
    "apply_affine_transform",
    "apply_brightness_shift",
    "apply_channel_shift",
    "array_to_img",
    "flip_axis",
    "img_to_array",
    "list_pictures",
    "load_img",
    "random_brightness",
    "random_channel_shift",
    "random_rotation",
    "random_shear",
    "random_shift",
    "random_zoom",
    "save_img",
    "smart_resize",
    "transform_matrix_offset_center",
]
