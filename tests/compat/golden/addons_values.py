"""Losses, activations, metrics and layers of tensorflow_addons that `record_addons.py` and the tests compute."""

import numpy as np

r = np.random.RandomState(0)
EMBEDDINGS, LABELS = r.randn(7, 4).astype("float32"), np.array([0, 1, 2, 0, 1, 0, 3])
P = r.rand(5, 3).astype("float32")
P /= P.sum(1, keepdims=True)
T = np.eye(3, dtype="float32")[[0, 2, 1, 1, 0]]
Z = r.randn(5, 3).astype("float32")
A = np.array([[0, 0, 2, 2], [1, 1, 3, 4], [0, 0, 1, 1]], "float32")
B = np.array([[1, 1, 3, 3], [1, 1, 3, 4], [2, 2, 3, 3]], "float32")
SIMILARITIES, SHARED = r.randn(7, 7).astype("float32"), (r.rand(7, 3) > 0.4).astype("float32")
SHARED[:, 0] = 1
CLASSES = np.eye(4, dtype="float32")[[0, 2, 1, 3, 0, 2, 3]]
OUTPUTS, WEIGHTS = r.rand(7, 4).astype("float32"), r.rand(7).astype("float32")
KERNEL, IMAGES = r.randn(4, 3).astype("float32"), r.randn(2, 5, 4, 3).astype("float32")
PAIRS = np.array([1.0, 0.0, 1.0], "float32"), np.array([0.3, 0.6, 2.0], "float32")
DISTANCES = ("L2", "squared-L2", "angular")
ACTIVATIONS = ["hardshrink", "softshrink", "tanhshrink", "lisht", "snake", "rrelu", "mish", "gelu", "sparsemax"]


def losses(tfa):
    made = tfa.losses
    cases = {
        "SigmoidFocalCrossEntropy": (made.SigmoidFocalCrossEntropy(), T, P),
        "of logits": (made.SigmoidFocalCrossEntropy(from_logits=True, alpha=0.4, gamma=1.5), T, Z),
        "ContrastiveLoss": (made.ContrastiveLoss(1.5), *PAIRS),
        "PinballLoss": (made.PinballLoss(0.3), T, P),
        "LiftedStructLoss": (made.LiftedStructLoss(0.8), LABELS, EMBEDDINGS),
        "NpairsLoss": (made.NpairsLoss(), LABELS, SIMILARITIES),
        "NpairsMultilabelLoss": (made.NpairsMultilabelLoss(), SHARED, SIMILARITIES),
        "GIoULoss": (made.GIoULoss(reduction="none"), A, B),
        "iou": (made.GIoULoss("iou"), A, B),
        "SparsemaxLoss": (made.SparsemaxLoss(), T, Z),
        **{f"kappa {w}": (made.WeightedKappaLoss(3, weightage=w), T, P) for w in ("linear", "quadratic")},
    }
    for name in DISTANCES:
        semi, hard = made.TripletSemiHardLoss, made.TripletHardLoss
        cases[f"semi {name}"] = semi(margin=0.7, distance_metric=name), LABELS, EMBEDDINGS
        cases[f"hard {name}"] = hard(margin=0.7, distance_metric=name), LABELS, EMBEDDINGS
        cases[f"soft {name}"] = hard(soft=True, distance_metric=name), LABELS, EMBEDDINGS
    return {name: loss(y_true, y_pred) for name, (loss, y_true, y_pred) in cases.items()}


def activations(tfa):
    return {name: getattr(tfa.activations, name)(Z[:2] * 2) for name in ACTIVATIONS}


def metrics(tfa):
    made = tfa.metrics
    cases = {
        "F1Score": made.F1Score(4),
        "macro": made.F1Score(4, "macro", 0.5),
        "weighted": made.F1Score(4, average="weighted"),
        "FBetaScore": made.FBetaScore(4, "micro", 2.0),
        "CohenKappa": made.CohenKappa(4),
        "linear": made.CohenKappa(4, weightage="linear"),
        "quadratic": made.CohenKappa(4, weightage="quadratic"),
        "Matthews": made.MatthewsCorrelationCoefficient(4),
        "HammingLoss": made.HammingLoss("multiclass"),
        "multilabel": made.HammingLoss("multilabel", threshold=0.5),
    }
    found = {}
    for name, metric in cases.items():
        metric.update_state(CLASSES[:4], OUTPUTS[:4])
        metric.update_state(CLASSES[4:], OUTPUTS[4:])
        found[name] = np.asarray(metric.result())
        metric.reset_state()
        metric.update_state(CLASSES, OUTPUTS, sample_weight=WEIGHTS)
        found[f"{name} with weights"] = np.asarray(metric.result())
    for name in ("KendallsTauB", "KendallsTauC", "PearsonsCorrelation", "SpearmansRank"):
        metric = getattr(made, name)(-3.0, 3.0, 0.0, 1.0, 8, 7)
        for part in (slice(0, 3), slice(3, 7)):
            metric.update_state(EMBEDDINGS[part], OUTPUTS[part])
        found[name] = metric.result()
    for averaged in ("uniform_average", "raw_values", "variance_weighted"):
        metric = made.RSquare(multioutput=averaged)
        metric.update_state(CLASSES, OUTPUTS)
        found[f"RSquare {averaged}"] = metric.result()
    for name in ("GeometricMean", "HarmonicMean"):
        metric = getattr(made, name)()
        metric.update_state([1.0, 4.0, 4.0])
        metric.update_state([2.0])
        found[name] = metric.result()
    matrix, sparse, binary = (
        made.MultiLabelConfusionMatrix(4),
        made.CohenKappa(3, sparse_labels=True),
        made.CohenKappa(2),
    )
    matrix.update_state(CLASSES, (OUTPUTS > 0.5).astype("int32"))
    sparse.update_state(np.array([0, 1, 2, 2]), np.array([0, 2, 2, 1]))
    binary.update_state(np.array([0, 1, 1, 0]), np.array([0.2, 0.7, 0.4, 0.1], "float32"))
    return {**found, "matrix": matrix.result(), "sparse": sparse.result(), "binary": binary.result()}


