import numpy as np
import pandas as pd
import tensorflow.compat.v1 as tf
from aif360.algorithms.inprocessing.adversarial_debiasing import AdversarialDebiasing
from aif360.datasets import BinaryLabelDataset
from aif360.metrics import BinaryLabelDatasetMetric

tf.disable_eager_execution()
draw = np.random.RandomState(0)
group = draw.randint(0, 2, 800).astype(float)
parts = draw.randn(800, 4)
label = (parts[:, 0] + group + 0.3 * draw.randn(800) > 0.5).astype(float)
frame = pd.DataFrame(np.c_[group, parts, label], columns=["group", *"abcd", "label"])
data = BinaryLabelDataset(df=frame, label_names=["label"], protected_attribute_names=["group"])
groups = {"unprivileged_groups": [{"group": 0}], "privileged_groups": [{"group": 1}]}
for debias in (False, True):
    tf.reset_default_graph()
    with tf.Session() as session:
        model = AdversarialDebiasing(
            **groups, scope_name="model", debias=debias, sess=session, num_epochs=20, seed=1, adversary_loss_weight=0.1
        )
        predicted = model.fit(data).predict(data)
    accuracy = float((predicted.labels == data.labels).mean())
    print(debias, accuracy, BinaryLabelDatasetMetric(predicted, **groups).mean_difference())
    assert accuracy > 0.75
