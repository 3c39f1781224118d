"""Random programs: a model of one to six layers, its optimizer, loss and metrics, data, and the arguments of `fit`.

The choices depend on the seed and on shapes only, so that Keras and gazelle build equal programs.
"""

import numpy as np

ACTIVATIONS = (
    None,
    *("relu", "tanh", "sigmoid", "softplus", "elu", "selu", "softsign", "hard_sigmoid", "exponential", "silu", "gelu"),
    *("softmax", "relu6", "leaky_relu", "mish", "hard_silu", "celu", "log_softmax", "tanh_shrink", "hard_tanh"),
    *("squareplus", "soft_shrink", "hard_shrink", "sparse_plus", "log_sigmoid", "linear"),
)
LOSSES = {
    "regression": ("mse", "mae", "huber", "log_cosh", "cosine_similarity", "mape", "msle"),
    "binary": ("binary_crossentropy", "hinge", "squared_hinge", "poisson", "binary_focal_crossentropy", "dice"),
    "classes": ("categorical_crossentropy", "kl_divergence", "categorical_hinge", "categorical_focal_crossentropy"),
    "indices": ("sparse_categorical_crossentropy",),
}
METRICS = {
    "regression": ("mae", "mse", "cosine_similarity", "RootMeanSquaredError", "R2Score"),
    "binary": ("accuracy", "AUC", "Precision", "Recall", "BinaryIoU", "mae"),
    "classes": ("accuracy", "categorical_accuracy", "CategoricalCrossentropy", "KLDivergence", "AUC"),
    "indices": ("accuracy", "sparse_categorical_crossentropy"),
}


