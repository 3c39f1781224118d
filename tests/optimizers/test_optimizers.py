"""Optimizers beyond the comparison with Keras: errors, learning rates, Variables, optax, dtypes in compiled loops."""

import inspect
import re

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gazelle import Model, optimizers
from gazelle.core.errors import ArgumentError, ShapeError, StateError
from gazelle.core.registry import custom_object_scope
from gazelle.core.variable import Variable
from gazelle.optimizers import SGD, Adam, OptaxOptimizer, Optimizer, schedules

PARAMS = {"a/kernel": jnp.arange(6.0).reshape(2, 3), "a/bias": jnp.ones(3)}
GRADS = {"a/kernel": jnp.full((2, 3), 0.5), "a/bias": -jnp.ones(3)}
EVERY = ["SGD", "RMSprop", "Adam", "AdamW", "Adagrad", "Nadam", "Adadelta", "Adamax", "Ftrl", "Lion"]


@pytest.fixture(autouse=True)
def _harsh():
    with jax.numpy_rank_promotion("raise"):
        yield


def variables():
    return [Variable(w, name=path) for path, w in PARAMS.items()]


# Errors -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: optimizers.get("adm"), "Unknown optimizer 'adm'.\nDid you mean 'adam'"),
        (lambda: optimizers.get("optimizer"), "Unknown optimizer 'optimizer'."),
        (lambda: optimizers.get({"class_name": "sdg", "config": {}}), "Did you mean 'sgd'"),
        (lambda: optimizers.get({}), 'expected a config dict {"class_name": ..., "config": {...}}, got {}.'),
        (lambda: optimizers.get(Adam), "Call the class: Adam()."),
        (lambda: optimizers.get(3), "expected a name, an optimizer, a config dict or an optax transformation, got 3."),
        (lambda: Adam(wd=0.1), "Unknown argument of Adam 'wd'.\nKnown: weight_decay. Write weight_decay=... for wd="),
        (lambda: SGD(0.1, momentm=0.9), "Unknown argument of SGD 'momentm'.\nDid you mean 'momentum'"),
        (lambda: Adam(clip_norm=1.0), "Did you mean 'clipnorm'"),
        (lambda: Adam(-0.1), "learning_rate of Adam: expected a number of at least 0, or a schedule, got -0.1."),
        (lambda: Adam(float("nan")), "got nan."),
        (lambda: Adam("0.1"), "got '0.1'."),
        (lambda: Adam(None), "got None.\nA common rate is learning_rate=0.001."),
        (lambda: Adam(True), "got True."),
        (lambda: Adam([0.1]), "got [0.1]."),
        (lambda: Adam(schedules.CosineDecay), "or a schedule, got <class"),
        (lambda: SGD(momentum=1.5), "SGD(momentum=1.5): expected a number from 0 to 1, got 1.5."),
        (lambda: Adam(beta_2=1.0), "Adam(beta_2=1.0): expected a number from 0 to below 1"),
        (lambda: optimizers.Lion(beta_1=0.0), "Lion(beta_1=0.0): expected a number above 0"),
        (lambda: optimizers.Ftrl(learning_rate_power=0.5), "a number of at most 0, got 0.5."),
        (lambda: optimizers.Adagrad(initial_accumulator_value=-1), "a number of at least 0, got -1."),
        (lambda: optimizers.AdamW(weight_decay=None), "Without decay it is Adam."),
        (lambda: Adam(clipnorm=1.0, clipvalue=2.0), "at most one of clipnorm, clipvalue and global_clipnorm, got"),
        (lambda: Adam(clipnorm=-1.0), "Adam(clipnorm=-1.0): expected a number of at least 0, or None"),
        (lambda: Adam(weight_decay=-1.0), "Adam(weight_decay=-1.0)"),
        (lambda: Adam(ema_momentum=2.0), "Adam(ema_momentum=2.0)"),
        (lambda: Adam(ema_overwrite_frequency=0), "an integer of at least 1, or None, got 0."),
        (lambda: Adam(gradient_accumulation_steps=1), "an integer of at least 2, or None, got 1."),
        (lambda: Adam(loss_scale_factor=0.0), "a number above 0, or None"),
        (lambda: schedules.ExponentialDecay(0.1, 0, 0.5), "ExponentialDecay(decay_steps=0): expected a number above 0"),
        (lambda: schedules.PiecewiseConstantDecay([1, 2], [0.1]), "one value more than boundaries, got 2 boundaries"),
        (lambda: schedules.PiecewiseConstantDecay([2, 1], [1, 2, 3]), "increasing boundaries, got [2, 1]."),
        (lambda: OptaxOptimizer("adam"), "expected an optax transformation, got 'adam'."),
    ],
)
def test_refused(make, text):
    with pytest.raises(ArgumentError, match=re.escape(text)):
        make()


