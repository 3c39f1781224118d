import keras
import visualkeras

model = keras.Sequential(
    [
        keras.Input((16, 16, 3)),
        keras.layers.Conv2D(4, 3, activation="relu"),
        keras.layers.MaxPooling2D(),
        keras.layers.Flatten(),
        keras.layers.Dense(3, activation="softmax"),
    ]
)
visualkeras.layered_view(model, to_file="layers.png", legend=True)
visualkeras.graph_view(model, to_file="graph.png")