class Program:
    """What a program consists of: `model` (compiled), `x`, `y`, and `fit` with further arguments of `fit`."""

    def __init__(self, library, seed):
        self.k, self.layers, self.rng = library, library.layers, np.random.RandomState(seed)
        inputs, x, self.x = self._first()
        for _ in range(self.between(1, 5)):
            x = self._layer(x)
            if min(x.shape[1:]) < 1 or np.prod(x.shape[1:]) > 400:
                break
        outputs, self.y, loss, metrics = self._head(self._flat(x))
        self.model = library.Model(inputs, outputs)
        self._set_weights()
        self.model.compile(self._optimizer(), loss, metrics=metrics, jit_compile=True)
        self.fit = self._arguments_of_fit(len(self.y))

    def pick(self, *options):
        return options[self.rng.randint(len(options))]

    def between(self, least, most):
        return int(self.rng.randint(least, most + 1))

    def number(self, least, most):
        return float(np.round(self.rng.uniform(least, most), 3))

    def chance(self, probability):
        return bool(self.rng.rand() < probability)

    def activation(self):
        return self.pick(*ACTIVATIONS)

    def regularizer(self):
        r = self.k.regularizers
        return self.pick(*[None] * 8, "l1", r.L2(self.number(0, 0.02)), r.L1L2(0.01, 0.02))

    def constraint(self):
        c = self.k.constraints
        return self.pick(*[None] * 8, c.MaxNorm(1.2, axis=0), c.NonNeg(), c.UnitNorm(axis=-1), c.MinMaxNorm(0.2, 1))

    def kernel(self):
        """Arguments of a layer with a kernel and a bias."""
        return {
            "activation": self.activation(),
            "use_bias": self.chance(0.7),
            "kernel_regularizer": self.regularizer(),
            "bias_regularizer": self.regularizer(),
            "activity_regularizer": self.regularizer(),
            "kernel_constraint": self.constraint(),
        }

    def _first(self):
        """Inputs, the tensor for the next layer, and data."""
        n, kind = self.between(8, 21), self.pick("vectors", "sequences", "images", "tokens", "two")
        if kind == "tokens":
            steps, masked = self.between(4, 6), self.chance(0.5)
            data = np.sort(self.rng.randint(1 - masked, 9, (n, steps)))[:, ::-1].astype("int32")
            inputs = self.k.Input((steps,), dtype="int32")
            x = self.layers.Embedding(9, 3, mask_zero=masked, embeddings_regularizer=self.regularizer())(inputs)
            return inputs, self._recurrent(x) if masked else x, data
        if kind == "two":
            inputs = [self.k.Input((4,)), self.k.Input((5, 2))]
            data = [self.rng.randn(n, *i.shape[1:]).astype("float32") for i in inputs]
            return inputs, self.layers.Concatenate()([inputs[0], self._flat(self._sequence(inputs[1]))]), data
        shape = {"vectors": (4,), "sequences": (self.between(4, 7), self.between(1, 4)), "images": (6, 7, 2)}[kind]
        inputs = self.k.Input(shape)
        return inputs, inputs, self.rng.randn(n, *shape).astype("float32")

    def _layer(self, x):
        return {2: self._vector, 3: self._sequence, 4: self._image}[len(x.shape)](x)

    def _vector(self, x):
        make, layers, size = self.between(0, 7), self.layers, x.shape[-1]
        if make < 3:
            return layers.Dense(self.between(2, 8), **self.kernel())(x)
        if make == 3:
            merge = self.pick("Add", "Multiply", "Average", "Maximum", "Minimum", "Subtract", "Concatenate")
            return getattr(layers, merge)()([x, layers.Dense(size, self.activation())(x)])
        if make == 4:
            pair = [layers.Dense(3)(x), layers.Dense(3)(x)]
            return layers.Dot(axes=1, normalize=self.chance(0.5))(pair)
        if make == 5:
            return self.pick(lambda: x * 2 + 1, lambda: 1 - x / 3, lambda: x[:, ::2], lambda: abs(x) ** 2, lambda: -x)()
        if make == 6:
            return layers.EinsumDense("ab,bc->ac", self.between(2, 5), self.activation(), self.pick(None, "c"))(x)
        return self._any(x)

    def _sequence(self, x):
        make, layers = self.between(0, 13), self.layers
        size, padding = self.between(1, 3), self.pick("valid", "same")
        if make == 0:
            strides = self.pick(1, 2)
            padding = self.pick(padding, "causal")
            groups = self.pick(1, 2) if x.shape[-1] % 2 == 0 else 1
            return layers.Conv1D(4, size, strides, padding, groups=groups, **self.kernel())(x)
        if make == 1:
            separate = {"depthwise_regularizer": self.regularizer(), "pointwise_constraint": self.constraint()}
            return layers.SeparableConv1D(3, size, self.pick(1, 2), padding, depth_multiplier=2, **separate)(x)
        if make == 2:
            return layers.Conv1DTranspose(2, size, self.pick(1, 2), padding, **self.kernel())(x)
        if make == 3:
            return layers.DepthwiseConv1D(size, padding=padding, activation=self.activation())(x)
        if make == 4:
            pooling = getattr(layers, self.pick("MaxPooling1D", "AveragePooling1D"))
            return pooling(size, self.pick(None, 1, 2), padding)(x)
        if make in (5, 6):
            return self._recurrent(x)
        if make == 7:
            return layers.TimeDistributed(layers.Dense(3, self.activation()))(x)
        if make == 8:
            return self.pick(layers.ZeroPadding1D((1, 2)), layers.UpSampling1D(2), layers.Permute((2, 1)))(x)
        if make == 9:
            attention = layers.MultiHeadAttention(2, 3, self.pick(None, 2), output_shape=self.pick(None, 4))
            return attention(x, x, use_causal_mask=self.chance(0.3))
        if make == 10:
            return layers.GroupQueryAttention(3, 2, 1, use_bias=self.chance(0.7))(x, x)
        if make == 11:
            return layers.Attention(use_scale=self.chance(0.5), score_mode=self.pick("dot", "concat"))([x, x])
        if make == 12:
            return layers.AdditiveAttention(use_scale=self.chance(0.5))([x, x])
        return self._any(x)

    def _recurrent(self, x):
        name = self.pick("LSTM", "GRU", "SimpleRNN")
        arguments = {
            "units": self.between(2, 4),
            "activation": self.pick("tanh", "relu", "sigmoid"),
            "use_bias": self.chance(0.7),
            "return_sequences": self.chance(0.5),
            "kernel_regularizer": self.regularizer(),
            "recurrent_regularizer": self.regularizer(),
            "kernel_constraint": self.constraint(),
        }
        if name != "SimpleRNN":
            arguments["recurrent_activation"] = self.pick("sigmoid", "hard_sigmoid", "tanh")
        if name == "LSTM":
            arguments["unit_forget_bias"] = self.chance(0.5)
        if name == "GRU":
            arguments["reset_after"] = self.chance(0.5)
        layer = getattr(self.layers, name)
        if self.chance(0.3):
            return self.layers.Bidirectional(layer(**arguments), self.pick("concat", "sum", "mul", "ave"))(x)
        return layer(go_backwards=self.chance(0.25), unroll=self.chance(0.15), **arguments)(x)

    def _image(self, x):
        make, layers = self.between(0, 8), self.layers
        size, padding = self.between(1, 3), self.pick("valid", "same")
        if min(x.shape[1:3]) < 3:
            return self._any(x)
        if make == 0:
            strides, dilation = self.pick((1, 1), ((1, 2), 1), (2, 1), (1, 2))
            dilation = dilation if padding == "same" else 1
            return layers.Conv2D(4, size, strides, padding, dilation_rate=dilation, **self.kernel())(x)
        if make == 1:
            separate = {"depthwise_regularizer": self.regularizer(), "pointwise_constraint": self.constraint()}
            return layers.SeparableConv2D(3, size, padding=padding, depth_multiplier=2, **separate)(x)
        if make == 2:
            return layers.DepthwiseConv2D(size, self.pick(1, 2), padding, activation=self.activation())(x)
        if make == 3:
            return layers.Conv2DTranspose(2, size, self.pick(1, 2), padding, **self.kernel())(x)
        if make == 4:
            pooling = getattr(layers, self.pick("MaxPooling2D", "AveragePooling2D"))
            return pooling(self.pick(2, (2, 3)), self.pick(None, 1, 2), padding)(x)
        if make == 5:
            return self.pick(layers.ZeroPadding2D(((0, 1), (2, 0))), layers.Cropping2D(((0, 1), (0, 1))))(x)
        if make == 6:
            return layers.UpSampling2D(self.pick(2, (1, 2)), interpolation=self.pick("nearest", "bilinear"))(x)
        if make == 7:
            merge = self.pick("Add", "Multiply", "Average", "Maximum", "Concatenate")
            return getattr(layers, merge)()([x, layers.Conv2D(x.shape[-1], 3, padding="same")(x)])
        return self._any(x)

    def _any(self, x):
        """A layer for tensors of each rank."""
        layers, scaled = self.layers, {"center": self.chance(0.7), "scale": self.chance(0.7)}
        layer = self.pick(
            layers.BatchNormalization(momentum=self.number(0.5, 0.99), **scaled),
            layers.LayerNormalization(**scaled),
            layers.RMSNormalization(),
            layers.GroupNormalization(-1, **scaled),
            layers.SpectralNormalization(layers.Dense(4)),
            layers.UnitNormalization(),
            layers.Activation(self.activation() or "relu"),
            layers.LeakyReLU(self.number(0.05, 0.9)),
            layers.PReLU(shared_axes=[1] if len(x.shape) > 2 else None),
            layers.ReLU(self.pick(None, 1.0), self.pick(0.0, 0.1), self.pick(0.0, 0.2)),
            layers.Rescaling(self.number(0.2, 2), self.number(-1, 1)),
            layers.Dense(self.between(1, 6), **self.kernel()),
            layers.ActivityRegularization(0.005, 0.01),
            layers.Softmax(),
        )
        return layer(x)

    def _flat(self, x):
        if len(x.shape) == 2:
            return x
        rank = f"{len(x.shape) - 2}D"
        return getattr(self.layers, self.pick("Flatten", f"GlobalAveragePooling{rank}", f"GlobalMaxPooling{rank}"))()(x)

    def _head(self, x):
        """Output, labels, loss, metrics."""
        n, task = len(self.x[0]) if isinstance(self.x, list) else len(self.x), self.pick(*LOSSES)
        names = [name for name in METRICS[task] if self.chance(0.4)]
        metrics = [getattr(self.k.metrics, name)() if name[0].isupper() else name for name in names]
        loss = self.pick(*LOSSES[task])
        if task == "regression":
            units = self.between(1, 3)
            return self.layers.Dense(units)(x), self.rng.uniform(0.2, 2, (n, units)).astype("float32"), loss, metrics
        if task == "binary":
            return self.layers.Dense(1, "sigmoid")(x), self.rng.randint(0, 2, (n, 1)).astype("float32"), loss, metrics
        labels = self.rng.randint(0, 3, n)
        labels = np.eye(3, dtype="float32")[labels] if task == "classes" else labels.astype("int32")
        return self.layers.Dense(3, "softmax")(x), labels, loss, metrics

    def _set_weights(self):
        """Random weights from the seed; the states of generators stay."""
        values = []
        for weight in self.model.weights:
            value = np.asarray(weight)
            if value.dtype.kind == "f":
                positive = any(word in weight.path for word in ("variance", "gamma", "scale"))
                value = self.rng.uniform(0.5, 1, value.shape) if positive else self.rng.normal(0, 0.5, value.shape)
            values.append(np.asarray(value))
        self.model.set_weights(values)

    def _optimizer(self):
        optimizers, schedules = self.k.optimizers, self.k.optimizers.schedules
        # the optimizers that divide by the size of a gradient have a large epsilon: some gradients are rounding errors
        name, arguments = self.pick(
            ("SGD", {"momentum": self.pick(0.0, 0.9), "nesterov": self.chance(0.3)}),
            ("RMSprop", {"rho": 0.8, "momentum": self.pick(0.0, 0.5), "centered": self.chance(0.3), "epsilon": 1e-2}),
            ("Adam", {"beta_1": self.number(0.8, 0.95), "amsgrad": self.chance(0.3), "epsilon": 1e-2}),
            ("AdamW", {"weight_decay": 0.05, "epsilon": 1e-2}),
            ("Nadam", {"epsilon": 1e-2}),
            ("Adamax", {"epsilon": 1e-2}),
            ("Adagrad", {"epsilon": 1e-2}),
            ("Adadelta", {"epsilon": 1e-2}),
            ("Ftrl", {"l1_regularization_strength": self.pick(0.0, 0.01)}),
            ("Lamb", {"epsilon": 1e-2}),
        )
        rate = self.pick(
            *[0.001, 0.01, 0.05] * 2,
            schedules.ExponentialDecay(0.05, 2, 0.7, staircase=self.chance(0.5)),
            schedules.CosineDecay(0.05, 5, warmup_target=0.06, warmup_steps=2),
            schedules.PiecewiseConstantDecay([2, 4], [0.05, 0.01, 0.002]),
            schedules.PolynomialDecay(0.05, 4, 0.001, power=2.0, cycle=self.chance(0.5)),
            schedules.InverseTimeDecay(0.05, 2, 0.5),
        )
        step = self.pick(
            *[{}] * 5,
            {"clipnorm": 0.3},
            {"clipvalue": 0.1},
            {"global_clipnorm": 0.5},
            {"gradient_accumulation_steps": self.between(2, 3)},
            {"loss_scale_factor": 128.0},
        )
        return getattr(optimizers, name)(rate, **arguments, **step)

    def _arguments_of_fit(self, n):
        arguments = {"batch_size": self.between(3, 7), "epochs": self.between(1, 3)}
        if self.chance(0.25):
            arguments["sample_weight"] = self.rng.rand(n).astype("float32")
        elif self.chance(0.25) and self.y.dtype == "int32":
            arguments["class_weight"] = {0: 1.0, 1: 0.5, 2: 2.0}
        callbacks = []
        if self.chance(0.4):
            arguments["validation_data"] = (self.x, self.y)
            callbacks.append(self.k.callbacks.EarlyStopping(restore_best_weights=self.chance(0.5)))
        return {**arguments, "callbacks": callbacks}
