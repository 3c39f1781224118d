from mrcnn import model
from mrcnn.config import Config


class Small(Config):
    NAME = "small"
    GPU_COUNT = IMAGES_PER_GPU = 1
    NUM_CLASSES = 3
    IMAGE_MIN_DIM = IMAGE_MAX_DIM = 128


assert model.MaskRCNN(mode="inference", config=Small(), model_dir="logs").keras_model.count_params() == 63_738_788
