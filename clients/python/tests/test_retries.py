import contextlib
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

import grpc

import grokbox
from grokbox._generated.v1 import progress_pb2, server_pb2, session_pb2, sweep_pb2, training_pb2
from grokbox._generated.v1.server_pb2_grpc import ServerServiceServicer, add_ServerServiceServicer_to_server
from grokbox._generated.v1.session_pb2_grpc import SessionServiceServicer, add_SessionServiceServicer_to_server
from grokbox._generated.v1.sweep_pb2_grpc import SweepServiceServicer, add_SweepServiceServicer_to_server
from grokbox._generated.v1.training_pb2_grpc import TrainingServiceServicer, add_TrainingServiceServicer_to_server


class ScriptedServer(ServerServiceServicer, SessionServiceServicer, SweepServiceServicer, TrainingServiceServicer):
    """Fails with these codes one after the other, then answers; keeps the requests."""

    def __init__(self, codes=(), streams=()):
        self.codes = list(codes)
        self.streams = list(streams)
        self.requests = []

    def GetServerInfo(self, request, context):
        return server_pb2.GetServerInfoResponse(version="scripted")

    def DeleteSession(self, request, context):
        return self._answer(request, context, session_pb2.DeleteSessionResponse())

    def GetSession(self, request, context):
        session = session_pb2.Session(name=request.name)
        session.spec.optimizer.sgd.SetInParent()
        session.spec.init.random.SetInParent()
        session.spec.split.torch.SetInParent()
        return session_pb2.GetSessionResponse(session=session)

    def GetSweep(self, request, context):
        return sweep_pb2.GetSweepResponse(sweep=sweep_pb2.Sweep(name=request.name))

    def WatchSweep(self, request, context):
        return self.WatchProgress(request, context)

    def WatchProgress(self, request, context):
        self.requests.append(request)
        for event in self.streams.pop(0):
            if isinstance(event, grpc.StatusCode):
                context.abort(event, "scripted")
            yield event

    def _answer(self, request, context, answer):
        self.requests.append(request)
        if self.codes:
            context.abort(self.codes.pop(0), "scripted")
        return answer


