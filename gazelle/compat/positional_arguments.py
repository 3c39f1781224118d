"""The order of positional arguments in Keras 1 and 2, where it differs from the current order."""

from __future__ import annotations

_KERNEL = "init activation weights"
_ENDS = "W_regularizer b_regularizer activity_regularizer W_constraint b_constraint bias"
_GATES = "W_regularizer U_regularizer b_regularizer dropout_W dropout_U"
_PARTS = (
    "depthwise_regularizer pointwise_regularizer b_regularizer activity_regularizer depthwise_constraint"
    " pointwise_constraint b_constraint bias"
)
_POOL = "pool_size strides border_mode dim_ordering"
_IMAGE = f"nb_filter nb_row nb_col {_KERNEL} border_mode subsample dim_ordering {_ENDS}"
_STEPS = f"nb_filter filter_length {_KERNEL} border_mode subsample_length {_ENDS} input_dim input_length"
_FIT = "x y batch_size nb_epoch verbose callbacks validation_split validation_data shuffle class_weight sample_weight"
_RATE = "lr rho epsilon decay"
_MOMENTS = "lr beta_1 beta_2 epsilon decay"

#: "Class" or "Class.method" -> names of the arguments in Keras 1 (up to 1.2.2), in order
KERAS_1 = {
    "Dense": f"output_dim {_KERNEL} {_ENDS} input_dim",
    "TimeDistributedDense": f"output_dim {_KERNEL} {_ENDS} input_dim input_length",
    "Conv1D": _STEPS,
    "Conv2D": _IMAGE,
    "Conv3D": f"nb_filter kernel_dim1 kernel_dim2 kernel_dim3 {_KERNEL} border_mode subsample dim_ordering {_ENDS}",
    "Conv2DTranspose": _IMAGE.replace("nb_col", "nb_col output_shape", 1),
    "SeparableConv2D": f"nb_filter nb_row nb_col {_KERNEL} border_mode subsample depth_multiplier dim_ordering"
    f" {_PARTS}",
    "AtrousConvolution1D": _STEPS.replace("subsample_length", "subsample_length atrous_rate", 1),
    "AtrousConvolution2D": _IMAGE.replace("subsample", "subsample atrous_rate", 1),
    "LocallyConnected1D": _STEPS,
    "LocallyConnected2D": _IMAGE,
    "ConvLSTM2D": "nb_filter nb_row nb_col init inner_init forget_bias_init activation inner_activation dim_ordering"
    f" border_mode subsample {_GATES}",
    "MaxPooling1D": "pool_length stride border_mode",
    "AveragePooling1D": "pool_length stride border_mode",
    "MaxPooling2D": _POOL,
    "AveragePooling2D": _POOL,
    "MaxPooling3D": _POOL,
    "AveragePooling3D": _POOL,
    "SimpleRNN": f"output_dim init inner_init activation {_GATES}",
    "GRU": f"output_dim init inner_init activation inner_activation {_GATES}",
    "LSTM": f"output_dim init inner_init forget_bias_init activation inner_activation {_GATES}",
    "Embedding": "input_dim output_dim init input_length W_regularizer activity_regularizer W_constraint mask_zero"
    " weights dropout",
    "BatchNormalization": "epsilon mode axis momentum weights beta_init gamma_init gamma_regularizer beta_regularizer",
    **{
        f"{kind}{n}D": f"{parameter} dim_ordering".lstrip()
        for n in (2, 3)
        for kind, parameter in (
            ("GlobalMaxPooling", ""),
            ("GlobalAveragePooling", ""),
            ("SpatialDropout", "p"),
            ("UpSampling", "size"),
            ("ZeroPadding", "padding"),
            ("Cropping", "cropping"),
        )
    },
    "Highway": f"{_KERNEL} {_ENDS} input_dim",
    "MaxoutDense": f"output_dim nb_feature init weights {_ENDS} input_dim",
    "ParametricSoftplus": "alpha_init beta_init weights shared_axes",
    "InputLayer": "input_shape batch_input_shape input_dtype input_tensor sparse name",
    "EarlyStopping": "monitor min_delta patience verbose mode",
    "Lambda": "function output_shape arguments",
    "PReLU": "init weights shared_axes",
    "SGD": "lr momentum decay nesterov",
    "Adam": _MOMENTS,
    "Adamax": _MOMENTS,
    "RMSprop": _RATE,
    "Adadelta": _RATE,
    "Adagrad": "lr epsilon decay",
    "Nadam": "lr beta_1 beta_2 epsilon schedule_decay",
    "Sequential.compile": "optimizer loss metrics sample_weight_mode",
    "Model.compile": "optimizer loss metrics loss_weights sample_weight_mode",
    "Model.fit": f"{_FIT} initial_epoch",
    "Sequential.train_on_batch": "x y class_weight sample_weight",
    "Model.train_on_batch": "x y sample_weight class_weight",
    "Model.load_weights": "filepath by_name",
    "Layer.add_weight": "shape initializer name trainable regularizer constraint",
    "Model.fit_generator": "generator samples_per_epoch nb_epoch verbose callbacks validation_data nb_val_samples"
    " class_weight max_q_size nb_worker pickle_safe initial_epoch",
    "Model.evaluate_generator": "generator val_samples max_q_size nb_worker pickle_safe",
    "Model.predict_generator": "generator val_samples max_q_size nb_worker pickle_safe",
    "Input": "shape batch_shape name dtype sparse tensor",
    "ModelCheckpoint": "filepath monitor verbose save_best_only save_weights_only mode period",
}