def test_none_stays_none_and_instances_themselves():
    adam = Adam()
    assert optimizers.get(None) is None
    assert optimizers.get(adam) is adam


# The rate -----------------------------------------------------------------------------------------------------------


def test_assigning_the_rate_compiles_nothing():
    optimizer = SGD(0.1)
    traces = []

    @jax.jit
    def update(*args):
        traces.append(1)
        return optimizer.update(*args)

    slots = optimizer.init(PARAMS)
    for value in (0.1, 0.5, 2):
        optimizer.learning_rate = value
        params, _ = update(PARAMS, GRADS, slots, optimizer.hyper(), 3)
        np.testing.assert_allclose(params["a/bias"], 1 + value, rtol=1e-6)
    optimizer.learning_rate.assign(0.25)
    assert update(PARAMS, GRADS, slots, optimizer.hyper(), 4)[0]["a/bias"][0] == 1.25
    assert len(traces) == 1
    assert float(optimizer.learning_rate) == 0.25
    assert optimizer.get_config()["learning_rate"] == 0.25


@pytest.mark.parametrize("value", [-1.0, "0.1", None, float("inf")])
def test_bad_assignment_is_refused_and_changes_nothing(value):
    optimizer = SGD(0.5)
    with pytest.raises(ArgumentError, match=f"learning_rate of SGD: .* got {re.escape(repr(value))}"):
        optimizer.learning_rate = value
    assert float(optimizer.learning_rate) == 0.5


def test_a_schedule_shows_its_value_and_cannot_be_assigned():
    optimizer = SGD(schedules.PiecewiseConstantDecay([1], [0.5, 0.25]))
    vs = [Variable([1.0], name="v")]
    shown = []
    for _ in range(3):
        shown.append(float(optimizer.learning_rate))
        optimizer.apply([jnp.ones(1)], vs)
    assert shown == [0.5, 0.5, 0.25]
    assert vs[0].numpy() == 1 - 1.25
    assert [v.name for v in optimizer.variables] == ["iteration"]
    with pytest.raises(TypeError, match="follows a schedule"):
        optimizer.learning_rate = 0.1
    optimizer.learning_rate = schedules.PiecewiseConstantDecay([1], [0.5, 0.125])
    optimizer.apply([jnp.ones(1)], vs)
    assert vs[0].numpy() == 1 - 1.375


def test_functions_as_rates():
    of_step = SGD(optax.linear_schedule(1.0, 0.0, 4))
    assert of_step.hyper() == {}
    after, _ = jax.jit(of_step.update)(PARAMS, GRADS, {}, {}, 2)
    assert after["a/bias"][0] == 1.5
    rates = iter([0.5, 0.25])
    of_nothing = SGD(lambda: next(rates))
    assert [float(of_nothing.hyper()["learning_rate"]) for _ in range(2)] == [0.5, 0.25]


def test_own_schedule_with_a_python_condition_is_explained():
    class Steps(schedules.LearningRateSchedule):
        def __call__(self, step):
            return 0.1 if step < 10 else 0.01

    with pytest.raises(ArgumentError, match="The schedule Steps uses the step as a Python number"):
        jax.jit(SGD(Steps()).update)(PARAMS, GRADS, {}, {}, 0)


