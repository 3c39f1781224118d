"""The source of a program: the version of Keras that it was written for, and its conversion."""
