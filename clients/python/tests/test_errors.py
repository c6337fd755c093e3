import subprocess
import sys
import time

import grokbox

from .server import ServerTest


class Errors(ServerTest):
    def failure(self, call, *args, **kwargs):
        with self.assertRaises(grokbox.GrokboxError) as caught:
            call(*args, **kwargs)
        return caught.exception

    def test_bad_input_names_every_field_and_what_it_must_be(self):
        error = self.failure(self.start, modulus=22, optimizer=grokbox.AdamW(beta1=2))
        self.assertEqual((error.code, error.reason), ("INVALID_ARGUMENT", "INVALID_FIELD"))
        violations = {violation.field: violation.description for violation in error.violations}
        self.assertEqual(set(violations), {"spec.modulus", "spec.optimizer.adamw.beta1"})
        self.assertIn("odd, 3 to 199; got 22", violations["spec.modulus"])
        self.assertTrue(str(error).startswith("[INVALID_ARGUMENT] "))

    def test_a_stale_expected_step_is_refused_and_says_where_the_session_is(self):
        session = self.start()
        session.step(3)
        error = self.failure(session.step, expected_step=2)
        self.assertEqual((error.code, error.reason), ("ABORTED", "STEP_MISMATCH"))
        self.assertEqual((error.metadata["expected_step"], error.metadata["step"]), ("2", "3"))
        self.assertEqual(session.refresh().step, 3)

    def test_a_session_that_is_not_there_is_named(self):
        error = self.failure(self.box.session, "sessions/none")
        self.assertEqual((error.code, error.reason), ("NOT_FOUND", "SESSION_NOT_FOUND"))
        self.assertEqual(error.metadata, {"session": "sessions/none"})

    def test_a_call_that_the_state_refuses_says_what_would_allow_it(self):
        session = self.start()
        session.run()
        error = self.failure(session.step)
        self.assertEqual(error.reason, "SESSION_STATE")
        self.assertEqual(error.metadata["allowed_states"], "idle,paused")

    def test_watching_a_session_that_is_deleted_fails(self):
        session = self.start()
        session.run(record_every=1)
        events = session.watch(1)
        next(events)
        session.delete()
        self.assertEqual(self.failure(list, events).reason, "SESSION_DELETED")

    def test_a_deadline_ends_a_long_call(self):
        session = self.start(modulus=23, width=512)
        began = time.monotonic()
        error = self.failure(session.step, 1_000_000, deadline=0.3)
        self.assertEqual(error.code, "DEADLINE_EXCEEDED")
        self.assertLess(time.monotonic() - began, 5)
        self.assertLess(session.step().step, 1_000_000)

    def test_a_deadline_may_be_as_far_off_as_one_likes(self):
        for seconds in [2_147_480, 2_147_484, 1e9, 1e300, float("inf")]:
            self.assertTrue(self.box.info(deadline=seconds).version)

    def test_what_can_not_be_sent_is_refused_before(self):
        session = self.start()
        self.assertRaises(TypeError, self.start, modulus=23.5)
        self.assertRaises(ValueError, session.step, -1)
        self.assertRaises(ValueError, session.run, stop_when=grokbox.at_least("beauty", 1))
        self.assertRaises(ValueError, session.step, deadline=0)
        self.assertRaises(ValueError, grokbox.connect, "http://localhost")
        self.assertRaises(ValueError, self.box.upload, {"theta": [[0.0]]})

    def test_what_a_field_can_not_hold_is_named_with_what_it_must_be(self):
        session = self.start()
        integer = "must be an integer, 0 to 4294967295; got"
        plateau = grokbox.Plateau(window_steps=-1)
        for message, kind, call in [
            (f"seed {integer} -1", ValueError, lambda: self.start(seed=-1)),
            (f"width {integer} 1000000000000", ValueError, lambda: self.start(width=10**12)),
            (f"modulus {integer} 23.5", TypeError, lambda: self.start(modulus=23.5)),
            (f"modulus {integer} '23'", TypeError, lambda: self.start(modulus="23")),
            (f"record_every {integer} -1", ValueError, lambda: self.start(record_every=-1)),
            (f"warmup_steps {integer} -1", ValueError, lambda: session.fork(warmup_steps=-1)),
            ("beta1 must be a number; got '1'", TypeError, lambda: self.start(optimizer=grokbox.AdamW(beta1="1"))),
            (f"dimension {integer} -1", ValueError, lambda: self.start(embedding=grokbox.Embedding(-1))),
            (f"train_pairs[1] {integer} -1", ValueError, lambda: self.start(split=grokbox.ExplicitSplit([0, -1]))),
            ("steps must be an integer, 0 to 2^64 - 1; got -1", ValueError, lambda: session.step(-1)),
            ("window_steps must be an integer, 0 to 2^64 - 1; got -1", ValueError, lambda: session.run(stop_when=plateau)),
            (f"seeds[1] {integer} -1", ValueError, lambda: self.box.sweep(until_step=1, seeds=[1, -1])),
            (f"max_parallel {integer} -1", ValueError, lambda: self.box.sweep(until_step=1, max_parallel=-1)),
            (f"frequencies[0] {integer} -1", ValueError, lambda: session.ablate({"remove_frequencies": [-1]})),
        ]:
            with self.subTest(message), self.assertRaises(kind) as caught:
                call()
            self.assertEqual(str(caught.exception), message)

    def test_a_server_that_is_not_there_is_told_from_others(self):
        error = self.failure(grokbox.connect, "127.0.0.1:1", deadline=1)
        self.assertEqual(error.code, "UNAVAILABLE")
        self.assertIn("no grokbox server answers at 127.0.0.1:1", error.message)

    def test_the_stubs_live_beside_other_definitions_of_google_rpc(self):
        script = """
from google.protobuf import descriptor_pb2, descriptor_pool
for name in ("status", "error_details"):
    file = descriptor_pb2.FileDescriptorProto(name=f"google/rpc/{name}.proto", package="google.rpc", syntax="proto3")
    file.message_type.add(name="Status" if name == "status" else "ErrorInfo")
    descriptor_pool.Default().AddSerializedFile(file.SerializeToString())
import grokbox
"""
        subprocess.run([sys.executable, "-c", script], check=True)
