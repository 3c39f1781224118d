"""Visualization of images with bounding boxes and segmentation masks.

Input: images, boxes, masks, labels. Output: arrays of pixels, figures of matplotlib.
"""

from typing import TYPE_CHECKING

from gazelle.core.module_names import public_names
from gazelle.visualization.boxes import draw_bounding_boxes, plot_bounding_box_gallery
from gazelle.visualization.gallery import plot_image_gallery
from gazelle.visualization.masks import draw_segmentation_masks, plot_segmentation_mask_gallery

__all__ = [
    "draw_bounding_boxes",
    "draw_segmentation_masks",
    "plot_bounding_box_gallery",
    "plot_image_gallery",
    "plot_segmentation_mask_gallery",
]

if not TYPE_CHECKING:
    __getattr__, __dir__ = public_names(__name__)
