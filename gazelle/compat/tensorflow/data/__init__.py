"""`tf.data` and the formats of files that it reads."""
