"""Keras on TensorFlow: the training step of ``bare_loop``, so many at a time as it is asked for.

``python -m benchmarks.baselines.keras_step CELL [unroll]`` reads a number of steps a line and
answers each line with JSON when they are done. Needs what ``benchmarks/peers/requirements.txt``
names, and OMP_NUM_THREADS.
"""

import json
import os
import sys
import time

os.environ |= {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "2"}

import keras  # type: ignore[import-not-found, unused-ignore]
import tensorflow as tf  # type: ignore[import-not-found, import-untyped, unused-ignore]

BATCH, TIME, EMBEDDING, HIDDEN, CLASSES = 64, 200, 64, 128, 10
CELLS = {"rnn": keras.layers.SimpleRNN, "lstm": keras.layers.LSTM, "gru": keras.layers.GRU}


def main(cell: str, *options: str) -> None:
    threads = int(os.environ["OMP_NUM_THREADS"])
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    recurrent = CELLS[cell](HIDDEN, return_sequences=True, unroll="unroll" in options)
    model = keras.Sequential(
        [keras.layers.Embedding(CLASSES, EMBEDDING), recurrent, keras.layers.Dense(CLASSES)]
    )
    loss_of = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.AdamW(1e-3, global_clipnorm=1.0)
    shape = 50, BATCH, TIME
    inputs, targets = tf.random.uniform((2, *shape), maxval=CLASSES, dtype=tf.int32)
    batches = list(zip(tf.unstack(inputs), tf.unstack(targets), strict=True))
    model(batches[0][0])
    optimizer.build(model.trainable_variables)

    def step(tokens: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            loss = loss_of(labels, model(tokens, training=True))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return loss

    compiled = tf.function(step)  # without XLA, which was slower on a CPU
    for line in sys.stdin:
        steps = int(line)
        started = time.perf_counter()
        for number in range(steps):
            loss = compiled(*batches[number % len(batches)])
        last = float(loss)  # waits until it is there
        each = 1000 * (time.perf_counter() - started) / steps
        print(json.dumps({"steps": steps, "ms_per_step": each, "loss": last}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
