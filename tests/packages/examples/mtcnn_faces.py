import numpy as np
from mtcnn import MTCNN

detector = MTCNN(device="CPU:0")
image = np.random.default_rng(0).integers(0, 255, (100, 100, 3), "uint8")
print(detector.detect_faces(image))
