"""Training: one pure step, the program that repeats it, epochs and events around it.

In: a pure forward function, an objective, an optimizer, a source of batches. Out: a new State and logs.
Must not know: layers, models, files.
"""
