"""`.h5` files in the layout of Keras 2: names of weights end in ":0", and optimizers have no learning rate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gazelle.compat import era, namespaces
from gazelle.compat.former_files import training, variables
from gazelle.compat.former_files.config import model_config
from gazelle.core.serialization import serialize
from gazelle.saving.h5_format.write import Contents, object_of_loss

if TYPE_CHECKING:
    from gazelle.core.types import Serialized
    from gazelle.core.variable import Variable
    from gazelle.models import Model


class Keras2(Contents):
    """The parts of a file as Keras 2 wrote them."""

    backend = "tensorflow"

    def version(self) -> str:
        return namespaces.version("keras")

    def text(self, value: str) -> bytes:
        return value.encode()  # Keras 2.3.1 decodes it

    def model_config(self, model: Model) -> Serialized:
        return model_config(model)

    def training_config(self, compiled: dict[str, Any]) -> dict[str, Any]:
        found: Any = serialize(compiled)
        return training.training_config(found, object_of_loss(found.get("loss")))

    def of_weights(self, weights: list[Variable]) -> variables.Named:
        return variables.of_weights(weights)

    def of_optimizer(self, model: Model) -> variables.Named:
        name, config = type(model.optimizer).__name__, model.optimizer.get_config()
        if (era.standalone() and name in variables.OF_TF_KERAS) or training.is_former(name, config):
            return variables.by_slots(model)
        return variables.of_optimizer(model)