@contextlib.contextmanager
def serving(scripted):
    server = grpc.server(ThreadPoolExecutor(4))
    add_ServerServiceServicer_to_server(scripted, server)
    add_SessionServiceServicer_to_server(scripted, server)
    add_SweepServiceServicer_to_server(scripted, server)
    add_TrainingServiceServicer_to_server(scripted, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        with grokbox.connect(f"127.0.0.1:{port}", call_deadline=5) as box:
            yield box.session("sessions/scripted")
    finally:
        server.stop(None).wait()


def opened(epoch, oldest, newest):
    event = progress_pb2.ProgressOpened(epoch=epoch, oldest_sequence=oldest, newest_sequence=newest)
    return training_pb2.WatchProgressResponse(opened=event)


def batch(*sequences):
    scores = progress_pb2.Scores(train_loss=1.0, train_accuracy=0.5)
    points = [progress_pb2.ProgressPoint(sequence=each, step=10 * each, scores=scores) for each in sequences]
    return training_pb2.WatchProgressResponse(batch=progress_pb2.ProgressBatch(points=points))


def end(reason):
    return training_pb2.WatchProgressResponse(end=progress_pb2.ProgressEnd(reason=f"PROGRESS_END_REASON_{reason}"))


def finished(*sequences):
    runs = [sweep_pb2.SweepRun(run=10 + each, sequence=each) for each in sequences]
    return sweep_pb2.WatchSweepResponse(runs=sweep_pb2.SweepRunBatch(runs=runs))


def sweep_end(reason):
    end = sweep_pb2.SweepEnd(reason=f"SWEEP_END_REASON_{reason}", sweep=sweep_pb2.Sweep(name="sweeps/scripted", state=3))
    return sweep_pb2.WatchSweepResponse(end=end)


def held(events, left):
    """A stream that then is silent."""
    yield from events
    left.wait(10)


class Retries(unittest.TestCase):
    def test_a_mutation_is_repeated_under_one_request_id_while_no_server_answers(self):
        scripted = ScriptedServer([grpc.StatusCode.UNAVAILABLE] * 2)
        with serving(scripted) as session:
            session.delete()
            session.delete()
        ids = [request.request_id for request in scripted.requests]
        self.assertEqual(len(ids), 4)
        self.assertEqual(len(set(ids[:3])), 1)
        self.assertNotEqual(ids[2], ids[3])
        self.assertTrue(ids[0])

    def test_nothing_else_is_repeated(self):
        for code in (grpc.StatusCode.ABORTED, grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.INTERNAL):
            scripted = ScriptedServer([code])
            with serving(scripted) as session, self.assertRaises(grokbox.GrokboxError) as caught:
                session.delete()
            self.assertEqual((caught.exception.code, caught.exception.reason), (code.name, code.name))
            self.assertEqual(len(scripted.requests), 1)

    def test_all_attempts_share_one_deadline(self):
        scripted = ScriptedServer([grpc.StatusCode.UNAVAILABLE] * 1_000)
        with serving(scripted) as session:
            began = time.monotonic()
            with self.assertRaises(grokbox.GrokboxError) as caught:
                session.delete(deadline=0.5)
            took = time.monotonic() - began
        # Where no time is left for another attempt, or in the last one.
        self.assertIn(caught.exception.code, ("UNAVAILABLE", "DEADLINE_EXCEEDED"))
        self.assertLess(len(scripted.requests), 100)
        self.assertLess(took, 10)

    def test_a_stream_is_taken_up_again_after_the_last_point_and_holes_show(self):
        scripted = ScriptedServer(
            streams=[
                [opened("a", 1, 2), batch(1, 2), grpc.StatusCode.UNAVAILABLE],
                [opened("a", 1, 3), batch(2, 3), end("SHUTDOWN")],
                [opened("a", 6, 7), batch(6, 7), end("SHUTDOWN")],
                [opened("b", 4, 4), batch(4), end("IDLE")],
            ]
        )
        with serving(scripted) as session:
            events = list(session.watch(1, until_idle=True))
        self.assertEqual(
            [getattr(event, "sequence", event) for event in events],
            [1, 2, 3, grokbox.ProgressGap(4, 5), 6, 7, grokbox.ProgressReset("b"), 4],
        )
        self.assertEqual([request.from_sequence for request in scripted.requests], [1, 3, 4, 8])
        self.assertEqual([request.epoch for request in scripted.requests], ["", "a", "a", "a"])

    def test_a_stream_of_a_sweep_is_taken_up_again_after_the_last_run(self):
        scripted = ScriptedServer(
            streams=[
                [finished(1, 2), grpc.StatusCode.UNAVAILABLE],
                [finished(4), sweep_end("SHUTDOWN")],
                [finished(5), sweep_end("FINISHED")],
            ]
        )
        with serving(scripted) as session:
            sweep = grokbox.Grokbox(session._connection).open_sweep("sweeps/scripted")
            runs = [run.run for run in sweep]
        self.assertEqual(runs, [11, 12, 14, 15])
        self.assertEqual(sweep.info.state, "finished")
        self.assertEqual([request.from_sequence for request in scripted.requests], [1, 3, 5])

    def test_a_closed_connection_says_so(self):
        watches = ("session", [opened("a", 1, 1), batch(1)]), ("sweep", [finished(1)])
        for kind, events in watches:
            left = threading.Event()
            self.addCleanup(left.set)
            scripted = ScriptedServer(streams=[held(events, left)])
            with serving(scripted) as session:
                box = grokbox.Grokbox(session._connection)
                watch = session.watch(1) if kind == "session" else box.open_sweep("sweeps/scripted").watch()
                next(watch)
                threading.Timer(0.2, box.close).start()
                for call in (lambda: next(watch), session.refresh, session.delete, lambda: next(session.watch())):
                    with self.assertRaises(grokbox.GrokboxError) as caught:
                        call()
                    self.assertEqual((caught.exception.code, caught.exception.reason), ("CANCELLED", "CLOSED"))
                    self.assertEqual(caught.exception.message, "the connection was closed")
            left.set()

    def test_a_call_that_is_under_way_when_its_connection_is_closed_says_so(self):
        left = threading.Event()
        self.addCleanup(left.set)
        scripted = ScriptedServer()
        scripted.DeleteSession = lambda request, context: left.wait(10)
        with serving(scripted) as session:
            threading.Timer(0.2, session._connection.close).start()
            with self.assertRaises(grokbox.GrokboxError) as caught:
                session.delete()
            left.set()
        self.assertEqual(caught.exception.reason, "CLOSED")

    def test_a_stream_that_only_opens_and_ends_is_given_up(self):
        scripted = ScriptedServer(streams=[[opened("a", 0, 0), end("SHUTDOWN")]] * 1_000)
        with serving(scripted) as session:
            session._connection.call_deadline = 0.5
            with self.assertRaises(grokbox.GrokboxError) as caught:
                list(session.watch())
        self.assertEqual(caught.exception.code, "UNAVAILABLE")
