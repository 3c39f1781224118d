"""Calls of tensorflow_addons that are compared: `record_addons.py` and the tests run the same lines."""

import numpy as np

STEPS = 8
OPTIMIZERS = """
radam: RectifiedAdam(0.1)
radam_short: RectifiedAdam(0.1, beta_2=0.9, weight_decay=0.05, amsgrad=True)
radam_warmup: RectifiedAdam(0.1, beta_2=0.8, total_steps=6, warmup_proportion=0.4, min_lr=0.01)
lookahead: Lookahead(legacy.SGD(0.2), sync_period=3, slow_step_size=0.4)
lookahead_adamw: Lookahead(AdamW(0.05, 0.1), sync_period=2)
sgdw: SGDW(0.1, 0.2)
sgdw_momentum: SGDW(0.1, 0.2, 0.9, nesterov=True, exclude_from_weight_decay=["bias"])
adamw: AdamW(0.05, 0.1)
adamw_schedule: AdamW(weight_decay=decay, learning_rate=decay)
extended: extend_with_decoupled_weight_decay(legacy.Adamax)(weight_decay=0.1, learning_rate=0.05)
lamb: LAMB(0.1)
lamb_decay: LAMB(0.1, weight_decay=0.3, exclude_from_weight_decay=["bias"])
lamb_adaptation: LAMB(0.1, weight_decay=0.3, exclude_from_layer_adaptation=["bias"])
lazy_adam: LazyAdam(0.1)
novograd: NovoGrad(0.1)
novograd_averaging: NovoGrad(0.1, beta_2=0.5, weight_decay=0.1, grad_averaging=True, amsgrad=True)
yogi: Yogi(0.1)
yogi_tanh: Yogi(0.1, beta1=0.0, l1_regularization_strength=0.1, l2_regularization_strength=0.2, activation="tanh")
adabelief: AdaBelief(0.1)
adabelief_plain: AdaBelief(0.1, rectify=False, weight_decay=0.1, amsgrad=True, epsilon=1e-6)
adabelief_warmup: AdaBelief(0.1, beta_2=0.8, total_steps=6, warmup_proportion=0.4, sma_threshold=4.0)
proximal_adagrad: ProximalAdagrad(0.3)
proximal_adagrad_l1: ProximalAdagrad(0.3, 0.2, l1_regularization_strength=0.3, l2_regularization_strength=0.2)
conditional_gradient: ConditionalGradient(0.9, 0.5)
conditional_gradient_nuclear: ConditionalGradient(0.9, 0.5, ord="nuclear")
cocob: COCOB(5.0)
moving_average: MovingAverage(legacy.SGD(0.2), 0.8)
moving_average_dynamic: MovingAverage(legacy.Adam(0.1), 0.8, start_step=2, dynamic_decay=True)
moving_average_updates: MovingAverage(legacy.SGD(0.2), 0.9, num_updates=3)
swa: SWA(legacy.SGD(0.2), start_averaging=1, average_period=2)
cyclical: legacy.SGD(CyclicalLearningRate(0.01, 0.1, 2, lambda x: 1 / (x + 1.0), "cycle"))
triangular: legacy.SGD(TriangularCyclicalLearningRate(0.01, 0.1, 3))
triangular2: legacy.SGD(Triangular2CyclicalLearningRate(0.01, 0.1, 2))
exponential: legacy.SGD(ExponentialCyclicalLearningRate(0.01, 0.1, 2, gamma=0.8))
"""
IMAGES = """
rotate: rotate(images, 0.4)
rotate_each: rotate(images, [0.4, -1.0], interpolation="bilinear", fill_value=0.5)
rotate_reflect: rotate(images, 0.6, fill_mode="reflect", interpolation="bilinear")
rotate_nearest: rotate(images[0], 0.6, fill_mode="nearest")
rotate_bytes: rotate(numbers[0, :, :, 0], 0.5)
translate: translate(images, [1.0, -2.0])
translate_each: translate(images, [[1.5, 0.5], [0.0, -1.25]], "bilinear")
translate_wrap: translate(images, [2.0, 1.0], fill_mode="wrap")
translate_xy: translate_xy(numbers[0], [1, 2], 7)
transform: transform(images, [1.0, 0.2, -1.0, 0.1, 0.9, 0.5, 0.0, 0.0], "BILINEAR")
transform_perspective: transform(images, [1.0, 0.2, -1.0, 0.1, 0.9, 0.5, 0.01, 0.02], "bilinear")
transform_shape: transform(images, [0.5, 0.0, 0.0, 0.0, 0.5, 0.0, 0.0, 0.0], output_shape=[7, 4])
compose: compose_transforms([[1.0, 0.2, -1.0, 0.1, 0.9, 0.5, 0.01, 0.0], [1.0, 0.0, 2.0, 0.0, 1.0, 1.0, 0.0, 0.0]])
angles: angles_to_projective_transforms([0.1, 0.5], 5.0, 6.0)
translations: translations_to_projective_transforms([1.0, 2.0])
shear_x: shear_x(numbers[0], 0.4, 9)
shear_y: shear_y(numbers[0], -0.3, [1, 2, 3])
cutout: cutout(images, (2, 4), (1, 3), 0.5)
cutout_each: cutout(images, 2, [[1, 3], [4, 0]])
gaussian: gaussian_filter2d(images)
gaussian_wide: gaussian_filter2d(images, (3, 4), (1.5, 0.7), padding="CONSTANT", constant_values=1)
gaussian_bytes: gaussian_filter2d(numbers, 3, 2.0, "SYMMETRIC")
mean: mean_filter2d(images)
mean_bytes: mean_filter2d(numbers, (2, 3), padding="CONSTANT")
median: median_filter2d(images)
median_even: median_filter2d(images, (2, 4), padding="SYMMETRIC")
median_bytes: median_filter2d(numbers[0, :, :, 0], (2, 2))
equalize: equalize(dark)
equalize_one: equalize(dark[0], bins=256)
sharpness: sharpness(numbers, 0.3)
sharpness_more: sharpness(numbers[0], 2.5)
blend: blend(numbers[0], numbers[1], 0.3)
blend_more: blend(numbers[0], numbers[1], 1.7)
dense_image_warp: dense_image_warp(images, flow)
interpolate_bilinear: interpolate_bilinear(images, flow[:, 0], indexing="xy")
"""


