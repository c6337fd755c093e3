import hashlib

import numpy as np

import grokbox
from grokbox import weights as arrays
from grokbox._generated.v1 import snapshot_pb2, tensor_pb2

from .server import ServerTest


def loss_of(weights, modulus):
    """Mean cross-entropy of x + y over all pairs, in float64: what the server should say of a relu network."""
    theta, xi = weights["theta"].astype(np.float64), weights["xi"].astype(np.float64)
    x, y = np.divmod(np.arange(modulus**2), modulus)
    logits = np.maximum(theta[:, x] + theta[:, y], 0).T @ xi
    top = logits.max(axis=1, keepdims=True)
    log_sum = top[:, 0] + np.log(np.exp(logits - top).sum(axis=1))
    return float(np.mean(log_sum - logits[np.arange(len(x)), (x + y) % modulus]))


class Weights(ServerTest):
    def test_downloaded_weights_give_the_loss_that_the_server_reports(self):
        session = self.start()
        session.step(50)
        weights = session.download()
        self.assertEqual(tuple(weights), arrays.ARRAYS[:6])
        for array in weights.values():
            self.assertEqual((array.dtype, array.shape), (np.float32, (16, 7)))
        evaluation = session.evaluate()
        self.assertAlmostEqual(loss_of(weights, 7), evaluation.loss, places=12)
        norm = np.sqrt(sum(np.sum(weights[name].astype(np.float64) ** 2) for name in ("theta", "xi")))
        self.assertAlmostEqual(norm, evaluation.parameter_norm, places=12)

    def test_a_learned_embedding_with_grokfast_comes_whole_and_goes_on_from_there(self):
        grokfast = grokbox.Grokfast(0.9)
        session = self.start(embedding=grokbox.Embedding(5), grokfast=grokfast)
        spec = session.info.spec
        self.assertEqual(spec.embedding, grokbox.Embedding(5))
        self.assertEqual(spec.optimizer.grokfast, grokbox.Grokfast(0.9, 2.0))
        session.step(20)
        weights = session.download()
        shapes = {name: array.shape for name, array in weights.items()}
        self.assertEqual({"theta_first", "theta_second", "theta_average"} & set(shapes), set())
        self.assertEqual(shapes["embedding_average"], (5, 7))
        self.assertEqual(shapes["projection_second"], (16, 5))
        product = weights["projection"].astype(np.float64) @ weights["embedding"].astype(np.float64)
        self.assertLess(np.linalg.norm(weights["theta"] - product), 1e-6 * np.linalg.norm(product))
        trained = ("embedding", "projection", "xi")
        norm = np.sqrt(sum(np.sum(weights[name].astype(np.float64) ** 2) for name in trained))
        self.assertAlmostEqual(norm, session.evaluate().parameter_norm, places=12)
        again = self.start(weights=weights, grokfast=grokfast)
        self.assertEqual(again.info.spec.embedding, grokbox.Embedding(5))
        for name, array in again.download().items():
            np.testing.assert_array_equal(array, weights[name], name)
        plain = session.fork(grokfast=grokbox.Grokfast(lambda_=0))
        self.assertIsNone(plain.info.spec.optimizer.grokfast)
        self.assertNotIn("xi_average", plain.download())

    def test_a_network_larger_than_a_message_comes_whole(self):
        session = self.start(modulus=97, width=9_107)
        weights = session.download()
        self.assertEqual(weights["theta"].shape, (9_107, 97))
        self.assertGreater(weights["theta"].nbytes + weights["xi"].nbytes, 4 * 2**20)

    def test_uploaded_weights_go_on_to_the_same_bits(self):
        session = self.start()
        session.step(20)
        weights = session.download()
        upload = self.box.upload(weights, step=20)
        copy = self.start(weights=upload)
        self.assertEqual(copy.info.step, 20)
        self.assertEqual(copy.info.spec.init, grokbox.UploadedInit())
        at_once = self.start(weights=weights, weights_step=20)
        self.assertEqual(at_once.info.step, 20)
        expected = session.step(10).train_loss
        self.assertEqual([copy.step(10).train_loss, at_once.step(10).train_loss], [expected, expected])
        for other in ({}, {"weights": self.box.upload(weights)}):
            with self.assertRaisesRegex(ValueError, "weights_step"):
                self.start(weights_step=20, **other)

    def test_arrays_of_another_type_and_order_are_converted(self):
        theta = np.asfortranarray(np.linspace(-1, 1, 8 * 5).reshape(8, 5))
        session = self.start(preset="", modulus=None, width=None, weights={"theta": theta, "xi": theta.tolist()})
        self.assertEqual((session.info.spec.modulus, session.info.spec.width), (5, 8))
        np.testing.assert_array_equal(session.download()["xi"], theta.astype(np.float32))

    def test_a_session_starts_from_a_snapshot(self):
        session = self.start()
        session.step(10)
        snapshot = session.snapshot(expected_step=10)
        session.step(10)
        branch = self.start(preset="", modulus=None, width=None, from_snapshot=snapshot.name)
        self.assertEqual(branch.info.step, 10)
        self.assertEqual(branch.step(10).train_loss, session.info.latest.train_loss)
        np.testing.assert_array_equal(branch.download()["theta"], session.download()["theta"])

    def test_a_spectrum_is_numpys_fourier_transform(self):
        session = self.start()
        session.step(30)
        session.snapshot()
        session.step(5)
        spectrum = session.spectrum(at=30)
        theta = session.download(30)["theta"].astype(np.float64)
        transform = np.fft.rfft(theta, axis=1)[:, 1:] * 2 / 7
        self.assertEqual(spectrum.step, 30)
        np.testing.assert_allclose(spectrum.theta_magnitude, np.abs(transform), rtol=1e-5, atol=1e-9)
        np.testing.assert_array_equal(spectrum.dominant_frequency, np.abs(transform).argmax(axis=1) + 1)
        np.testing.assert_allclose(spectrum.theta_mean, theta.mean(axis=1), rtol=1e-5, atol=1e-8)
        self.assertEqual(spectrum.neurons_per_frequency.sum(), 16)
        part = session.spectrum(30, first_neuron=4, neuron_count=3)
        np.testing.assert_array_equal(part.xi_phase, spectrum.xi_phase[4:7])

    def test_a_large_spectrum_comes_in_pages(self):
        session = self.start(modulus=97, width=9_107)
        spectrum = session.spectrum()
        self.assertEqual(spectrum.theta_phase.shape, (9_107, 48))
        part = session.spectrum(first_neuron=9_000, neuron_count=2)
        np.testing.assert_array_equal(part.theta_magnitude, spectrum.theta_magnitude[9_000:9_002])

    def test_bytes_that_are_not_those_announced_are_refused(self):
        data = np.arange(16, dtype="<f4").tobytes()
        tensors = [
            tensor_pb2.TensorInfo(name=name, dtype=tensor_pb2.DATA_TYPE_FLOAT32, shape=[2, 4]) for name in ("theta", "xi")
        ]
        manifest = tensor_pb2.Manifest(tensors=tensors, total_bytes=64, sha256=hashlib.sha256(data).digest())

        def stream(*chunks):
            yield snapshot_pb2.DownloadSnapshotResponse(snapshot=snapshot_pb2.SnapshotInfo(manifest=manifest))
            for offset, part in chunks:
                chunk = tensor_pb2.Chunk(offset=offset, data=part)
                yield snapshot_pb2.DownloadSnapshotResponse(chunk=chunk)

        received = arrays._receive(stream((0, data[:20]), (20, data[20:])))
        np.testing.assert_array_equal(received["xi"], np.arange(8, 16, dtype=np.float32).reshape(2, 4))
        flipped = bytes([data[0] ^ 1]) + data[1:]
        cases = [([(0, flipped)], "CHECKSUM_MISMATCH"), ([(0, data[:60])], "DATA_LOSS"), ([(4, data)], "DATA_LOSS")]
        for chunks, reason in cases:
            with self.assertRaises(grokbox.GrokboxError) as caught:
                arrays._receive(stream(*chunks))
            self.assertEqual((caught.exception.code, caught.exception.reason), ("DATA_LOSS", reason))