_ZERO = "init activation weights"
#: Keras 0.x, recognized by two integers in front: the sizes of input and output
KERAS_0 = {
    "Dense": f"nb_inputs output_dim {_ZERO}",
    "TimeDistributedDense": f"nb_inputs output_dim {_ZERO}",
    **dict.fromkeys(("SimpleRNN", "GRU", "LSTM"), "nb_inputs output_dim init inner_init"),
}

_QUEUE = "max_queue_size workers use_multiprocessing"

#: the same in Keras 2 (up to 2.3.1) and tf.keras
KERAS_2 = {
    "Model.compile": "optimizer loss metrics loss_weights sample_weight_mode weighted_metrics target_tensors",
    "Model.train_on_batch": "x y sample_weight class_weight reset_metrics",
    "Model.load_weights": "filepath by_name skip_mismatch",
    "Model.save": "filepath overwrite include_optimizer",
    "Layer.add_weight": "name shape dtype initializer regularizer trainable constraint",
    "Model.fit_generator": "generator steps_per_epoch epochs verbose callbacks validation_data validation_steps"
    f" validation_freq class_weight {_QUEUE} shuffle initial_epoch",
    "Model.evaluate_generator": f"generator steps callbacks {_QUEUE} verbose",
    "Model.predict_generator": f"generator steps callbacks {_QUEUE} verbose",
    "Embedding": "input_dim output_dim embeddings_initializer embeddings_regularizer activity_regularizer"
    " embeddings_constraint mask_zero input_length",
    **{name: KERAS_1[name] for name in ("Highway", "Input", "MaxoutDense", "ModelCheckpoint", "ParametricSoftplus")},
}
_CUDNN = "units kernel_initializer recurrent_initializer bias_initializer"
_CUDNN_ENDS = (
    "kernel_regularizer recurrent_regularizer bias_regularizer activity_regularizer kernel_constraint"
    " recurrent_constraint bias_constraint return_sequences return_state stateful"
)
#: the same in the package `keras` 2 only, not in tf.keras
STANDALONE_KERAS_2 = {
    "SGD": "lr momentum decay nesterov",
    "RMSprop": _RATE,
    "Adadelta": _RATE,
    "Adagrad": "lr epsilon decay",
    "Adam": f"{_MOMENTS} amsgrad",
    "Adamax": _MOMENTS,
    "Nadam": KERAS_1["Nadam"],
    "CuDNNGRU": f"{_CUDNN} {_CUDNN_ENDS}",
    "CuDNNLSTM": f"{_CUDNN} unit_forget_bias {_CUDNN_ENDS}",
    "InputLayer": "input_shape batch_size batch_input_shape dtype input_tensor sparse name",
    "TensorBoard": "log_dir histogram_freq batch_size write_graph write_grads write_images embeddings_freq"
    " embeddings_layer_names embeddings_metadata embeddings_data update_freq",
}