def cases(lines):
    """{name: expression}."""
    return dict(line.split(": ", 1) for line in lines.strip().splitlines())


def images():
    """The arrays of the expressions."""
    rng = np.random.default_rng(0)
    return {
        "images": rng.uniform(size=(2, 5, 6, 3)).astype("float32"),
        "numbers": rng.integers(0, 256, size=(2, 5, 6, 3)).astype("uint8"),
        "dark": (rng.uniform(size=(2, 20, 20, 3)) ** 2 * 120).astype("uint8"),
        "flow": (3 * rng.normal(size=(2, 5, 6, 2))).astype("float32"),
    }


def weights():
    """The first values of two weights, and parts of their gradients."""
    rng = np.random.default_rng(1)
    shapes = {"dense/kernel": (3, 2), "dense/bias": (2,)}
    first = {name: rng.normal(size=shape).astype("float32") for name, shape in shapes.items()}
    parts = {name: rng.normal(size=(STEPS, *shape)).astype("float32") for name, shape in shapes.items()}
    return first, parts


def trained(expression, tf, addons):
    """The weights after each update, and with averages those in the end: a list of arrays."""
    first, parts = weights()
    variables = [tf.Variable(value, name=name) for name, value in first.items()]
    decay = tf.keras.optimizers.schedules.ExponentialDecay(0.1, 4, 0.5)
    names = {name: getattr(addons.optimizers, name) for name in dir(addons.optimizers) if name[0] != "_"}
    optimizer = eval(expression, {**names, "legacy": tf.keras.optimizers.legacy, "decay": decay})
    out = []
    for step in range(STEPS):
        gradients = [tf.constant(parts[name][step]) + 0.5 * v for name, v in zip(first, variables, strict=True)]
        optimizer.apply_gradients(zip(gradients, variables, strict=True))
        out += [v.numpy() for v in variables]
    if hasattr(optimizer, "assign_average_vars"):
        optimizer.assign_average_vars(variables)
        out += [v.numpy() for v in variables]
    return out, optimizer
