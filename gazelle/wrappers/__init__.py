"""Models as estimators of scikit-learn, for its pipelines and searches.

scikit-learn is imported on the first access to one of the names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gazelle.core.module_names import missing_name

if TYPE_CHECKING:
    from gazelle.wrappers.estimators import SKLearnClassifier, SKLearnRegressor, SKLearnTransformer

__all__ = ["SKLearnClassifier", "SKLearnRegressor", "SKLearnTransformer"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise missing_name(__name__, name, __all__)
    try:
        import sklearn  # noqa: F401
    except ImportError:
        raise ImportError(f'{name} needs scikit-learn.\nInstall it: pip install "gazelle[sklearn]"') from None
    from gazelle.wrappers import estimators

    return getattr(estimators, name)


def __dir__() -> list[str]:
    return sorted(__all__)
