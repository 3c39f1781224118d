# %% [markdown]
# # Paint a photo in the style of another
#
# The pixels of an image are trained instead of the weights of a network. The image keeps the coarse structure of
# one photo (a temple) and takes on the colors and the texture of another (a dahlia). Filters with random weights
# suffice to describe texture.

# %% [markdown] lang="zh"
# # 用另一张照片的风格绘制照片
#
# 这里训练的不是网络的权重，而是图像的像素。图像保留一张照片（寺庙）的大致结构，并获得另一张照片（大丽花）的颜色和纹
# 理。随机权重的滤波器足以描述纹理。

# %%
import jax
import matplotlib.pyplot as plt
from sklearn.datasets import load_sample_images

from gazelle import Input, Model, Variable, layers, ops, optimizers
from gazelle.utils import set_random_seed

set_random_seed(0)
photos = [photo[:420, :630].astype("float32") / 255 for photo in load_sample_images().images]
content, style = (photo.reshape(1, 84, 5, 126, 5, 3).mean(axis=(2, 4)) for photo in photos)  # a fifth of the size

# %% [markdown]
# The Gram matrix of filter responses describes texture: which patterns occur together, regardless of where. The
# image is halved twice, so that the same filters cover a larger part of it.

# %% [markdown] lang="zh"
# 滤波器响应的 Gram 矩阵描述纹理：哪些图案同时出现，与位置无关。图像被缩小两次，使同样大小的滤波器覆盖图像的更大部
# 分。

# %%
x = inputs = Input((84, 126, 3))
responses = []
for _ in range(3):
    responses.append(layers.Conv2D(32, 5, activation="relu")(x - 0.5))
    x = layers.AveragePooling2D()(x)
filters = Model(inputs, responses)


def grams(image):
    """The Gram matrix of each scale."""
    return [ops.einsum("bhwi,bhwj->ij", r, r) / (r.shape[1] * r.shape[2]) for r in filters(image)]


def structure(image):
    """The brightness at a third of the size."""
    return ops.average_pool(ops.mean(image, axis=-1, keepdims=True), 3)


style_grams, content_structure = grams(style), structure(content)


def loss(image):
    """How much the texture differs from that of the style, and the structure from that of the content."""
    pairs = zip(grams(image), style_grams, strict=True)
    texture = sum(ops.mean((a - b) ** 2) / ops.mean(b**2) for a, b in pairs)
    return texture + 5 * ops.mean((structure(image) - content_structure) ** 2), texture


# %% [markdown]
# `stateless_apply` updates any array, here the pixels. JAX compiles the gradient and the update into one program.

# %% [markdown] lang="zh"
# `stateless_apply` 可以更新任何数组，这里是像素。JAX 把梯度和更新编译成一个程序。

# %%
optimizer = optimizers.Adam(0.02)
optimizer.build([Variable(content)])


@jax.jit
def step(image, slots):
    """One update of the image."""
    (total, texture), gradient = jax.value_and_grad(loss, has_aux=True)(image)
    (image,), slots = optimizer.stateless_apply(slots, [gradient], [image])
    return ops.clip(image, 0, 1), slots, total, texture


image, slots, curve = content, [variable.value for variable in optimizer.variables], []
for _ in range(150):
    image, slots, *values = step(image, slots)
    curve.append([float(value) for value in values])

# %% [markdown]
# Texture and structure compete; the factor in `loss` decides between them.

# %% [markdown] lang="zh"
# 纹理与结构相互竞争，`loss` 中的系数决定两者的比重。

# %%
figure, axes = plt.subplots(1, 3, figsize=(10, 2.5))
for axis, title, shown in zip(axes, ("content", "style", "result"), (content, style, image), strict=True):
    axis.imshow(shown[0, 5:-5, 5:-5])  # filters see less of the border
    axis.set_title(title)
    axis.axis("off")
plt.show()
print(f"loss {curve[0][0]:.2f} -> {curve[-1][0]:.2f}, of which texture {curve[0][1]:.2f} -> {curve[-1][1]:.2f}")
