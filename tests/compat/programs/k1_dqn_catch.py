"""A ball is caught: a network learns what each move is worth."""
import json
import numpy as np
from keras.models import Sequential, model_from_json
from keras.layers.core import Dense
from keras.optimizers import sgd


class Catch(object):
    def __init__(self, grid_size=10):
        self.grid_size = grid_size
        self.reset()

    def _update_state(self, action):
        state = self.state
        action = {0: -1, 1: 0, 2: 1}[action]
        f0, f1, basket = state[0]
        new_basket = min(max(1, basket + action), self.grid_size - 1)
        f0 += 1
        out = np.asarray([f0, f1, new_basket])
        self.state = out[np.newaxis]

    def _draw_state(self):
        im_size = (self.grid_size,) * 2
        state = self.state[0]
        canvas = np.zeros(im_size)
        canvas[state[0], state[1]] = 1
        canvas[-1, state[2] - 1:state[2] + 2] = 1
        return canvas

    def _get_reward(self):
        fruit_row, fruit_col, basket = self.state[0]
        if fruit_row == self.grid_size - 1:
            return 1 if abs(fruit_col - basket) <= 1 else -1
        return 0

    def act(self, action):
        self._update_state(action)
        reward = self._get_reward()
        return self._draw_state().reshape((1, -1)), reward, self.state[0, 0] == self.grid_size - 1

    def reset(self):
        n = np.random.randint(0, self.grid_size - 1, size=1)
        m = np.random.randint(1, self.grid_size - 2, size=1)
        self.state = np.asarray([0, n[0], m[0]])[np.newaxis]

    def observe(self):
        return self._draw_state().reshape((1, -1))


class ExperienceReplay(object):
    def __init__(self, max_memory=100, discount=.9):
        self.max_memory = max_memory
        self.memory = list()
        self.discount = discount

    def remember(self, states, game_over):
        self.memory.append([states, game_over])
        if len(self.memory) > self.max_memory:
            del self.memory[0]

    def get_batch(self, model, batch_size=10):
        len_memory = len(self.memory)
        num_actions = model.output_shape[-1]
        env_dim = self.memory[0][0][0].shape[1]
        inputs = np.zeros((min(len_memory, batch_size), env_dim))
        targets = np.zeros((inputs.shape[0], num_actions))
        for i, idx in enumerate(np.random.randint(0, len_memory, size=inputs.shape[0])):
            state_t, action_t, reward_t, state_tp1 = self.memory[idx][0]
            game_over = self.memory[idx][1]
            inputs[i:i + 1] = state_t
            targets[i] = model.predict(state_t)[0]
            Q_sa = np.max(model.predict(state_tp1)[0])
            targets[i, action_t] = reward_t if game_over else reward_t + self.discount * Q_sa
        return inputs, targets

epsilon = .3
num_actions = 3
epoch = 3
hidden_size = 32
batch_size = 20
grid_size = 6

model = Sequential()
model.add(Dense(hidden_size, input_shape=(grid_size ** 2,), activation='relu'))
model.add(Dense(hidden_size, activation='relu'))
model.add(Dense(num_actions))
model.compile(sgd(lr=.2), "mse")

env = Catch(grid_size)
exp_replay = ExperienceReplay(max_memory=200)
win_cnt = 0
losses = []
for e in range(epoch):
    loss = 0.
    env.reset()
    game_over = False
    input_t = env.observe()
    while not game_over:
        input_tm1 = input_t
        if np.random.rand() <= epsilon:
            action = np.random.randint(0, num_actions, size=1)[0]
        else:
            q = model.predict(input_tm1)
            action = np.argmax(q[0])
        input_t, reward, game_over = env.act(action)
        if reward == 1:
            win_cnt += 1
        exp_replay.remember([input_tm1, action, reward, input_t], game_over)
        inputs, targets = exp_replay.get_batch(model, batch_size=batch_size)
        loss += model.train_on_batch(inputs, targets)
    losses.append(loss)
    print("Epoch {:03d}/{} | Loss {:.4f} | Win count {}".format(e, epoch, loss, win_cnt))

model.save_weights("model.h5", overwrite=True)
with open("model.json", "w") as outfile:
    json.dump(model.to_json(), outfile)
with open("model.json", "r") as jfile:
    model2 = model_from_json(json.load(jfile))
model2.load_weights("model.h5")
model2.compile("sgd", "mse")
assert np.allclose(model2.predict(input_t), model.predict(input_t), atol=1e-6)
assert np.all(np.isfinite(losses))