def layers(tfa, keras):
    made, dense, found = tfa.layers, keras.layers.Dense, {}
    for name, options in {"data": {}, "norm": {"data_init": False}}.items():
        inner = dense(3, activation="tanh", kernel_initializer=keras.initializers.Identity(0.7))
        layer = made.WeightNormalization(inner, **options)
        found[f"WeightNormalization {name}"] = [np.asarray(layer(EMBEDDINGS)), np.asarray(layer(EMBEDDINGS * 2))]
        found[f"WeightNormalization g {name}"] = [np.asarray(layer.g), np.asarray(layer.layer.bias)]
    noisy = made.NoisyDense(3, activation="relu")
    noisy.build((None, 4))
    for part, value in {
        "mu_kernel": KERNEL,
        "eps_kernel": KERNEL / 2,
        "mu_bias": KERNEL[0],
        "eps_bias": KERNEL[1],
    }.items():
        getattr(noisy, part).assign(value)
    found["NoisyDense"] = noisy(EMBEDDINGS)
    noisy.remove_noise()
    found["NoisyDense without noise"] = noisy(EMBEDDINGS)
    found["StochasticDepth"] = made.StochasticDepth(0.7)([EMBEDDINGS, EMBEDDINGS**2])
    found["Maxout"] = made.Maxout(2)(EMBEDDINGS)
    constant = keras.initializers.Constant(0.1)
    for rank in (None, 2):
        layer = made.PolynomialCrossing(rank, 0.3, kernel_initializer=constant, bias_initializer=constant)
        found[f"PolynomialCrossing {rank}"] = layer((EMBEDDINGS, EMBEDDINGS**2))
    found["SpatialPyramidPooling2D"] = made.SpatialPyramidPooling2D([1, 2, (3, 2)])(IMAGES)
    layer = made.FilterResponseNormalization(learned_epsilon=True, beta_initializer=constant)
    found["FilterResponseNormalization"] = layer(IMAGES)
    found["TLU"] = made.TLU(affine=True, tau_initializer=constant, alpha_initializer=constant)(EMBEDDINGS)
    for name in ("GELU", "Sparsemax", "Snake", "InstanceNormalization", "PoincareNormalize"):
        found[name] = getattr(made, name)()(IMAGES)
    for name, options in {"1": (1, 2, 1, 1, 2), "3": (3, 4, 1, 2, 5)}.items():
        costs = made.CorrelationCost(*options, data_format="channels_last")([IMAGES, IMAGES[::-1]])
        found[f"CorrelationCost {name}"] = costs
        first = [np.moveaxis(each, -1, 1) for each in (IMAGES, IMAGES[::-1])]
        moved = made.CorrelationCost(*options, data_format="channels_first")(first)
        found[f"CorrelationCost {name} first"] = moved
    rows, weights = LABELS[:6].reshape(2, 3), OUTPUTS[:2, :3]
    for combiner in ("sum", "mean"):
        layer = made.EmbeddingBag(7, 4, keras.initializers.Identity(2.0), combiner=combiner)
        found[f"EmbeddingBag {combiner}"] = layer(rows)
    layer = made.EmbeddingBag(7, 4, keras.initializers.Identity(2.0))
    found["EmbeddingBag of weights"] = layer(rows, weights)
    of_esn = {"kernel_initializer": constant, "recurrent_initializer": keras.initializers.Identity()}
    words = [IMAGES[0], IMAGES[0] ** 2]
    layer = made.MultiHeadAttention(3, 2, 5, return_attn_coef=True)
    layer(words)
    layer.set_weights([np.random.RandomState(n).randn(*w.shape) * 0.4 for n, w in enumerate(layer.get_weights())])
    y, attention = layer(words, mask=np.tril(np.ones((4, 4), "bool")))
    found |= {"MultiHeadAttention": y, "MultiHeadAttention coefficients": attention}
    found["ESN"] = made.ESN(3, 1.0, 0.7, bias_initializer=constant, return_sequences=True, **of_esn)(IMAGES[0])
    found["ESN of norm 2"] = made.ESN(3, 1.0, use_norm2=True, go_backwards=True, **of_esn)(IMAGES[0])
    return found


def results(tfa, keras, kind):
    """{name: array} of the cases of a kind."""
    found = (
        layers(tfa, keras) if kind == "layers" else {f.__name__: f for f in (losses, activations, metrics)}[kind](tfa)
    )
    return {name: np.asarray(value, "float64") for name, value in found.items()}
