"""Programs of Keras 1, Keras 2 and tf.keras as they are: `gazelle run`, `gazelle.install()` and `%load_ext gazelle`.

In: what a program of an earlier version imports, calls and reads. Out: the same on gazelle's classes. The command line
imports this package and no other part of gazelle does. How it works:

- `namespaces`: the modules that `import keras` gives; `classes`, `mixins`: their classes, generated subclasses of
  gazelle's; `arguments` with `renamed_arguments`, `positional_arguments`, `defaults`, `rules`: calls in today's
  arguments; `attributes`: attributes and methods that are gone; `old_names`, `module_paths`: where names are now.
- `era`: which version holds in the process; `detect`, `rewrite`: a program's version, and its text in today's terms.
- `layers`, `optimizers`, `metrics`, `preprocessing`, `backend`, `theano`, `tensorflow`: what gazelle itself leaves out.

Must not know: how anything is computed or trained.
"""
