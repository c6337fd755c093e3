import contextlib
import hashlib
import io
import json
import tempfile
from pathlib import Path

import numpy as np

import grokbox
from grokbox import files
from grokbox._generated.v1 import snapshot_pb2, tensor_pb2

from .server import ServerTest


class Durable(ServerTest):
    def setUp(self):
        folder = contextlib.ExitStack()
        self.addCleanup(folder.close)
        self.folder = Path(folder.enter_context(tempfile.TemporaryDirectory()))

    def fork(self, session, *args, **options):
        branch = session.fork(*args, **options)
        self.addCleanup(self._delete, branch)
        return branch

    def test_a_fork_begins_at_the_snapshot_and_differs_in_what_is_said(self):
        session = self.start(weight_decay=1.0)
        session.step(10)
        session.snapshot(label="here")
        session.step(10)
        branch = self.fork(session, 10, weight_decay=0, labels={"of": "python"})
        self.assertEqual((branch.info.step, branch.info.labels), (10, {"of": "python"}))
        self.assertEqual(branch.info.spec.optimizer, grokbox.AdamW(1e-4, 0.0, 0.9, 0.98, 1e-8))
        self.assertEqual(branch.info.parent.snapshot, f"{session.name}/snapshots/10")
        self.assertEqual(branch.info.parent.changes.optimizer.weight_decay, 0.0)
        self.assertIsNone(branch.info.parent.changes.activation)
        (taken,) = session.snapshots()
        self.assertEqual((taken.kind, taken.label, taken.forks), ("requested", "here", 1))
        self.assertNotEqual(branch.step(10).train_loss, session.info.latest.train_loss)
        self.assertIn(grokbox.SessionForked(10, branch.name), session.refresh().events)

    def test_a_fork_keeps_only_the_frequencies_that_are_said_and_an_empty_list_is_refused(self):
        session = self.start()
        branch = self.fork(session, keep_frequencies=np.array([1, 2]))
        self.assertEqual(branch.info.parent.changes, grokbox.Changes(keep_frequencies=(1, 2)))
        magnitudes = branch.spectrum().theta_magnitude
        np.testing.assert_allclose(magnitudes[:, 2], 0, atol=1e-6)
        self.assertGreater(magnitudes[:, :2].min(), 0)
        for name in ("keep_frequencies", "remove_frequencies"):
            for empty in ([], (), np.array([], dtype=int)):
                with self.assertRaises(ValueError) as caught:
                    self.fork(session, **{name: empty})
                self.assertEqual(str(caught.exception), f"{name} must not be an empty list")

    def test_triggers_are_set_fire_and_are_given_back_as_they_are(self):
        session = self.start(weight_decay=1.0, record_every=1)
        self.assertEqual(session.info.triggers, ())
        low = grokbox.at_most("train_loss", 100.0, 1)
        labels = {"of": session.name.removeprefix("sessions/")}
        without_decay = grokbox.Changes(optimizer=grokbox.AdamW(weight_decay=0))
        session.set_triggers(
            [
                grokbox.Trigger("keep", low, grokbox.SnapshotAction("low"), repeat=True),
                grokbox.Trigger("branch", low, grokbox.ForkAction(without_decay, labels, 3)),
                grokbox.Trigger("rest", grokbox.at_least("parameter_norm", 1e9, 2), "pause"),
            ]
        )
        session.step(2)
        (fork,) = self.box.sessions(labels=labels)
        self.addCleanup(self._delete, fork)
        keep, branch, rest = session.refresh().triggers
        self.assertEqual((keep.action, keep.when, keep.repeat, keep.fired), (grokbox.SnapshotAction("low"), low, True, 1))
        self.assertEqual((branch.fired, branch.last_error, branch.action.run_until_step), (1, "", 3))
        self.assertEqual(branch.action.changes.optimizer, grokbox.AdamW(weight_decay=0.0))
        self.assertEqual((rest.action, rest.fired, rest.last_fired_step), (grokbox.PauseAction(), 0, None))
        self.assertEqual(keep.last_fired_step, branch.last_fired_step)
        self.assertIn(("low", "triggered"), [(each.label, each.kind) for each in session.snapshots()])
        self.assertEqual(fork.info.spec.optimizer.weight_decay, 0.0)
        self.assertEqual(session.set_triggers(session.info.triggers).triggers, (keep, branch, rest))
        self.assertEqual(session.set_triggers([]).triggers, ())

    def test_a_trigger_that_is_none_is_refused(self):
        session = self.start()
        low = grokbox.at_most("train_loss", 100.0)
        with self.assertRaises(grokbox.GrokboxError) as caught:
            session.set_triggers([grokbox.Trigger("a", low, "pause"), grokbox.Trigger("a", low, "pause")])
        self.assertEqual([each.field for each in caught.exception.violations], ["triggers"])
        with self.assertRaises(ValueError) as refused:
            session.set_triggers([grokbox.Trigger("a", low, "stop")])
        self.assertEqual(str(refused.exception), "the action of trigger 'a' must be snapshot, pause or fork; got 'stop'")
        with self.assertRaises(ValueError):
            fork = grokbox.ForkAction(grokbox.Changes(keep_frequencies=[]))
            session.set_triggers([grokbox.Trigger("a", low, fork)])

    def test_extra_measures_are_taken_changed_and_passed_on(self):
        session = self.start(record_every=10, measures=["ipr_xi", grokbox.ScheduledMeasure("magnitude_drift", 20)])
        both = (grokbox.ScheduledMeasure("ipr_xi", 10), grokbox.ScheduledMeasure("magnitude_drift", 20))
        self.assertEqual(session.info.measures, both)
        session.step(20)
        first, second, third = session.history()
        self.assertEqual((first.extra.magnitude_drift, second.extra.magnitude_drift), (0.0, None))
        self.assertGreater(third.extra.magnitude_drift, 0)
        self.assertAlmostEqual(third.extra.ipr_xi, session.spectrum().ipr_xi, 9)
        self.assertIsNone(third.extra.voting_residual)
        self.assertEqual(self.fork(session).info.measures, both)
        session.update(measures=[])
        self.assertEqual(session.info.measures, ())
        self.assertIsNone(session.step(20).extra)
        with self.assertRaises(grokbox.GrokboxError) as caught:
            session.update(measures=["misalignment_error"])
        self.assertEqual(caught.exception.violations[0].field, "measure_schedule.measures[0].measure")
        with self.assertRaises(ValueError):
            session.update(measures=["luck"])

    def test_ipr_and_misalignment_are_left_out_where_they_are_not_due(self):
        measures = [grokbox.ScheduledMeasure("ipr", 20), grokbox.ScheduledMeasure("mean_abs_sin_misalignment", 10)]
        session = self.start(record_every=5, measures=measures)
        self.assertEqual(session.info.measures, tuple(measures))
        session.run(until_step=20).wait()
        points = list(session.history())
        self.assertEqual([point.ipr is not None for point in points], [True, False, False, False, True])
        aligned = [point.mean_abs_sin_misalignment is not None for point in points]
        self.assertEqual(aligned, [True, False, True, False, True])
        with self.assertRaises(grokbox.GrokboxError) as caught:
            session.update(measures=["train_loss"])
        self.assertEqual(caught.exception.violations[0].field, "measure_schedule.measures[0].measure")

    def test_a_fork_without_changes_goes_the_same_way(self):
        session = self.start()
        session.step(10)
        branch = self.fork(session, expected_step=10)
        self.assertEqual(branch.step(10).train_loss, session.step(10).train_loss)

    def test_a_session_goes_back_to_its_snapshot(self):
        session = self.start()
        session.step(10)
        session.snapshot()
        far = session.step(10)
        self.assertEqual(session.restore(10, expected_step=20).step, 10)
        self.assertEqual(session.step(10).train_loss, far.train_loss)
        self.assertIn(grokbox.SnapshotRestored(10, 20, 10), session.info.events)
        self.assertEqual([each.step for each in session.snapshots(page_size=1)], [20, 10])
        session.delete_snapshot(20)
        self.assertEqual([each.step for each in session.snapshots()], [10])

    def test_a_file_for_numpy_has_the_arrays(self):
        session = self.start()
        session.step(10)
        path = self.folder / "run.npz"
        snapshot = session.export(path)
        self.assertEqual(snapshot.step, 10)
        self.assertEqual([each.name for each in self.folder.iterdir()], ["run.npz"])
        weights = session.download(10)
        with np.load(path) as arrays:
            for name, array in weights.items():
                np.testing.assert_array_equal(arrays[name], array)
            self.assertEqual(arrays["train"].shape, (7, 7))
            self.assertEqual(int(arrays["train"].sum()), session.info.pair_counts["train"])

    def test_a_safetensors_file_comes_in_again_to_the_same_bits(self):
        session = self.start()
        session.step(10)
        path = self.folder / "run.safetensors"
        session.export(str(path))
        far = session.step(10)
        for weights in (path, path.read_bytes()):
            copy = self.start(preset="", modulus=None, width=None, weights=weights)
            self.assertEqual((copy.info.step, copy.info.spec.modulus), (10, 7))
            self.assertEqual(copy.step(10).train_loss, far.train_loss)

    def test_a_file_of_another_program_needs_no_more_than_theta_and_xi(self):
        theta = np.linspace(-1, 1, 8 * 5, dtype="<f4").reshape(8, 5)
        spans = {"theta": [0, 160], "xi": [160, 320]}
        header = {name: {"dtype": "F32", "shape": [8, 5], "data_offsets": span} for name, span in spans.items()}
        text = json.dumps(header).encode()
        file = len(text).to_bytes(8, "little") + text + theta.tobytes() * 2
        session = self.start(preset="", modulus=None, width=None, weights=file)
        self.assertEqual((session.info.spec.modulus, session.info.spec.width, session.info.step), (5, 8, 0))
        np.testing.assert_array_equal(session.download()["xi"], theta)
        with self.assertRaises(grokbox.GrokboxError) as caught:
            self.start(preset="", modulus=None, width=None, weights=file[:-4])
        self.assertEqual(caught.exception.code, "INVALID_ARGUMENT")

    def test_the_history_comes_in_pages(self):
        session = self.start(record_every=1)
        session.step(25)
        points = list(session.history(page_size=10))
        self.assertEqual([point.step for point in points], list(range(26)))
        self.assertEqual([point.sequence for point in session.history(20)], list(range(20, 27)))

    def test_labels_and_the_schedule_of_snapshots_change(self):
        schedule = grokbox.SnapshotSchedule(every_steps=10, at_steps=(5,), retain=2)
        session = self.start(labels={"a": "1", "b": "2"}, snapshot_schedule=schedule)
        self.assertEqual(session.info.snapshot_schedule, schedule)
        session.run(until_step=40).wait()
        self.assertEqual([each.step for each in session.snapshots()], [40, 30, 5])
        session.update(set_labels={"c": "3"}, remove_labels=["a"], snapshot_schedule=grokbox.SnapshotSchedule())
        self.assertEqual(session.info.labels, {"b": "2", "c": "3"})

    def test_a_file_that_is_not_the_one_announced_leaves_nothing(self):
        data = bytes(range(100))

        def stream(*chunks, digest=hashlib.sha256(data).digest()):
            info = snapshot_pb2.FileInfo(total_bytes=100)
            yield snapshot_pb2.DownloadSnapshotResponse(snapshot=snapshot_pb2.SnapshotInfo(step=3))
            yield snapshot_pb2.DownloadSnapshotResponse(file=info)
            for offset, part in chunks:
                yield snapshot_pb2.DownloadSnapshotResponse(chunk=tensor_pb2.Chunk(offset=offset, data=part))
            info.sha256 = digest
            yield snapshot_pb2.DownloadSnapshotResponse(file=info)

        path = self.folder / "run.npz"
        self.assertEqual(files._receive(stream((0, data[:60]), (60, data[60:])), path).step, 3)
        self.assertEqual(path.read_bytes(), data)
        cases = [
            (stream((0, data), digest=bytes(32)), "CHECKSUM_MISMATCH"),
            (stream((0, data[:60])), "DATA_LOSS"),
            (stream((1, data)), "DATA_LOSS"),
            (iter(()), "DATA_LOSS"),
        ]
        for messages, reason in cases:
            with self.assertRaises(grokbox.GrokboxError) as caught:
                files._receive(messages, path)
            self.assertEqual(caught.exception.reason, reason)
            self.assertEqual([each.name for each in self.folder.iterdir()], ["run.npz"])
        self.assertEqual(path.read_bytes(), data)

    def test_a_format_that_nobody_knows_is_refused_before_anything_is_sent(self):
        session = self.start()
        self.assertRaises(ValueError, session.export, self.folder / "run.mat")
        self.assertRaises(TypeError, self.box.upload, io.BytesIO(b""))