def test_own_schedule_round_trip():
    class Halves(schedules.LearningRateSchedule):
        def __init__(self, every):
            self.every = every

        def __call__(self, step):
            return 0.5 ** (step // self.every)

    optimizer = Adam(Halves(10))
    config = optimizers.serialize(optimizer)
    with custom_object_scope({"Halves": Halves}):
        again = optimizers.deserialize(config)
    assert float(again._learning_rate(25)) == 0.25


@pytest.mark.parametrize("t_mul", [1.0, 1.5, 2.0, 3.0])
def test_restarts_fall_on_their_step_compiled_and_not(t_mul):
    schedule = schedules.CosineDecayRestarts(1.0, 6, t_mul=t_mul)
    ends = np.cumsum([6 * t_mul**i for i in range(7)])
    whole = np.array([int(e) for e in ends if e == int(e)])
    for rates in (schedule, jax.jit(schedule)):
        np.testing.assert_allclose([float(rates(step)) for step in whole], 1.0, atol=1e-5)
        assert max(float(rates(step - 1)) for step in whole) < 0.1


# Pure updates --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize(
    "options", [{}, {"gradient_accumulation_steps": 2, "use_ema": True, "ema_overwrite_frequency": 2}]
)
@pytest.mark.parametrize("name", EVERY)
def test_types_stay_so_that_a_compiled_loop_can_carry_them(name, options, dtype):
    optimizer = getattr(optimizers, name)(0.01, weight_decay=0.1, global_clipnorm=1.0, loss_scale_factor=2.0, **options)
    params = {p: w.astype(dtype) for p, w in PARAMS.items()}
    grads = {p: g.astype(dtype) for p, g in GRADS.items()}
    state = (params, optimizer.init(params))
    spec = jax.eval_shape(lambda s, h, t: optimizer.update(s[0], grads, s[1], h, t), state, optimizer.hyper(), 0)
    assert spec == jax.eval_shape(lambda s: s, state)


def test_bfloat16_goes_on_after_many_steps():
    """A step counted in bfloat16 would leave 1 - beta_2**t at zero, and Adam standing still."""
    params = {"w": jnp.ones(2, jnp.bfloat16)}
    optimizer = Adam(0.1)
    after, _ = optimizer.update(params, {"w": params["w"]}, optimizer.init(params), optimizer.hyper(), 0)
    np.testing.assert_allclose(after["w"].astype(jnp.float32), 0.9, rtol=1e-2)


@pytest.mark.parametrize("name", EVERY)
def test_weights_without_a_gradient_stay(name):
    optimizer = getattr(optimizers, name)(0.1, weight_decay=0.5)
    slots = optimizer.init(PARAMS)
    for grads in ({"a/bias": GRADS["a/bias"]}, {**GRADS, "a/kernel": None}):
        params, after = optimizer.update(PARAMS, grads, slots, optimizer.hyper(), 0)
        assert params["a/kernel"] is PARAMS["a/kernel"]
        assert np.abs(params["a/bias"] - 1).max() > 1e-5
        assert all(after[slot]["a/kernel"] is slots[slot]["a/kernel"] for slot in optimizer.slots)


def test_a_gradient_that_is_not_finite_is_not_hidden_by_the_global_norm():
    optimizer = SGD(1.0, global_clipnorm=1.0)
    grads = {**GRADS, "a/bias": jnp.array([jnp.inf, 0, 0])}
    params, _ = optimizer.update(PARAMS, grads, {}, optimizer.hyper(), 0)
    assert np.isnan(params["a/kernel"]).all()


def test_finalize_gives_the_averages():
    optimizer = SGD(0.1, use_ema=True, ema_momentum=0.5)
    params, slots = PARAMS, optimizer.init(PARAMS)
    for step in range(2):
        params, slots = optimizer.update(params, GRADS, slots, optimizer.hyper(), step)
    assert optimizer.finalize(params, slots)["a/bias"][0] == pytest.approx((1.1 + 1.2) / 2)
    assert SGD().finalize(params, {}) is params


