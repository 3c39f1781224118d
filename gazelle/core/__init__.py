"""What every room shares: variables, scopes, configs, symbolic tensors, dtypes, errors.

In: jax and numpy. Out: the nouns above. Must not know: any layer, loss, metric, optimizer or file.
"""
