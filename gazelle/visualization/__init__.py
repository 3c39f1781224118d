"""Images with what was found in them, drawn and put into galleries.

In: images, boxes, masks, labels. Out: arrays of pixels, figures of matplotlib. Must not know: models or how they train.
"""

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
