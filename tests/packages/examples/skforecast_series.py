import keras
import numpy as np
import pandas as pd
from skforecast.deep_learning import ForecasterRnn, create_and_compile_model
from skforecast.model_selection import TimeSeriesFold, backtesting_forecaster_multiseries

days = pd.date_range("2020-01-01", periods=120, freq="D")
series = pd.DataFrame({"sine": np.sin(np.arange(120) / 5), "cosine": np.cos(np.arange(120) / 5)}, index=days)
names = list(series)
for kind in ("LSTM", "GRU", "RNN"):
    model = create_and_compile_model(
        series=series,
        levels=names,
        lags=10,
        steps=4,
        recurrent_layer=kind,
        recurrent_units=16,
        dense_units=8,
        compile_kwargs={"optimizer": keras.optimizers.Adam(0.01), "loss": "mse"},
    )
    forecaster = ForecasterRnn(model, levels=names, lags=10, fit_kwargs={"epochs": 25, "batch_size": 16})
    forecaster.fit(series[:-4])
    forecast = forecaster.predict()
    assert len(forecast) == 8
    losses = forecaster.history_["loss"]
    assert len(losses) == 25
    assert losses[-1] < losses[0] / 2
folds = TimeSeriesFold(steps=4, initial_train_size=100, refit=False)
errors, _ = backtesting_forecaster_multiseries(
    forecaster, series, cv=folds, levels=["sine"], metric="mean_absolute_error", verbose=False, suppress_warnings=True
)
assert errors["mean_absolute_error"].iloc[0] < 0.5
