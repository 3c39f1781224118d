# %% [markdown]
# # Search for hyper-parameters with Optuna
#
# Optuna proposes the number of units, dropout and learning rate, learns from the results, and stops unpromising
# trials early. Needs Optuna: `pip install optuna`.

# %% [markdown] lang="zh"
# # 用 Optuna 搜索超参数
#
# Optuna 提出单元数、dropout 和学习率，从结果中学习，并提前停止没有希望的试验。需要 Optuna：`pip install optuna`。

# %%
import matplotlib.pyplot as plt
import optuna

from gazelle import Input, Sequential, callbacks, layers, optimizers
from gazelle.datasets import local
from gazelle.utils import set_random_seed

optuna.logging.set_verbosity(optuna.logging.WARNING)
(x, y), (x_test, y_test) = local("digits")
x, x_test = x.reshape(-1, 64) / 16, x_test.reshape(-1, 64) / 16
x_train, y_train, x_valid, y_valid = x[:400], y[:400], x[400:900], y[400:900]

# %% [markdown]
# A callback reports the validation accuracy after each epoch. If it is below the median of earlier trials at the
# same epoch, the trial is pruned: `TrialPruned` ends `fit`.

# %% [markdown] lang="zh"
# 回调在每个轮次之后报告验证准确率。如果它低于先前试验在同一轮次的中位数，试验就被剪枝：`TrialPruned` 结束 `fit`。


# %%
class Report(callbacks.Callback):
    """Passes the validation accuracy to Optuna."""

    def __init__(self, trial):
        super().__init__()
        self.trial = trial

    def on_epoch_end(self, epoch, logs=None):
        self.trial.report(logs["val_accuracy"], epoch)
        if self.trial.should_prune():
            raise optuna.TrialPruned


def build(units, dropout, rate):
    """A compiled network."""
    set_random_seed(0)
    model = Sequential([Input((64,)), layers.Dense(units, activation="relu"), layers.Dropout(dropout)])
    model.add(layers.Dense(10, activation="softmax"))
    model.compile(optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def objective(trial):
    """The validation accuracy of one choice."""
    units, dropout = trial.suggest_categorical("units", [4, 16, 64]), trial.suggest_categorical("dropout", [0.0, 0.4])
    model = build(units, dropout, trial.suggest_float("rate", 1e-4, 1e-1, log=True))
    data = {"validation_data": (x_valid, y_valid), "epochs": 12, "verbose": 0, "keep": False}
    return model.fit(x_train, y_train, callbacks=[Report(trial)], **data).history["val_accuracy"][-1]


pruner = optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=2)
study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=0), pruner=pruner)
study.optimize(objective, n_trials=24)
pruned = sum(trial.state == optuna.trial.TrialState.PRUNED for trial in study.trials)
print(f"{len(study.trials)} trials, {pruned} of them stopped early; best:", study.best_params)

# %% [markdown]
# Each line is a trial; those that end early were pruned. Networks of equal structure share one compiled program,
# with any learning rate. `keep=False` above: trials write no checkpoints.

# %% [markdown] lang="zh"
# 每条线是一次试验，提前结束的已被剪枝。结构相同的网络共用一个编译好的程序，与学习率无关。上面的 `keep=False` 表示试
# 验不写检查点。

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3), sharey=True)
for units, color in zip((4, 16, 64), ("tab:blue", "tab:orange", "tab:green"), strict=True):
    trials = [trial for trial in study.trials if trial.params["units"] == units]
    for trial in trials:
        left.plot(*zip(*trial.intermediate_values.items(), strict=True), color=color, alpha=0.6)
    last = [trial.intermediate_values[max(trial.intermediate_values)] for trial in trials]
    right.scatter([trial.params["rate"] for trial in trials], last, color=color, label=f"{units} units")
left.set(xlabel="epoch", ylabel="validation accuracy")
right.set(xlabel="learning rate", xscale="log")
right.legend()
plt.show()

best = build(**study.best_params)
best.fit(x[:900], y[:900], epochs=12, verbose=0, keep=False)
accuracy = best.evaluate(x_test, y_test, verbose=0)[1]
print(f"test accuracy of the best choice, trained again with the validation samples: {accuracy:.3f}")
