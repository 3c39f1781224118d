"""A plugin of pytest for the tests of other packages: `keras` is gazelle (`pytest -p installed_gazelle`)."""

import gazelle

gazelle.install()
