"""Whether the TensorFlow facade is open: while it is, layers, losses and metrics take and return its tensors."""

from __future__ import annotations

from typing import Any

#: `gazelle.compat.tensorflow.model_calls` from the first `import tensorflow` on, else None
calls: Any = None
