import numpy as np
import tensorflow as tf
from tf_seq2seq_losses import classic_ctc_loss

labels = tf.constant([[1, 2, 2, 1], [1, 2, 1, 0]], tf.int32)
label_length, logit_length = tf.constant([4, 3], tf.int32), tf.constant([5, 4], tf.int32)
logits = tf.zeros([2, 5, 3])
with tf.GradientTape(persistent=True) as outer:
    outer.watch(logits)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        values = classic_ctc_loss(
            labels=labels, logits=logits, label_length=label_length, logit_length=logit_length, blank_index=0
        )
        loss = tf.reduce_sum(values)
    gradient = tape.gradient(loss, sources=logits)
hessian = outer.batch_jacobian(gradient, source=logits, experimental_use_pfor=False)
assert hessian.shape == (2, 5, 3, 5, 3)
expected = tf.nn.ctc_loss(labels, logits, label_length, logit_length, logits_time_major=False, blank_index=0)
np.testing.assert_allclose(values, expected, rtol=1e-4)
