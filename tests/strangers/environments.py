"""A small stand-in for gym and gymnasium: environments with random observations and short episodes."""

import functools
import importlib
import sys
import types

import numpy as np

_rng = np.random.RandomState(0)
_IMAGES = ("Breakout", "Pong", "Doom", "MsPacman", "Seaquest", "SpaceInvaders", "Mario", "CarRacing")
_SIZES = {  # (numbers of an observation, actions: a number of kinds or of values)
    "CartPole": (4, 2),
    "MountainCarContinuous": (2, (1,)),
    "MountainCar": (2, 3),
    "Acrobot": (6, 3),
    "Pendulum": (3, (1,)),
    "LunarLanderContinuous": (8, (2,)),
    "LunarLander": (8, 4),
    "BipedalWalker": (24, (4,)),
    "HalfCheetah": (17, (6,)),
    "Hopper": (11, (3,)),
    "Walker2d": (17, (6,)),
    "Ant": (111, (8,)),
    "Swimmer": (8, (2,)),
    "Humanoid": (376, (17,)),
    "Reacher": (11, (2,)),
    "InvertedDoublePendulum": (11, (1,)),
    "InvertedPendulum": (4, (1,)),
}
EPISODE = 25


class Space:
    """Base class of spaces."""

    shape = ()

    def seed(self, seed=None):
        return [seed]


class Discrete(Space):
    """The numbers below n."""

    def __init__(self, n, **_):
        self.n, self.dtype = n, np.dtype("int64")

    def sample(self):
        return int(_rng.randint(self.n))

    def contains(self, value):
        return 0 <= int(value) < self.n


class Box(Space):
    """Arrays between two bounds."""

    def __init__(self, low, high, shape=None, dtype="float32", **_):
        self.shape = tuple(np.shape(low) if shape is None else shape)
        self.dtype = np.dtype(dtype)
        self.low, self.high = (np.full(self.shape, bound, self.dtype) for bound in (low, high))

    def sample(self):
        bounds = [np.clip(bound, -5, 255) for bound in (self.low, self.high)]
        return _rng.uniform(*bounds, size=self.shape).astype(self.dtype)

    def contains(self, value):
        return np.shape(value) == self.shape


class MultiBinary(Box):
    """Arrays of zeros and ones."""

    def __init__(self, n, **_):
        super().__init__(0, 1, (n,), "int8")
        self.n = n


class MultiDiscrete(Box):
    """Arrays of numbers, each below its own bound."""

    def __init__(self, nvec, **_):
        super().__init__(0, np.asarray(nvec) - 1, np.shape(nvec), "int64")
        self.nvec = np.asarray(nvec)


class Tuple(Space):
    """A tuple of spaces."""

    def __init__(self, spaces):
        self.spaces = tuple(spaces)

    def sample(self):
        return tuple(space.sample() for space in self.spaces)


class Env:
    """Base class of environments."""

    metadata, reward_range, spec = {}, (-np.inf, np.inf), None

    @property
    def unwrapped(self):
        return self

    def seed(self, seed=None):
        return [seed]

    def render(self, mode="human", **_):
        return np.zeros((64, 64, 3), "uint8")

    def close(self):
        pass


class Wrapper(Env):
    """An environment around another one."""

    def __init__(self, env, *_, **__):
        self.env, self.spec = env, env.spec

    def __getattr__(self, name):
        return getattr(self.env, name)

    def reset(self, **kwargs):
        return self.env.reset(**kwargs)

    def step(self, action):
        return self.env.step(action)


class ObservationWrapper(Wrapper):
    """A wrapper whose `observation` changes what the environment returns."""

    def reset(self, **kwargs):
        found = self.env.reset(**kwargs)
        return (self.observation(found[0]), *found[1:]) if isinstance(found, tuple) else self.observation(found)

    def step(self, action):
        observation, *rest = self.env.step(action)
        return self.observation(observation), *rest


class RewardWrapper(Wrapper):
    """A wrapper whose `reward` changes the reward."""

    def step(self, action):
        observation, reward, *rest = self.env.step(action)
        return observation, self.reward(reward), *rest


