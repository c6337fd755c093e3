import numpy as np

import grokbox

from .server import SMALL, ServerTest

# However fast the machine: it is ended before.
LONG = {"until_step": 1_000_000_000, "record_every": 100_000}


class Sweeps(ServerTest):
    def sweep(self, *cells, **options):
        sweep = self.box.sweep(*cells, **{"until_step": 60, "record_every": 20, **options})
        self.addCleanup(self._forget, sweep)
        return sweep

    def _forget(self, sweep):
        try:
            sweep.delete()
        except grokbox.GrokboxError as error:
            if error.reason != "SWEEP_NOT_FOUND":
                raise

    def test_a_grid_is_run_watched_and_read_as_an_array(self):
        sweep = self.sweep(SMALL, weight_decay=[0, 2], activation=("relu", "x"), seeds=range(3), title="decay")
        self.assertEqual((sweep.info.title, sweep.info.runs, sweep.info.groups), ("decay", 12, 4))
        self.assertEqual(sweep.info.definition.axes, {"weight_decay": (0.0, 2.0), "activation": ("relu", "identity")})
        self.assertEqual(sweep.info.definition.seeds, (0, 1, 2))
        runs = list(sweep)
        self.assertEqual((sweep.info.state, sweep.info.done, sweep.info.finished["target"]), ("finished", 12, 12))
        self.assertEqual([run.sequence for run in runs], list(range(1, 13)))
        self.assertEqual(runs, list(sweep.summaries()))
        self.assertEqual([run.sequence for run in sweep.summaries(11)], [11, 12])

        table = sweep.results()
        self.assertEqual(table["run"].tolist(), list(range(12)))
        self.assertEqual(table["weight_decay"].tolist(), [0.0] * 6 + [2.0] * 6)
        self.assertEqual(table["activation"].tolist(), (["relu"] * 3 + ["identity"] * 3) * 2)
        self.assertEqual(table["outcome"].tolist(), ["target"] * 12)
        last = {run.run: run.final for run in runs}[11]
        self.assertEqual(table[11]["train_loss"], last.train_loss)
        self.assertEqual(table[11]["partner_accuracy"], last.accuracy.partner)
        self.assertTrue(np.isnan(table["grokking_step"]).all())
        norms = [table["parameter_norm"][table["weight_decay"] == decay] for decay in (0, 2)]
        self.assertTrue((norms[1] < norms[0]).all(), norms)

    def test_bands_are_arrays_over_the_seeds_of_a_group(self):
        sweep = self.sweep(SMALL, learning_rate=[1e-3, 1e-2], seeds=[1, 2, 3])
        self.assertEqual(sweep.wait().state, "finished")
        bands = list(sweep.bands())
        self.assertEqual([each.coordinates for each in bands], [{"learning_rate": 1e-3}, {"learning_rate": 1e-2}])
        band = bands[1].measures["train_loss"]
        self.assertEqual((band.steps.tolist(), band.runs.tolist()), ([0, 20, 40, 60], [3, 3, 3, 3]))
        final = sweep.results()["train_loss"][3:]
        quartiles = [band.lower_quartile[-1], band.median[-1], band.upper_quartile[-1]]
        np.testing.assert_allclose(quartiles, np.quantile(final, [0.25, 0.5, 0.75]), rtol=1e-12)

    def test_a_list_of_cells_has_specs_of_its_own(self):
        sgd = {"preset": "quad_random_sgd", "modulus": 7, "width": 16, "learning_rate": 0.3}
        sweep = self.sweep([SMALL, sgd], keep_sessions=True)
        runs = sorted(sweep, key=lambda run: run.run)
        self.assertEqual([(run.group, run.seed, run.coordinates) for run in runs], [(0, 42, {}), (1, 42, {})])
        session = self.box.session(runs[1].session)
        self.addCleanup(self._delete, session)
        self.assertEqual(session.info.spec.optimizer, grokbox.Sgd(0.3, 0.0))
        self.assertEqual(session.info.sweep, grokbox.SweepOrigin(sweep.name, 1))
        kept = list(self.box.sessions(sweep=sweep.name))
        self.assertEqual({each.name for each in kept}, {run.session for run in runs})
        for each in kept:
            self.addCleanup(self._delete, each)

    def test_an_invalid_cell_ends_its_own_runs_or_if_asked_refuses_the_sweep(self):
        sweep = self.sweep({"width": 16}, modulus=[6, 7])
        self.assertEqual(sweep.info.invalid_groups, 1)
        wrong = grokbox.FieldViolation("definition.grid.axes[0].values[0]", "must be odd, 3 to 199; got 6")
        self.assertEqual(sweep.info.invalid_values, (wrong,))
        sweep.wait()
        self.assertEqual(sweep.info.invalid_values, (wrong,))
        table = sweep.results()
        self.assertEqual(table["outcome"].tolist(), ["invalid", "target"])
        self.assertTrue(np.isnan(table["train_loss"][0]))
        self.assertEqual(table["detail"][0], "modulus must be odd, 3 to 199; got 6")
        for options in ({"modulus": [6, 7], "refuse_invalid": True}, {"modulus": [6]}):
            with self.assertRaises(grokbox.GrokboxError) as caught:
                self.sweep({"width": 16}, **options)
            self.assertEqual(caught.exception.violations, (wrong,))

    def test_tasks_come_back_by_the_names_that_they_were_given(self):
        tasks = ("add", "subtract", "quadratic_form")
        sweep = self.sweep(SMALL, task=tasks)
        self.assertEqual(sweep.info.definition.axes, {"task": tasks})
        sweep.wait()
        self.assertEqual(tuple(sweep.results()["task"]), tasks)
        self.assertEqual(tuple(bands.coordinates["task"] for bands in sweep.bands()), tasks)

    def test_a_task_has_two_names_among_a_sweeps_values_as_in_what_its_cells_share(self):
        other = "x^2+xy+y^2"
        swept = self.sweep(SMALL, task=["add", other])
        self.assertEqual(swept.info.definition.axes, {"task": ("add", "quadratic_form")})
        shared = self.sweep({**SMALL, "task": other}, keep_sessions=True)
        run = next(iter(shared))
        session = self.box.session(run.session)
        self.addCleanup(self._delete, session)
        self.assertEqual(session.info.spec.task, "quadratic_form")

    def test_a_run_may_stop_early(self):
        sweep = self.sweep(SMALL, stop_when=grokbox.at_most("train_loss", 100.0))
        run = next(iter(sweep))
        self.assertEqual((run.outcome, run.step), ("condition", 20))

    def test_it_is_paused_resumed_cancelled_and_deleted_and_listed_meanwhile(self):
        sweep = self.sweep(SMALL, weight_decay=[0, 1], seeds=[1, 2], max_parallel=2, **LONG)
        events = sweep.watch()
        while sweep.info.steps == 0:
            next(events)
        self.assertEqual(sweep.pause().state, "paused")
        self.assertEqual(len(sweep.info.sessions), 2)
        self.assertEqual(sweep.info.definition.max_parallel, 2)
        self.assertEqual(self.box.open_sweep(sweep.name).refresh().state, "paused")
        self.assertIn(sweep.name, [each.name for each in self.box.sweeps(page_size=1)])
        self.assertEqual(sweep.resume().state, "running")
        self.assertEqual(sweep.cancel().state, "cancelled")
        self.assertEqual(list(event for event in events if isinstance(event, grokbox.SweepRun)), [])
        self.assertEqual(len(sweep.results()), 0)
        sweep.delete()
        with self.assertRaises(grokbox.GrokboxError) as caught:
            sweep.refresh()
        self.assertEqual(caught.exception.reason, "SWEEP_NOT_FOUND")

    def test_a_sweep_that_is_deleted_while_it_is_watched_says_so(self):
        sweep = self.sweep(SMALL, **LONG)
        events = sweep.watch()
        next(events)
        sweep.delete()
        with self.assertRaises(grokbox.GrokboxError) as caught:
            list(events)
        self.assertEqual(caught.exception.reason, "SWEEP_NOT_FOUND")

    def test_what_can_not_be_sent_is_refused_before(self):
        wrong = [
            (({"widht": 16},), {}, "cells['widht'] is none of preset, modulus"),
            (([SMALL, {"seed": 1}],), {}, "cells[1]['seed'] is none of"),
            ((SMALL,), {"weight_decay": 1}, "weight_decay must be a list"),
            ((SMALL,), {"speed": [1]}, "what is swept must be one of modulus, width"),
            (([SMALL],), {"width": [8, 16]}, "width can't be swept over a list"),
        ]
        for cells, options, message in wrong:
            with self.assertRaises(ValueError) as caught:
                self.sweep(*cells, **options)
            self.assertIn(message, str(caught.exception))
