import numpy as np
import tensorflow as tf
from recsys.feature import Field, Task
from recsys.multidomain.pepnet import pepnet

fields = [
    Field("uid", vocabulary_size=100),
    Field("item_id", vocabulary_size=20, belong="item"),
    Field("his_item_id", vocabulary_size=20, emb="item_id", length=20, belong="history"),
    Field("context_id", vocabulary_size=20, belong="context"),
    Field("domain_id", vocabulary_size=3, belong="domain"),
    Field("domain_impression", vocabulary_size=1, belong="domain", dtype="float32"),
]
tasks = [Task(name="click"), Task(name="like"), Task(name="fav")]
rng = np.random.default_rng(0)
data = {
    "uid": rng.integers(0, 100, 300),
    "item_id": rng.integers(0, 20, 300),
    "his_item_id": rng.integers(0, 20, (300, 20)),
    "context_id": rng.integers(0, 20, 300),
    "domain_id": rng.integers(0, 3, 300),
    "domain_impression": rng.random(300),
}
labels = {task.name: (data["uid"] > 50).astype("int64") for task in tasks}
model = pepnet(fields, tasks, [64, 32], history_agg="attention", agg_kwargs={})
model.compile(optimizer="adam", loss=tf.keras.losses.BinaryCrossentropy(), metrics=["accuracy"])
history = model.fit(data, labels, batch_size=32, epochs=4, verbose=2).history
assert history["loss"][-1] < history["loss"][0]
print(sorted(history))
