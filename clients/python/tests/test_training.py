import grokbox

from .server import ServerTest


class Training(ServerTest):
    def test_a_session_starts_with_its_presets_spec_changed_field_by_field(self):
        session = self.start(weight_decay=0.5, labels={"owner": "anna"}, split=grokbox.PythonSplit(fraction=0.5))
        spec = session.info.spec
        self.assertEqual((spec.modulus, spec.width, spec.activation, spec.task, spec.seed), (7, 16, "relu", "add", 42))
        self.assertEqual(spec.optimizer, grokbox.AdamW(1e-4, 0.5, 0.9, 0.98, 1e-8))
        self.assertEqual(spec.init, grokbox.RandomInit(0.1))
        self.assertEqual(spec.split, grokbox.PythonSplit(0.5))
        self.assertEqual(session.info.labels, {"owner": "anna"})
        self.assertEqual(session.info.pair_counts["train"], 24)

    def test_a_preset_without_its_optimizer_keeps_the_kind(self):
        sgd = self.start(preset="quad_random_sgd", learning_rate=0.3)
        self.assertEqual(sgd.info.spec.optimizer, grokbox.Sgd(0.3, 0.0))
        explicit = self.start(split=grokbox.ExplicitSplit([0, 3, 48]), optimizer=grokbox.Sgd())
        self.assertEqual(explicit.info.spec.split, grokbox.ExplicitSplit((0, 3, 48)))
        self.assertEqual(explicit.info.spec.optimizer, grokbox.Sgd(0.1, 0.0))

    def test_a_task_has_the_names_of_the_readmes_and_of_the_api(self):
        for name in ("quadratic_form", "x^2+xy+y^2"):
            self.assertEqual(self.start(task=name).info.spec.task, "quadratic_form")
        self.assertEqual(self.start(task="subtract").info.spec.task, "subtract")
        with self.assertRaisesRegex(ValueError, "task must be one of add, subtract, quadratic_form; got 'multiply'"):
            self.start(task="multiply")

    def test_steps_are_the_same_in_one_call_or_many(self):
        one, many = self.start(seed=7), self.start(seed=7)
        straight = one.step(30)
        for _ in range(3):
            parts = many.step(10)
        self.assertEqual(straight.step, 30)
        self.assertEqual(straight.train_loss, parts.train_loss)
        self.assertEqual(one.info.step, 30)
        self.assertEqual(one.info.state, "idle")

    def test_a_run_is_watched_from_its_beginning_to_its_end(self):
        session = self.start()
        session.step(5)
        points = list(session.run(until_step=205, record_every=50, record_at=[7]))
        self.assertEqual([point.step for point in points], [7, 50, 100, 150, 200, 205])
        self.assertEqual([point.sequence for point in points], list(range(points[0].sequence, points[0].sequence + 6)))
        self.assertEqual(points[0].stage, "memorization")
        self.assertIsNone(points[0].gap_before)
        self.assertTrue(0 <= points[0].accuracy.held_out <= 1)
        again = list(session.watch(points[2].sequence, epoch=points[2].epoch, until_idle=True))
        self.assertEqual([event.step for event in again], [100, 150, 200, 205])

    def test_a_run_stops_when_a_condition_holds(self):
        session = self.start(preset="standard")
        run = session.run(2_000, stop_when=grokbox.at_most("train_loss", 100.0), record_every=10)
        self.assertEqual(run.started.run.until_step, 2_000)
        info = run.wait()
        self.assertEqual((info.stop_reason.kind, info.state), ("condition", "idle"))
        self.assertLess(info.step, 2_000)
        self.assertIn("<= 100", info.stop_reason.detail)
        plateau = session.run(stop_when=[grokbox.Plateau(20, 1e9, 1.0), grokbox.at_least("ipr", 1.0)], record_every=1)
        self.assertEqual(plateau.started.run.stop_when[0], grokbox.Plateau(20, 1e9, 1.0))
        self.assertEqual(plateau.wait().stop_reason.kind, "condition")

    def test_leaving_the_loop_stops_watching_and_the_run_goes_on_until_it_is_paused(self):
        session = self.start()
        for point in session.run(record_every=1):
            if point.step >= 20:
                break
        self.assertEqual(session.refresh().state, "running")
        self.assertEqual(session.pause().state, "paused")
        self.assertGreaterEqual(session.info.step, 20)

    def test_activations_are_evaluated_or_swapped(self):
        session = self.start()
        table = session.swap_activation(["abs", "x^4", "x"], evaluate_only=True)
        self.assertEqual([row.activation for row in table], ["abs", "x^4", "identity"])
        self.assertEqual(session.info.spec.activation, "relu")
        session.swap_activation("gelu")
        self.assertEqual(session.info.spec.activation, "gelu")
        self.assertEqual(session.info.events, (grokbox.ActivationSwapped(0, "relu", "gelu"),))

    def test_sessions_are_found_again_by_name_and_label_in_pages(self):
        made = {self.start(labels={"test": "pages"}).name for _ in range(3)}
        listed = [session.name for session in self.box.sessions(labels={"test": "pages"}, state="idle", page_size=2)]
        self.assertEqual(set(listed), made)
        self.assertEqual(len(listed), 3)
        self.assertEqual(self.box.session(listed[0]).info.labels, {"test": "pages"})

    def test_a_session_is_moved_to_another_engine(self):
        session = self.start()
        # The only one that is surely there.
        self.assertEqual(session.move("cpu", expected_step=0).engine, "cpu")
        self.assertEqual(session.move("auto").engine, "cpu")
        with self.assertRaises(grokbox.GrokboxError) as refused:
            session.move("abacus")
        self.assertEqual([violation.field for violation in refused.exception.violations], ["engine"])

    def test_the_server_says_what_computes(self):
        info = self.box.info()
        self.assertGreater(info.engines[0].parts, 0)
        self.assertGreater(info.memory.limit_bytes, info.memory.used_bytes)
        self.assertEqual(info.engines[0].name, "cpu")
        self.assertIn("grokking", info.presets)
        self.assertEqual(info.limits["default_deadline_seconds"], 60.0)

    def test_the_server_says_where_it_keeps_sessions(self):
        storage = self.box.info().storage
        self.assertEqual((storage.durable, storage.alarm), (False, ""))
        self.assertGreater(storage.checkpoint_every_seconds, 0)
        session = self.start()
        session.snapshot()
        self.assertGreater(self.box.info().storage.snapshots, 0)
