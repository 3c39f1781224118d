"""All aliases of a metric are one key."""

import pickle

import pytest

from gazelle.metrics import Logs
from gazelle.metrics.name_aliases import EQUAL, KINDS, spellings

PAIRS = [
    ("acc", "accuracy"),
    ("accuracy", "acc"),
    ("val_acc", "val_accuracy"),
    ("val_accuracy", "val_acc"),
    ("mse", "mean_squared_error"),
    ("mean_squared_error", "mse"),
    ("MSE", "mse"),
    ("val_mae", "val_mean_absolute_error"),
    ("mape", "mean_absolute_percentage_error"),
    ("msle", "mean_squared_logarithmic_error"),
    ("lr", "learning_rate"),
    ("learning_rate", "lr"),
    ("cosine_proximity", "cosine_similarity"),
    ("kullback_leibler_divergence", "kld"),
    ("ce", "crossentropy"),
    ("log_cosh", "logcosh"),
    ("head_acc", "head_accuracy"),
    ("val_head_acc", "val_head_accuracy"),
    ("val_two_words_mse", "val_two_words_mean_squared_error"),
    ("acc", "binary_accuracy"),
    ("accuracy", "categorical_accuracy"),
    ("acc", "sparse_categorical_accuracy"),
    ("val_acc", "val_sparse_categorical_accuracy"),
    ("head_acc", "head_binary_accuracy"),
    ("binary_acc", "binary_accuracy"),
    ("val_crossentropy", "val_binary_crossentropy"),
    ("auc", "AUC"),
    ("auc", "auc_1"),
    ("val_precision", "val_precision_2"),
    ("weighted_acc", "acc"),
    ("val_weighted_acc", "val_accuracy"),
    ("val_head_weighted_acc", "val_head_acc"),
]


@pytest.mark.parametrize(("asked", "key"), PAIRS)
def test_any_spelling_finds_the_key(asked, key):
    logs = Logs({"loss": 1.0, key: 0.5})
    assert logs[asked] == 0.5
    assert logs.get(asked) == 0.5
    assert asked in logs
    assert list(logs) == ["loss", key]
    assert len(logs) == 2


@pytest.mark.parametrize(
    ("asked", "key"),
    [
        ("acc", "val_acc"),
        ("val_acc", "acc"),
        ("acc", "head_acc"),
        ("head_acc", "acc"),
        ("binary_accuracy", "accuracy"),
        ("binary_accuracy", "categorical_accuracy"),
        ("mse", "mae"),
        ("mse", "root_mean_squared_error"),
        ("accuracy", "top_k_categorical_accuracy"),
        ("crossentropy", "binary_accuracy"),
        ("precision_1", "precision"),
        ("precision_1", "precision_2"),
        ("loss", "val_loss"),
        ("a_acc", "b_acc"),
        ("cacc", "caccuracy"),
    ],
)
def test_what_is_not_the_same(asked, key):
    logs = Logs({key: 0.5})
    assert asked not in logs
    assert logs.get(asked) is None
    assert logs.get(asked, 7) == 7
    with pytest.raises(KeyError, match=asked):
        logs[asked]


def test_a_real_key_wins():
    logs = Logs({"accuracy": 1.0, "acc": 2.0, "binary_accuracy": 3.0})
    assert (logs["accuracy"], logs["acc"], logs["binary_accuracy"]) == (1.0, 2.0, 3.0)
    assert Logs({"binary_accuracy": 3.0, "accuracy": 1.0})["acc"] == 1.0


def test_a_number_must_be_the_only_one():
    assert "auc" not in Logs({"auc_1": 0.1, "auc_2": 0.2})
    assert Logs({"auc": 0.3, "auc_1": 0.1})["auc"] == 0.3


def test_a_missing_key_is_told_with_near_ones():
    with pytest.raises(KeyError, match="Did you mean 'val_loss'"):
        Logs({"val_loss": 1.0})["val_los"]


def test_it_is_a_dict():
    logs = Logs({"accuracy": [0.5]})
    logs["acc2"] = 1
    assert logs == {"accuracy": [0.5], "acc2": 1}
    assert dict(logs) == {"accuracy": [0.5], "acc2": 1}
    assert pickle.loads(pickle.dumps(logs))["acc"] == [0.5]
    assert 3 not in logs
    assert logs.get(3, "none") == "none"


@pytest.mark.parametrize("group", EQUAL, ids=lambda g: g[0])
def test_equal_spellings_find_each_other(group):
    for asked in group:
        assert spellings(asked)[0] == asked
        assert spellings(f"val_out_{asked}")[0] == f"val_out_{asked}"
        assert set(group) <= set(spellings(asked))
        assert {f"val_{s}" for s in group} <= set(spellings(f"val_{asked}"))


def test_no_spelling_has_two_meanings():
    every = [s for group in EQUAL for s in group]
    assert len(every) == len(set(every))
    assert all(any(kind == group[0] for group in EQUAL) for kinds in KINDS.values() for kind in kinds)


def test_unknown_names_are_themselves():
    assert spellings("loss") == ["loss"]
    assert spellings("val_my_metric") == ["val_my_metric"]
