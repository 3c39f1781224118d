"""In: arrays, numbers, lists, symbolic tensors. Out: arrays (or symbolic tensors). Must not know: layers, variables' owners."""
