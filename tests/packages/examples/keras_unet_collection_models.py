import numpy as np
from keras_unet_collection import losses, models

model = models.unet_2d((32, 32, 3), [4, 8], n_labels=2, stack_num_down=1, stack_num_up=1, batch_norm=True)
model.compile("adam", losses.dice)
model.fit(np.random.rand(2, 32, 32, 3), np.eye(2)[np.random.randint(0, 2, (2, 32, 32))], verbose=0)
assert models.att_unet_2d((32, 32, 3), [4, 8], 2).output_shape == (None, 32, 32, 2)
assert models.r2_unet_2d((32, 32, 3), [4, 8], 2, stack_num_down=1, stack_num_up=1).output_shape == (None, 32, 32, 2)
