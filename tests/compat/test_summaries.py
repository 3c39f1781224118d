"""tf.summary: event files with numbers, histograms, images, audio and text, read by tensorboardX's messages."""

import io
import struct

import numpy as np
from PIL import Image
from tensorboardX.proto import event_pb2

IMAGES = np.linspace(-0.2, 1.2, 4 * 5 * 6 * 3).reshape(4, 5, 6, 3).astype("float32")


def values(folder):
    """[(step, value)] of the event file in a folder."""
    (file,) = folder.iterdir()
    content, found = file.read_bytes(), []
    while content:
        (length,) = struct.unpack("<Q", content[:8])
        event = event_pb2.Event.FromString(content[12 : 12 + length])
        content = content[16 + length :]
        found += [(event.step, value) for value in event.summary.value]
    return found


def pixels(value):
    return np.asarray(Image.open(io.BytesIO(value.image.encoded_image_string)))


def test_kinds_of_tensorflow_2(tf, tmp_path):
    clip = np.sin(np.linspace(0, 50, 400)).reshape(1, 400, 1)
    with tf.summary.create_file_writer(str(tmp_path)).as_default(step=7):
        assert tf.summary.histogram("weights", tf.constant([0.0, 1.0, 1.0, 3.0]), buckets=3)
        assert tf.summary.image("images", IMAGES, max_outputs=2)
        assert tf.summary.audio("clip", clip, 8000, step=8)
        assert tf.summary.text("note", ["one", "two"])
    histogram, first, second, audio, note = (value for _, value in values(tmp_path))
    assert [step for step, _ in values(tmp_path)] == [7, 7, 7, 8, 7]
    assert (histogram.tag, histogram.histo.num, histogram.histo.max, histogram.histo.sum) == ("weights", 4, 3, 5)
    assert list(histogram.histo.bucket) == [0, 1, 2, 1]
    assert (first.tag, second.tag) == ("images", "images/1")
    np.testing.assert_allclose(pixels(first), np.clip(IMAGES[0], 0, 1) * 255, atol=1)
    assert (audio.audio.sample_rate, audio.audio.length_frames) == (8000, 400)
    assert audio.audio.encoded_audio_string[:4] == b"RIFF"
    assert note.tensor.string_val[0] == b"one\n\ntwo"
    assert note.metadata.plugin_data.plugin_name == "text"


def test_kinds_of_tensors_of_a_graph(tensorflow_1, tmp_path):
    tf = tensorflow_1
    x = tf.placeholder(tf.float32, [None, 5, 6, 3])
    tf.summary.image("images", x, 1)
    tf.summary.histogram(name="all", values=x)
    merged = tf.summary.merge_all()
    with tf.Session() as sess:
        writer = tf.summary.FileWriter(str(tmp_path), graph_def=sess.graph_def)
        writer.add_summary(sess.run(merged, {x: IMAGES * 10}), 3)
    (step, picture), (_, histogram) = values(tmp_path)
    assert (step, picture.tag, histogram.histo.num) == (3, "images", IMAGES.size)
    scale = 127 / np.abs(IMAGES[0] * 10).max()  # negative values: 128 is 0
    np.testing.assert_allclose(pixels(picture), IMAGES[0] * 10 * scale + 128, atol=1)


def test_summaries_that_a_program_fills(tensorflow_1, tmp_path):
    tf = tensorflow_1
    histogram = tf.HistogramProto()
    histogram.min, histogram.max, histogram.num, histogram.sum = 0.0, 2.0, 3, 4.0
    histogram.bucket_limit.append(2.0)
    histogram.bucket.append(3)
    data = io.BytesIO()
    Image.fromarray(np.zeros((2, 3, 3), "uint8")).save(data, "PNG")
    image = tf.Summary.Image(encoded_image_string=data.getvalue(), height=2, width=3)
    summary = tf.Summary(value=[tf.Summary.Value(tag="h", histo=histogram), tf.Summary.Value(tag="i", image=image)])
    summary.value.add(tag="n", simple_value=0.5)
    tf.summary.FileWriter(str(tmp_path)).add_summary(summary, 1)
    (_, h), (_, i), (_, n) = values(tmp_path)
    assert (h.histo.sum, list(h.histo.bucket), i.image.width, n.simple_value) == (4.0, [3], 3, 0.5)
    assert pixels(i).shape == (2, 3, 3)


def test_programs_write_with_the_writer_of_tensorboard(tensorflow_1, tmp_path):
    tf = tensorflow_1
    callback = tf.keras.callbacks.TensorBoard(str(tmp_path))
    for step in range(2):
        summary = tf.Summary()
        value = summary.value.add()
        value.simple_value, value.tag = 0.5 + step, "loss"
        callback.writer.add_summary(summary, step)
        callback.writer.flush()
    assert [(step, v.tag, v.simple_value) for step, v in values(tmp_path)] == [(0, "loss", 0.5), (1, "loss", 1.5)]


def test_programs_read_the_summaries_of_a_session(tensorflow_1):
    tf = tensorflow_1
    computed = tf.Session().run(tf.summary.scalar(name="loss", tensor=tf.constant(0.5)))
    summary = tf.Summary()
    summary.ParseFromString(computed)
    assert [(value.tag, value.simple_value) for value in summary.value] == [("loss", 0.5)]


def test_variables_and_constants_of_a_graph(tensorflow_1, tmp_path):
    tf = tensorflow_1
    tf.disable_eager_execution()
    w = tf.Variable([1.0, 3.0])
    tf.summary.histogram("w", w)
    tf.summary.scalar("rate", 0.5)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        tf.summary.FileWriter(str(tmp_path)).add_summary(sess.run(tf.summary.merge_all()), 2)
    (step, histogram), (_, rate) = values(tmp_path)
    assert (step, histogram.histo.sum, rate.simple_value) == (2, 4.0, 0.5)


def test_names_of_summaries_in_a_graph(tensorflow_1):  # those of TensorFlow 1.15
    tf = tensorflow_1
    rate = tf.get_variable("rate", [])
    table = tf.get_variable("table", [2])
    tf.identity(rate, name="loss")
    with tf.name_scope("scope"):
        for _ in range(2):
            tf.summary.scalar("loss", rate)
        nodes = tf.contrib.layers.summarize_collection(tf.GraphKeys.TRAINABLE_VARIABLES)
    with tf.name_scope("accuracy"):
        tf.summary.scalar("a b", rate)
    for name in ("loss", "accuracy"):
        tf.summary.scalar(name, rate)
    tf.scalar_summary("loss", rate)
    assert tf.contrib.layers.summarize_tensor(tf.constant(True)) is None
    assert [node.kind for node in nodes] == ["scalar", "histogram"]
    assert [node.fetched for node in nodes] == [rate, table]
    tags = ["scope/loss", "scope/loss_1", "scope/rate_summary", "scope/table_summary", "accuracy/a_b", "loss_1"]
    assert [node.tag for node in tf.get_collection(tf.GraphKeys.SUMMARIES)] == [*tags, "accuracy_1", "loss"]
    assert [node.tag for node in tf.contrib.layers.summarize_variables("tab")] == ["table_summary"]
