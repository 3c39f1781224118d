import huskarl
import numpy as np
from tensorflow.keras.layers import Dense
from tensorflow.keras.models import Sequential


class Signs:
    """An environment whose reward is 1 if the action is the sign of the first number."""

    def __init__(self):
        self.random = np.random.RandomState(0)

    def reset(self):
        self.count, self.state = 0, self.random.uniform(-1, 1, 4)
        return self.state

    def step(self, action):
        reward = float((self.state[0] > 0) == bool(np.ravel(action)[0] > 0))
        self.count, self.state = self.count + 1, self.random.uniform(-1, 1, 4)
        return self.state, reward, self.count >= 10, {}


def network():
    return Sequential([Dense(16, activation="relu", input_shape=(4,)), Dense(16, activation="relu")])


for options in ({}, {"enable_dueling_network": True}, {"enable_double_dqn": False, "nsteps": 2}):
    agent = huskarl.agent.DQN(network(), actions=2, **options)
    huskarl.Simulation(Signs, agent).train(max_steps=80)
    assert agent.act(np.zeros(4)) in (0, 1)
agent.save("weights.h5", overwrite=True)
actor = huskarl.agent.A2C(network(), actions=2, nsteps=2)
huskarl.Simulation(Signs, actor).train(max_steps=40, instances=2)
print(actor.act(np.zeros(4)))
