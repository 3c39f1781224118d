# %% [markdown]
# # Serve a model with FastAPI
#
# A small web service receives an image as JSON and returns the digit. Needs FastAPI and a server:
# `pip install fastapi uvicorn`.

# %% [markdown] lang="zh"
# # 用 FastAPI 提供模型服务
#
# 一个小型 Web 服务以 JSON 接收图像并返回数字。需要 FastAPI 和一个服务器：`pip install fastapi uvicorn`。

# %%
import json
import os
import socket
import tempfile
import threading
import time
from http.client import HTTPConnection

import matplotlib.pyplot as plt
import numpy as np
import uvicorn
from fastapi import FastAPI, HTTPException

from gazelle import Input, Sequential, layers
from gazelle.datasets import local
from gazelle.models import load_model
from gazelle.utils import set_random_seed

set_random_seed(0)
(x_train, y_train), (x_test, y_test) = local("digits")
model = Sequential(
    [
        Input((8, 8)),
        layers.Rescaling(1 / 16),
        layers.Flatten(),
        layers.Dense(128, activation="relu"),
        layers.Dense(10, activation="softmax"),
    ]
)
model.compile("adam", "sparse_categorical_crossentropy")
model.fit(x_train, y_train, epochs=15, verbose=0)
folder = tempfile.TemporaryDirectory()
path = os.path.join(folder.name, "digits.keras")
model.save(path)

# %% [markdown]
# The service loads the file once and calls `predict` once, so that it is compiled before the first request.
# `predict` may be called from several threads at the same time. An image of a wrong shape gives an error that names
# the expected shape; the client receives its text.

# %% [markdown] lang="zh"
# 服务加载一次文件并调用一次 `predict`，使其在第一个请求之前编译好。`predict` 可以同时从多个线程调用。形状错误的图像
# 会产生指出预期形状的错误，客户端收到该文本。

# %%
served = load_model(path)
served.predict(np.zeros((1, 8, 8)), verbose=0)
app = FastAPI()


@app.post("/digit")
def digit(pixels: list[list[float]]) -> dict[str, int | float]:
    """The most probable digit and its probability."""
    try:
        probabilities = served.predict(np.array([pixels]), verbose=0)[0]
    except ValueError as error:
        raise HTTPException(422, str(error)) from None
    return {"digit": int(probabilities.argmax()), "probability": round(float(probabilities.max()), 4)}


# %% [markdown]
# The server runs in a thread here, on a port that the system chooses. To run it alone, save this program up to this
# line as `service.py` and enter `uvicorn service:app`.

# %% [markdown] lang="zh"
# 这里服务器在一个线程中运行，端口由系统选择。要单独运行它，请把到这一行为止的程序保存为 `service.py`，并输入
# `uvicorn service:app`。

# %%
port = socket.create_server(("127.0.0.1", 0))
server = uvicorn.Server(uvicorn.Config(app, log_level="warning", ws="none"))
thread = threading.Thread(target=server.run, kwargs={"sockets": [port]}, daemon=True)
thread.start()
while not server.started:
    time.sleep(0.05)


def request(image):
    """Send an image; return status and answer."""
    connection = HTTPConnection(*port.getsockname())
    connection.request("POST", "/digit", json.dumps(image.tolist()), {"Content-Type": "application/json"})
    response = connection.getresponse()
    return response.status, json.load(response)


print(*request(x_test[0]))
print(*request(x_test[0, :7]))
answers = [request(image)[1] for image in x_test[:100]]
server.should_exit = True
thread.join()

figure, axes = plt.subplots(1, 7, figsize=(9, 1.7))
for axis, image, answer in zip(axes, x_test, answers, strict=False):
    axis.imshow(image, cmap="gray_r")
    axis.set_title(f"{answer['digit']} ({answer['probability']:.0%})", fontsize=9)
    axis.axis("off")
plt.show()
folder.cleanup()
correct = np.mean([answer["digit"] == label for answer, label in zip(answers, y_test, strict=False)])
print(f"{len(answers)} requests answered, {correct:.2f} of them correctly")
