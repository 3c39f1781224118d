"""Whether the TensorFlow facade is active. While it is, layers, losses and metrics take and return its tensors."""

from __future__ import annotations

from typing import Any

#: the module `gazelle.compat.tensorflow.model_calls` after the first `import tensorflow`, else None
calls: Any = None
