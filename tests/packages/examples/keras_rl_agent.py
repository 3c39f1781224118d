import numpy as np
from rl.agents.dqn import DQNAgent
from rl.core import Env
from rl.memory import SequentialMemory
from rl.policy import EpsGreedyQPolicy
from tensorflow.keras.layers import Dense, Flatten
from tensorflow.keras.models import Sequential
from tensorflow.keras.optimizers import Adam


class Line(Env):
    def reset(self):
        self.at = self.steps = 0
        return np.array([self.at])

    def step(self, action):
        self.at, self.steps = self.at + (1 if action else -1), self.steps + 1
        return np.array([self.at]), float(action), abs(self.at) > 3 or self.steps > 20, {}

    def render(self, mode="human", close=False):
        pass

    def close(self):
        pass


for update in (10, 0.01):  # hard and soft updates of the target
    model = Sequential([Flatten(input_shape=(1, 1)), Dense(8, activation="relu"), Dense(2, activation="linear")])
    agent = DQNAgent(
        model=model,
        nb_actions=2,
        memory=SequentialMemory(limit=100, window_length=1),
        nb_steps_warmup=5,
        target_model_update=update,
        policy=EpsGreedyQPolicy(),
    )
    agent.compile(Adam(learning_rate=1e-3), metrics=["mae"])
    agent.fit(Line(), nb_steps=20, verbose=0)
    agent.test(Line(), nb_episodes=1, visualize=False)
