"""Basics used by every package: variables, tracing, configs, symbolic tensors, dtypes, errors.

Input: jax and numpy. Output: the objects above. Must not import layers, losses, metrics, optimizers, saving.
"""