class ActionWrapper(Wrapper):
    """A wrapper whose `action` changes the action."""

    def step(self, action):
        return self.env.step(self.action(action))


class _Made(Env):
    def __init__(self, name, newer):
        self.newer, self.steps, self.name = newer, 0, name
        found = next((sizes for start, sizes in _SIZES.items() if name.startswith(start)), (4, 4))
        image = any(word in name for word in _IMAGES)
        count, actions = ((210, 160, 3), 4) if image else found
        if image:
            self.observation_space = Box(0, 255, count, "uint8")
        elif name.startswith(("FrozenLake", "Taxi", "NChain")):
            self.observation_space = Discrete({"N": 5, "T": 500}.get(name[0], 16))
        else:
            self.observation_space = Box(-2.4, 2.4, (count,))
        self.action_space = Box(-2.0, 2.0, actions) if isinstance(actions, tuple) else Discrete(actions)
        self.spec = types.SimpleNamespace(id=name, max_episode_steps=EPISODE, timestep_limit=EPISODE)
        self._max_episode_steps = EPISODE
        self.monitor = types.SimpleNamespace(start=lambda *_, **__: None, close=lambda: None)  # of gym before 0.7
        self.x_threshold, self.theta_threshold_radians = 2.4, 0.21

    def reset(self, **_):
        self.steps = 0
        return (self.observation_space.sample(), {}) if self.newer else self.observation_space.sample()

    def step(self, action):
        self.steps += 1
        observation, done = self.observation_space.sample(), self.steps >= EPISODE
        return (observation, 1.0, done, False, {}) if self.newer else (observation, 1.0, done, {})


_registered = {}


def register(id, entry_point=None, kwargs=None, **_):
    """Register an environment of the program."""
    _registered[id] = entry_point, kwargs or {}


def _make(id, *_, newer, **more):
    entry, kwargs = _registered.get(id, (None, {}))
    if entry is None:
        return _Made(id, newer)
    module, _, name = entry.partition(":") if isinstance(entry, str) else ("", "", "")
    return (getattr(importlib.import_module(module), name) if module else entry)(**kwargs, **more)


def install(newer_gym=False):
    """Put the modules into sys.modules, where they are not installed; newer_gym: that of gym 0.26."""
    for name, newer in (("gym", newer_gym), ("gymnasium", True)):
        module, spaces, wrappers = (types.ModuleType(name + end) for end in ("", ".spaces", ".wrappers"))
        kinds = (Space, Discrete, Box, MultiBinary, MultiDiscrete, Tuple)
        vars(spaces).update({kind.__name__: kind for kind in kinds}, __path__=[])
        vars(wrappers).update(Monitor=Wrapper, RecordVideo=Wrapper)
        make = functools.partial(_make, newer=newer)
        classes = (Env, Wrapper, ObservationWrapper, RewardWrapper, ActionWrapper)
        vars(module).update(make=make, spaces=spaces, register=register, **{c.__name__: c for c in classes})
        vars(module).update(wrappers=wrappers, Space=Space, __version__="0.17.0", __path__=[])
        ends = ("", ".registration", ".atari", ".atari.atari_env")
        envs, registration, atari, atari_env = (types.ModuleType(f"{name}.envs{end}") for end in ends)
        envs.__path__, atari.__path__, atari.AtariEnv, atari_env.AtariEnv = [], [], _Made, _Made
        more = [types.ModuleType(f"{name}.{end}") for end in ("spaces.box", "spaces.discrete", "logger", "error")]
        for each in more[:2]:
            vars(each).update(vars(spaces) | {"__name__": each.__name__})
        module.logger, module.error = more[2:]
        more[2].set_level, more[3].Error, more[3].DeprecatedEnv = print, Exception, Exception
        registration.register = envs.register = register
        envs.registry, envs.registration = {}, registration
        module.envs = envs
        module.undo_logger_setup = lambda: None
        for each in (module, spaces, wrappers, envs, registration, atari, atari_env, *more):
            sys.modules.setdefault(each.__name__, each)
