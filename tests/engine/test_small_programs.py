"""Small programs run in the thread that calls them."""

import jax
import jax.numpy as jnp
import numpy as np

from gazelle import engine
from gazelle.core import arrays
from gazelle.engine import executable_cache, small_programs


def test_jax_runs_programs_in_the_thread_that_calls_them():
    assert arrays.from_host(0) == 0  # the setting was made before
    assert jax.config.values["jax_cpu_enable_async_dispatch"] is False


def test_only_small_programs_run_in_one_thread():
    product = jax.jit(lambda a: [a @ a] * 12)
    small, large = (product.lower(jnp.ones((n, n))) for n in (8, 512))
    assert small_programs.options_for(small) == small_programs.one_thread_options() != {}
    assert small_programs.options_for(large) == {}
    small.compile(compiler_options=small_programs.options_for(small))


def test_numbers_of_a_step_stay_on_the_device():
    assert engine.number(np.int32(3)) is engine.number(np.int32(3))
    assert engine.number(np.int32(1)).dtype == "int32"
    assert engine.number(np.bool_(True)).dtype == "bool"
    assert isinstance(engine.number(np.int32(10_000)), np.int32)


def test_a_step_that_is_not_shared_runs_in_one_thread(monkeypatch):
    monkeypatch.setattr(executable_cache, "usable", lambda: True)
    step = engine.compile(lambda state: [value + 1 for value in state], donate=(0,))
    assert isinstance(step, executable_cache.CachedProgram)
    used = []
    monkeypatch.setattr(small_programs, "options_for", lambda lowered: used.append(lowered) or {})
    assert [float(value) for value in step([jnp.float32(1), jnp.float32(2)])] == [2, 3]
    assert [float(value) for value in step([jnp.float32(3), jnp.float32(4)])] == [4, 5]
    assert len(used) == 1
