import numpy as np
import pygad
import pygad.kerasga
from tensorflow import keras

inputs = keras.layers.Input((3,))
model = keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Dense(5, activation="relu")(inputs)))
population = pygad.kerasga.KerasGA(model=model, num_solutions=6).population_weights
x = np.random.rand(20, 3)
y = x.sum(axis=1, keepdims=True)


def fitness(ga, solution, index):
    predictions = pygad.kerasga.predict(model=model, solution=solution, data=x)
    return 1 / (keras.losses.MeanAbsoluteError()(y, predictions).numpy() + 1e-8)


options = {"num_parents_mating": 3, "fitness_func": fitness, "suppress_warnings": True}
ga = pygad.GA(num_generations=3, initial_population=population, **options)
ga.run()
solution, value, _ = ga.best_solution()
model.set_weights(pygad.kerasga.model_weights_as_matrix(model, solution))
np.testing.assert_allclose(1 / value, np.abs(model.predict(x) - y).mean(), rtol=1e-3)
