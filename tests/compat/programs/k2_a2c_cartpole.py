"""Actor-critic with updates of one's own: optimizer.get_updates and K.function, as in rlcode's examples."""
import numpy as np
from keras.layers import Dense, Input
from keras.models import Model, Sequential
from keras.optimizers import Adam
from keras import backend as K


class A2CAgent:
    def __init__(self, state_size, action_size):
        self.state_size = state_size
        self.action_size = action_size
        self.discount_factor = 0.99
        self.actor_lr = 0.05
        self.critic_lr = 0.05
        self.actor, self.critic = self.build_model()
        self.optimizer = [self.actor_optimizer(), self.critic_optimizer()]

    def build_model(self):
        state = Input(batch_shape=(None, self.state_size))
        shared = Dense(24, input_dim=self.state_size, activation='relu', kernel_initializer='glorot_uniform')(state)
        actor_hidden = Dense(24, activation='relu', kernel_initializer='glorot_uniform')(shared)
        action_prob = Dense(self.action_size, activation='softmax', kernel_initializer='glorot_uniform')(actor_hidden)
        value_hidden = Dense(24, activation='relu', kernel_initializer='he_uniform')(shared)
        state_value = Dense(1, activation='linear', kernel_initializer='he_uniform')(value_hidden)
        actor = Model(inputs=state, outputs=action_prob)
        critic = Model(inputs=state, outputs=state_value)
        actor._make_predict_function()
        critic._make_predict_function()
        actor.summary()
        critic.summary()
        return actor, critic

    def actor_optimizer(self):
        action = K.placeholder(shape=[None, self.action_size])
        advantages = K.placeholder(shape=[None, ])
        policy = self.actor.output
        good_prob = K.sum(action * policy, axis=1)
        eligibility = K.log(good_prob + 1e-10) * K.stop_gradient(advantages)
        loss = -K.sum(eligibility)
        entropy = K.sum(policy * K.log(policy + 1e-10), axis=1)
        actor_loss = loss + 0.01 * entropy
        optimizer = Adam(lr=self.actor_lr)
        updates = optimizer.get_updates(self.actor.trainable_weights, [], actor_loss)
        train = K.function([self.actor.input, action, advantages], [], updates=updates)
        return train

    def critic_optimizer(self):
        discounted_reward = K.placeholder(shape=(None, ))
        value = self.critic.output
        loss = K.mean(K.square(discounted_reward - value))
        optimizer = Adam(lr=self.critic_lr)
        updates = optimizer.get_updates(params=self.critic.trainable_weights, loss=loss)
        train = K.function([self.critic.input, discounted_reward], [loss], updates=updates)
        return train

    def get_action(self, state):
        policy = self.actor.predict(state.reshape(1, -1), batch_size=1).flatten()
        return np.random.choice(self.action_size, 1, p=policy / policy.sum())[0]

agent = A2CAgent(4, 2)
rng = np.random.RandomState(0)
states = rng.randn(64, 4).astype('float32')
best = (states[:, 0] > 0).astype(int)
losses = []
for step in range(40):
    act = np.array([agent.get_action(s) for s in states[:4]] + list(rng.randint(0, 2, 60)))
    rewards = np.where(act == best, 1., -1.)
    agent.optimizer[0]([states, np.eye(2)[act], rewards])
    losses.append(float(agent.optimizer[1]([states, best.astype('float32')])[0]))
accuracy = np.mean(agent.actor.predict(states).argmax(1) == best)
print(accuracy, losses[0], losses[-1])
assert accuracy > 0.9
