"""Training: one pure step, the program that repeats it, epochs and events around it.

Input: a pure forward function, a loss, an optimizer, a source of batches. Output: a new State and logs. Must not depend
on layers, models or files.
"""