def test_loss_scale():
    optimizer = SGD(0.1, loss_scale_factor=8.0)
    assert optimizer.scale_loss(2.0) == 16.0
    assert SGD().scale_loss(2.0) == 2.0


def test_a_subclass_is_slots_and_a_rule():
    class Heavy(Optimizer):
        slots = ("m",)

        def __init__(self, learning_rate=0.5, friction=0.5, **kwargs):
            super().__init__(learning_rate, **kwargs)
            self.friction = friction

        def rule(self, w, g, m, *, lr, t):
            m = self.friction * m + g
            return w - lr * m, m

    heavy = Heavy(clipvalue=0.25)
    assert heavy.get_config()["friction"] == 0.5
    assert Heavy.from_config(heavy.get_config()).clipvalue == 0.25
    params, slots = heavy.update(PARAMS, GRADS, heavy.init(PARAMS), heavy.hyper(), 0)
    assert params["a/bias"][0] == 1.125
    assert slots["m"]["a/bias"][0] == -0.25
    with pytest.raises(ArgumentError, match="Unknown argument of Heavy 'momentum'"):
        Heavy(momentum=0.1)


def test_a_rule_that_forgets_its_slot_is_told():
    class Bad(Optimizer):
        slots = ("m",)

        def rule(self, w, g, m, *, lr, t):
            return w - lr * g

    bad = Bad(0.1)
    with pytest.raises(ArgumentError, match=r"Bad\.rule: expected 2 arrays: w, m, got 1"):
        bad.update(PARAMS, GRADS, bad.init(PARAMS), bad.hyper(), 0)


def test_hyper_left_out_is_told():
    with pytest.raises(ArgumentError, match=r"hyper of SGD.update: expected what hyper\(\) returns, got {}"):
        SGD().update(PARAMS, GRADS, {}, {}, 0)


def test_recipe_tells_what_is_compiled_in():
    optimizer = Adam(0.1)
    before = optimizer.program_key()
    optimizer.learning_rate = 0.2
    optimizer.build(variables())
    assert optimizer.program_key() == before
    optimizer.beta_1 = 0.5
    changed = optimizer.program_key()
    assert changed != before
    optimizer.learning_rate = schedules.CosineDecay(0.1, 5)
    assert optimizer.program_key() != changed


# Variables -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"use_ema": True, "gradient_accumulation_steps": 2}, {"weight_decay": 0.1}])
@pytest.mark.parametrize("name", EVERY)
def test_apply_gradients_is_the_pure_update(name, options):
    cls = getattr(optimizers, name)
    mine, vs = cls(0.1, **options), variables()
    vs[1].constraint = lambda w: jnp.clip(w, 0.9, 1.05)
    pure = cls(0.1, **options)
    params, slots = PARAMS, pure.init(PARAMS)
    for step in range(3):
        mine.apply_gradients(zip(GRADS.values(), vs))
        params, slots = pure.update(params, GRADS, slots, pure.hyper(), step, {"a/bias": vs[1].constraint})
    for path, v in zip(PARAMS, vs):
        np.testing.assert_allclose(v.numpy(), params[path], rtol=2e-6)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7), mine.state, slots)
    assert int(mine._iterations) == 3
    assert int(mine.iterations) == (1 if "gradient_accumulation_steps" in options else 3)


