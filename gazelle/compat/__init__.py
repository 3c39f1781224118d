"""Runs programs for Keras 1, Keras 2 and tf.keras unchanged.

It is switched on by `gazelle run`, `gazelle.install()` and `%load_ext gazelle`. The command line imports this package;
no other part of gazelle does.

Input: imports, calls and attributes of an earlier version of Keras. Output: the same on gazelle's classes.

- `namespaces` makes the modules that `import keras` returns. `classes` and `mixins` make their classes, which are
  generated subclasses of gazelle's classes.
- `tables` contains tables of names as text files. `arguments` translates the arguments of a call, with the tables,
  `renamed_arguments` and `defaults`, and with `rules` where a table is not enough. `attributes` has the attributes and
  methods that Keras removed. `old_names` maps earlier names and modules to current ones.
- `era` stores the version of Keras that the process emulates. `detect` finds the version that a program was written
  for. `rewrite` translates a program's text.
- `layers`, `optimizers`, `metrics`, `preprocessing`, `backend`, `theano` and `tensorflow` contain what gazelle itself
  does not have.

Must not depend on how models compute or train.
"""
