"""Functions of tensors, by the modules of `tf` that have them."""