def test_variables_read_and_write_the_state():
    optimizer, vs = Adam(0.1), variables()
    optimizer.apply(GRADS.values(), vs)
    lookup = [v.path for v in optimizer.variables]
    assert lookup == [
        "adam/iteration",
        "adam/learning_rate",
        "adam/a_kernel_momentum",
        "adam/a_kernel_velocity",
        "adam/a_bias_momentum",
        "adam/a_bias_velocity",
    ]
    m = optimizer.variables[4]
    np.testing.assert_allclose(m.numpy(), -0.1, rtol=1e-6)
    m.assign(jnp.full(3, 7.0))
    assert optimizer.state["momentum"]["a/bias"].tolist() == [7.0, 7.0, 7.0]
    other = Adam(0.5)
    other.build(vs)
    other.set_weights([v.numpy() for v in optimizer.variables])
    assert float(other.learning_rate) == float(np.float32(0.1))
    assert int(other.iterations) == 1
    jax.tree.map(np.testing.assert_array_equal, other.state, optimizer.state)
    with pytest.raises(ShapeError, match="Build it first"):
        Adam().set_weights([v.numpy() for v in optimizer.variables])
    store: dict[str, np.ndarray] = {}
    optimizer.save_own_variables(store)
    assert list(store) == [str(number) for number in range(len(optimizer.variables))]
    third = Adam(0.5)
    third.build(vs)
    third.load_own_variables(store)
    jax.tree.map(np.testing.assert_array_equal, third.state, optimizer.state)


def test_more_variables_later_keep_the_old_slots():
    """Thawed layers begin at zero; what was learnt about the others stays."""
    optimizer, vs = SGD(0.1, momentum=0.9), variables()
    optimizer.apply([GRADS["a/bias"]], vs[1:])
    before = optimizer.state["momentum"]["a/bias"]
    optimizer.build(vs)
    np.testing.assert_array_equal(optimizer.state["momentum"]["a/bias"], before)
    np.testing.assert_array_equal(optimizer.state["momentum"]["a/kernel"], 0)


def test_equal_names_do_not_share_slots():
    optimizer = SGD(0.5, momentum=0.5)
    vs = [Variable([1.0], name="v"), Variable([1.0], name="v")]
    optimizer.apply([jnp.ones(1), 2 * jnp.ones(1)], vs)
    assert [v.numpy()[0] for v in vs] == [0.5, 0.0]
    assert sorted(optimizer.state["momentum"]) == ["v", "v_1"]


def test_state_from_a_training_loop_is_taken_up():
    optimizer, vs = Adam(0.1), variables()
    assert not optimizer.fits(PARAMS)
    slots = optimizer.init(PARAMS)
    _, slots = optimizer.update(PARAMS, GRADS, slots, optimizer.hyper(), 0)
    optimizer.flush(slots, {"learning_rate": jnp.float32(0.25)}, jnp.int32(5))
    assert optimizer.fits(PARAMS)
    assert not optimizer.fits({"a/kernel": jnp.ones((2, 4))})
    optimizer.build(vs)
    assert float(optimizer.learning_rate) == 0.25
    np.testing.assert_allclose(optimizer.variables[4].numpy(), -0.1, rtol=1e-6)
    optimizer.apply(GRADS.values(), vs)
    assert int(optimizer.iterations) == 6


def test_variables_that_a_model_named_anew_find_their_slots():
    optimizer, v = SGD(0.5, momentum=0.5), Variable([1.0], name="kernel")
    optimizer.build([v])
    optimizer.rename({"dense/kernel": v})
    assert list(optimizer.state["momentum"]) == ["dense/kernel"]
    optimizer.flush({"momentum": {"dense/kernel": jnp.array([-2.0])}}, optimizer.hyper(), jnp.int32(1))
    optimizer.apply([jnp.ones(1)], [v])
    assert v.numpy() == 1 - 0.5 * 2 - 0.5


def test_changed_arguments_count_at_once():
    optimizer, v = SGD(0.5), Variable([8.0], name="v")
    optimizer.apply([4 * jnp.ones(1)], [v])
    optimizer.clipvalue = 1.0
    optimizer.apply([4 * jnp.ones(1)], [v])
    assert v.numpy() == 8 - 2 - 0.5


def test_weight_decay_exclusion():
    optimizer, vs = SGD(0.5, weight_decay=0.5), [Variable([1.0], name=n) for n in ("kernel", "bias", "scale")]
    optimizer.exclude_from_weight_decay(var_list=[vs[2]], var_names=["bias"])
    optimizer.apply([jnp.zeros(1)] * 3, vs)
    assert [float(v.numpy()[0]) for v in vs] == [0.75, 1.0, 1.0]


