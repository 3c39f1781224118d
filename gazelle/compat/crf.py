"""Linear-chain conditional random fields: scores of tag sequences, their normalization, and the best sequence.

The score of tags s is  Σ_t p[t, s_t] + Σ_t A[s_{t-1}, s_t]  over the steps of a mask; P(s) = exp(score(s) - log Z).
potentials p (batch, steps, tags) · mask (batch, steps) · transitions A (tags, tags)

Source: Lafferty, McCallum and Pereira, "Conditional Random Fields", ICML 2001.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax.nn import logsumexp  # the module of SciPy's functions takes time to load

from gazelle.core.types import Array


def _moves(mask: Array) -> Array:
    """The steps of the mask that follow another one."""
    started = jnp.cumsum(mask, 1) > 1
    return mask & started


def sequence_score(potentials: Array, tags: Array, mask: Array, transitions: Array) -> Array:
    """Return the scores (batch,) of tags (batch, steps)."""
    single = jnp.take_along_axis(potentials, tags[..., None], -1)[..., 0]
    pairs = transitions[tags[:, :-1], tags[:, 1:]]
    return jnp.sum(jnp.where(mask, single, 0), 1) + jnp.sum(jnp.where(_moves(mask)[:, 1:], pairs, 0), 1)


def _forward(potentials: Array, mask: Array, transitions: Array, join: Callable[[Array], Array]) -> tuple[Array, Array]:
    """(final values of the tags (batch, tags), best previous tags (steps, batch, tags)).

    join: what the values of the previous tags become, of (batch, previous tags, tags).
    """

    def step(values: Array, inputs: tuple[Array, Array, Array]) -> tuple[Array, Array]:
        potential, valid, follows = inputs
        scores = values[:, :, None] + transitions
        unchanged = jnp.broadcast_to(jnp.arange(values.shape[1]), values.shape)
        previous = jnp.where(follows[:, None], jnp.argmax(scores, 1), unchanged)
        first = jnp.where(valid[:, None], potential, values)
        return jnp.where(follows[:, None], join(scores) + potential, first), previous

    steps = jnp.moveaxis(potentials, 1, 0), mask.T, _moves(mask).T
    return jax.lax.scan(step, jnp.zeros_like(potentials[:, 0]), steps)


def log_norm(potentials: Array, mask: Array, transitions: Array) -> Array:
    """Return log Z (batch,), the logarithm of the sum of exp(score) over all sequences; 0 without steps."""
    values, _ = _forward(potentials, mask, transitions, lambda scores: logsumexp(scores, axis=1))
    return jnp.where(mask.any(1), logsumexp(values, axis=1), 0)


def log_likelihood(potentials: Array, tags: Array, mask: Array, transitions: Array) -> Array:
    """Return log P(tags) (batch,)."""
    return sequence_score(potentials, tags, mask, transitions) - log_norm(potentials, mask, transitions)


def marginals(potentials: Array, mask: Array, transitions: Array) -> Array:
    """Return the probabilities of the tags at each step (batch, steps, tags): the gradient of log Z."""
    return jax.grad(lambda p: jnp.sum(log_norm(p, mask, transitions)))(potentials)


def decode(potentials: Array, mask: Array, transitions: Array) -> tuple[Array, Array]:
    """Return the best tags (batch, steps), 0 outside of the mask, and their scores (batch,), by Viterbi's algorithm."""
    values, previous = _forward(potentials, mask, transitions, lambda scores: jnp.max(scores, axis=1))

    def back(tag: Array, previous: Array) -> tuple[Array, Array]:
        return jnp.take_along_axis(previous, tag[:, None], 1)[:, 0], tag

    _, tags = jax.lax.scan(back, jnp.argmax(values, 1), previous, reverse=True)
    return jnp.where(mask, tags.T, 0), jnp.max(values, 1)
