"""Records the signatures of the classes of the genuine Keras 1.2.2 and 2.3.1, as "argument argument=default ...".

    python record_signatures.py 1 signatures.json      with Keras 1.2.2, then again with 2 and Keras 2.3.1

Abstract classes, wrappers (which take other layers) and what a program does not make itself are left out.
"""

import importlib
import inspect
import json
import pathlib
import sys

LEFT_OUT = (
    "BaseLogger",
    "Bidirectional",
    "Callback",
    "CallbackList",
    "Constraint",
    "ConvLSTM2DCell",
    "ConvRNN2D",
    "ConvRecurrent2D",
    "History",
    "InputSpec",
    "Lambda",
    "Layer",
    "Merge",
    "Optimizer",
    "Progbar",
    "ProgbarLogger",
    "RNN",
    "Recurrent",
    "Regularizer",
    "StackedRNNCells",
    "TFOptimizer",
    "TimeDistributed",
    "Wrapper",
)
number, file = sys.argv[1], pathlib.Path(sys.argv[2])
found = json.loads(file.read_text()) if file.exists() else {}
for namespace in ("layers", "optimizers", "callbacks", "regularizers", "constraints"):
    module = importlib.import_module("keras." + namespace)
    for name, cls in sorted(vars(module).items()):
        if inspect.isclass(cls) and cls.__module__.startswith("keras") and name not in LEFT_OUT:
            function = cls.__init__
            while hasattr(function, "_original_function"):
                function = function._original_function
            spec = inspect.getfullargspec(function) if inspect.isfunction(function) else None
            names, defaults = (spec.args[1:], spec.defaults or ()) if spec else ([], ())
            given = dict(zip(names[len(names) - len(defaults) :], map(repr, defaults)))
            if names:
                words = " ".join(f"{n}={given[n]}" if n in given else n for n in names)
                found.setdefault(number, {})[f"{namespace}.{name}"] = words
file.write_text(json.dumps(found, indent=0) + "\n")