def test_missing_gradients():
    optimizer, vs = SGD(0.5), variables()
    with pytest.warns(UserWarning, match="No gradients for a/kernel"):
        optimizer.apply([None, GRADS["a/bias"]], vs)
    assert vs[1].numpy()[0] == 1.5
    with pytest.raises(ArgumentError, match="a gradient for some variable"):
        optimizer.apply([None, None], vs)


def test_bad_calls_of_apply():
    optimizer, vs = SGD(0.5), variables()
    with pytest.raises(ArgumentError, match="Give the variables too"):
        optimizer.apply([GRADS["a/bias"]])
    with pytest.raises(ArgumentError, match="expected 2 gradients, one per variable, got 1"):
        optimizer.apply([GRADS["a/bias"]], vs)
    with pytest.raises(ShapeError, match=r"Gradient of 'a/kernel': expected shape \(2, 3\), got shape \(3,\)"):
        optimizer.apply([GRADS["a/bias"], GRADS["a/kernel"]], vs)
    with pytest.raises(StateError, match=r"optimizer.update or optimizer.stateless_apply"):
        jax.jit(lambda g: optimizer.apply([g], vs[1:]))(GRADS["a/bias"])
    with pytest.raises(StateError, match="came before build"):
        SGD().stateless_apply([], [], [])
    optimizer.apply([], vs)
    assert int(optimizer.iterations) == 0


def test_apply_after_build_needs_no_variables():
    optimizer, vs = SGD(0.5), variables()
    optimizer.build(vs)
    optimizer.apply(list(GRADS.values()))
    assert vs[1].numpy()[0] == 1.5


def test_finalize_variable_values():
    optimizer, v = SGD(1.0, use_ema=True, ema_momentum=0.5), Variable([1.0], name="v")
    for _ in range(2):
        optimizer.apply([jnp.ones(1)], [v])
    optimizer.finalize_variable_values([v])
    assert v.numpy() == -0.5


# optax ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make",
    [
        lambda: optax.sgd(0.1),
        lambda: optax.adam(0.1),
        lambda: optax.adamw(0.1),
        lambda: optax.chain(optax.clip_by_global_norm(0.5), optax.adam(optax.linear_schedule(0.1, 0.0, 3))),
        lambda: optax.inject_hyperparams(optax.rmsprop)(learning_rate=0.1),
        lambda: optax.masked(optax.adam(0.1), {"a/kernel": True, "a/bias": False}),
        lambda: optax.MultiSteps(optax.adam(0.1), 2),
        lambda: optax.contrib.schedule_free_adamw(0.1),
        lambda: optax.lion(0.1),
    ],
)
def test_optax_gives_what_optax_gives(make):
    mine, theirs = optimizers.get(make()), make()
    params, slots = PARAMS, mine.init(PARAMS)
    wanted, state = PARAMS, theirs.init(PARAMS)
    update, optax_update = jax.jit(mine.update), jax.jit(theirs.update)
    for step in range(4):
        params, slots = update(params, GRADS, slots, mine.hyper(), step)
        updates, state = optax_update(GRADS, state, wanted)
        wanted = optax.apply_updates(wanted, updates)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), params, wanted)
    assert len(slots["optax"]) == len(jax.tree.leaves(state))
    assert jax.eval_shape(lambda: slots) == jax.eval_shape(lambda: mine.init(PARAMS))


def test_optax_rate_can_be_assigned_if_it_is_injected():
    optimizer, v = optimizers.get(optax.inject_hyperparams(optax.sgd)(learning_rate=0.5)), Variable([1.0], name="v")
    assert float(optimizer.learning_rate) == 0.5
    optimizer.apply([jnp.ones(1)], [v])
    optimizer.learning_rate = 0.25
    optimizer.apply([jnp.ones(1)], [v])
    assert v.numpy() == 0.25
    assert [w.name for w in optimizer.variables][:2] == ["iteration", "learning_rate"]
    with pytest.raises(ArgumentError, match="got -1"):
        optimizer.learning_rate = -1
    optimizer.learning_rate = schedules.PiecewiseConstantDecay([1], [9.0, 0.125])
    optimizer.apply([jnp.ones(1)], [v])
    assert v.numpy() == 0.125


