"""What every package shares: variables, scopes, configs, symbolic tensors, dtypes, errors.

In: jax and numpy. Out: the nouns above. Must not import: layers, losses, metrics, optimizers, saving.
"""
