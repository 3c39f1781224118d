# %% [markdown]
# # Reinforcement learning: balance a pole
#
# A cart moves left or right to keep a pole upright. Nobody shows the right moves: the network tries, and moves that
# are followed by many upright steps become more probable (REINFORCE).

# %% [markdown] lang="zh"
# # 强化学习：平衡杆
#
# 小车向左或向右移动，使杆保持直立。没有人给出正确的动作：网络自己尝试，之后能直立多步的动作变得更可能（
# REINFORCE）。

# %%
import matplotlib.pyplot as plt
import numpy as np

from gazelle import Input, Sequential, layers, ops, optimizers
from gazelle.utils import set_random_seed

set_random_seed(0)
rng = np.random.default_rng(0)
EPISODES, STEPS = 32, 200


def move(state, right):
    """The next state after 0.02 s: position, speed, angle, angular speed (Barto, Sutton and Anderson, 1983)."""
    _, speed, angle, turning = state.T
    force = np.where(right, 10.0, -10.0)
    sin, cos = np.sin(angle), np.cos(angle)
    push = (force + 0.05 * turning**2 * sin) / 1.1
    turn = (9.8 * sin - cos * push) / (0.5 * (4 / 3 - 0.1 * cos**2 / 1.1))
    acceleration = push - 0.05 * turn * cos / 1.1
    return state + 0.02 * np.stack([speed, acceleration, turning, turn], axis=1)


# %% [markdown]
# 32 episodes are played at once, so that the network computes one batch per step. An episode ends when the cart
# leaves the track or the pole leans too far.

# %% [markdown] lang="zh"
# 32 个回合同时进行，使网络每一步计算一个批次。小车离开轨道或杆倾斜过大时，回合结束。


# %%
def play():
    """States, actions, and whether the pole was upright before each step: arrays (steps, episodes, ...)."""
    states, actions = np.zeros((STEPS, EPISODES, 4), dtype="float32"), np.zeros((STEPS, EPISODES), dtype=bool)
    upright = np.zeros((STEPS, EPISODES), dtype=bool)
    state, alive = rng.uniform(-0.05, 0.05, (EPISODES, 4)), np.ones(EPISODES, dtype=bool)
    for step in range(STEPS):
        states[step], upright[step] = state, alive
        actions[step] = rng.random(EPISODES) < policy.predict_on_batch(states[step])[:, 0]
        state = move(state, actions[step])
        alive = alive & (np.abs(state[:, 0]) < 2.4) & (np.abs(state[:, 2]) < 0.21)
        if not alive.any():
            break
    return states, actions, upright


def policy_loss(target, probability):
    """The negative log probability of the action, times its advantage; target has both."""
    action, advantage = target[:, 0], target[:, 1]
    taken = ops.where(action > 0, probability[:, 0], 1 - probability[:, 0])
    return -advantage * ops.log(taken + 1e-7)


policy = Sequential([Input((4,)), layers.Dense(32, activation="tanh"), layers.Dense(1, activation="sigmoid")])
policy.compile(optimizers.Adam(0.02), policy_loss)

# %% [markdown]
# The return of a step counts the upright steps after it, later ones less. Its difference from the mean return of
# all steps with the same number is the advantage: was this episode better than the others?

# %% [markdown] lang="zh"
# 某一步的回报是其后直立步数的加权和，越晚权重越小。它与同一步平均回报之差就是优势：这个回合是否比其他回合更好？

# %%
lengths = []
for _ in range(40):
    states, actions, upright = play()
    lengths.append(upright.sum(axis=0))
    returns, later = np.zeros(upright.shape), 0.0
    for step in reversed(range(STEPS)):
        later = returns[step] = upright[step] * (1 + 0.98 * later)
    mean = returns.sum(axis=1) / np.maximum(upright.sum(axis=1), 1)
    advantage = upright * (returns - mean[:, None]) / (returns[upright].std() + 1e-6)
    target = np.stack([actions, advantage], axis=-1).astype("float32")
    policy.train_on_batch(states.reshape(-1, 4), target.reshape(-1, 2))

plt.figure(figsize=(7, 3))
plt.plot(np.mean(lengths, axis=1), label="mean")
plt.fill_between(range(40), np.min(lengths, axis=1), np.max(lengths, axis=1), alpha=0.2, label="shortest to longest")
plt.xlabel("update")
plt.ylabel("steps upright (at most 200)")
plt.legend()
plt.show()
first, last = np.mean(lengths[0]), np.mean(lengths[-5:])
print(f"mean number of upright steps: {first:.0f} at first, {last:.0f} in the last 5 updates")