@pytest.mark.parametrize(
    "transformation",
    [optax.sgd(0.5), optax.inject_hyperparams(optax.sgd)(learning_rate=optax.constant_schedule(0.5))],
    ids=["plain", "scheduled"],
)
def test_optax_rate_is_hidden_otherwise(transformation):
    optimizer, v = optimizers.get(transformation), Variable([1.0], name="v")
    assert not hasattr(optimizer, "learning_rate")
    with pytest.raises(AttributeError, match="inject_hyperparams"):
        optimizer.learning_rate = 0.1
    optimizer.apply([jnp.ones(1)], [v])
    assert v.numpy() == 0.5


def test_optax_constraint_and_config():
    optimizer, v = optimizers.get(optax.sgd(0.5)), Variable([1.0], name="v", constraint=lambda w: jnp.maximum(w, 0.8))
    optimizer.apply([jnp.ones(1)], [v])
    assert v.numpy() == np.float32(0.8)
    with pytest.raises(ArgumentError, match="cannot be written into a config"):
        optimizer.get_config()


def test_all_is_what_is_there():
    from gazelle.optimizers import __all__ as lookup

    public = {k for k, v in vars(optimizers).items() if inspect.isclass(v) and not k.startswith("_")}
    assert public <= set(lookup)
    assert set(EVERY) < set(lookup)


# Size of the compiled update ------------------------------------------------------------------------------------------


def lowered_update(optimizer, count):
    params = {f"w{i}": jnp.ones((3, 4)) for i in range(count)}
    arguments = params, params, optimizer.init(params), optimizer.hyper(), jnp.int32(0)
    return jax.jit(optimizer.update).lower(*arguments)


@pytest.mark.parametrize("name", [name for name in EVERY if name != "AdamW"])  # weights decay before the rule
def test_a_rule_is_lowered_once_for_all_weights_of_a_shape(name):
    few, many = (lowered_update(optimizers.get(name), count).as_text().count("stablehlo.") for count in (2, 12))
    assert many == few


class Mine(Adam):
    """Adam with a rule of the user's, which is called for each weight."""

    def rule(self, w, g, m, v, *, lr, t):
        CALLS.append(w.shape)
        return super().rule(w, g, m, v, lr=lr, t=t)


CALLS: list[tuple[int, ...]] = []


def test_a_users_rule_is_called_for_each_weight_and_computes_the_same():
    params = {f"w{i}": jnp.arange(6.0).reshape(2, 3) + i for i in range(3)}
    grads = {path: jnp.sin(w) for path, w in params.items()}
    CALLS.clear()
    results = []
    for optimizer in (Adam(), Mine()):
        results.append(
            jax.jit(optimizer.update)(params, grads, optimizer.init(params), optimizer.hyper(), jnp.int32(4))
        )
    assert len(CALLS) == 3
    for ours, theirs in zip(*map(jax.tree.leaves, results), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_gradients_in_variables_have_the_values_of_a_compiled_step():
    class Step(Model):
        def __init__(self):
            super().__init__()
            self.scale = self.add_weight((1,), "ones", name="scale")
            self.sums = self.add_weight((1,), "zeros", trainable=False, name="sums")

        def call(self, x):
            return x * self.scale

        def train_step(self, data):
            self.sums.assign(self.sums + 2.0)
            self.optimizer.apply_gradients([(self.sums, self.scale)])
            return {"loss": self.sums[0]}

    model = Step()
    model.compile(optimizers.SGD(0.25))
    model.fit(np.ones((2, 1)), np.ones((2, 1)), batch_size=1, verbose=0)
    assert model.scale.numpy() == 1 - 0.25 * 2 - 0.25 * 4
