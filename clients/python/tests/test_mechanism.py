import math

import numpy as np

import grokbox

from .server import ServerTest


class Mechanism(ServerTest):
    def test_spectra_and_evaluations_have_groups_layers_and_grids(self):
        session = self.start()
        spectrum = session.spectrum()
        self.assertEqual([group.neurons for group in spectrum.groups], list(spectrum.neurons_per_frequency))
        self.assertEqual(spectrum.theta_cosine_fit.shape, (16,))
        self.assertAlmostEqual(spectrum.xi_measures.cosine_fit, float(spectrum.xi_cosine_fit.mean()), 6)
        self.assertEqual(sorted(spectrum.theta_measures.harmonic_leakage), [2, 3, 4, 5, 6, 7])
        evaluation = session.evaluate(grids=True)
        self.assertAlmostEqual(float(evaluation.grids.correct.mean()), evaluation.accuracy)
        self.assertTrue(0 < evaluation.predicted_plateau < 1)
        self.assertIsNone(session.evaluate().grids)

    def test_a_spectrum_from_beyond_the_last_neuron_is_refused(self):
        session = self.start()
        for first in (16, 99):
            with self.assertRaises(grokbox.GrokboxError) as refused:
                session.spectrum(first_neuron=first)
            violation = grokbox.FieldViolation("first_neuron", f"must be an integer, 0 to 15; got {first}")
            self.assertEqual(refused.exception.violations, (violation,))

    def test_neurons_whose_theta_is_constant_have_no_frequency(self):
        waves = np.cos(2 * np.pi * np.arange(5) / 5)
        theta = np.vstack([np.tile(waves, (7, 1)), np.full((1, 5), 0.5)])
        some = {"preset": "", "modulus": None, "width": None}
        spectrum = self.start(**some, weights={"theta": theta, "xi": np.tile(waves, (8, 1))}).spectrum()
        self.assertEqual(spectrum.dominant_frequency.tolist(), [1] * 7 + [0])
        self.assertEqual(spectrum.neurons_per_frequency.tolist(), [7, 0])
        self.assertAlmostEqual(spectrum.alpha.mean, 1, places=6)
        none = self.start(**some, weights={"theta": np.zeros((8, 5)), "xi": np.zeros((8, 5))}).spectrum()
        self.assertEqual((none.alpha, none.beta, none.layer_agreement), (None, None, 0))

    def test_logits_come_with_their_votes(self):
        session = self.start()
        everything = session.logits(activation="quadratic")
        self.assertEqual(everything.activation, "x^2")
        self.assertEqual((everything.logits.shape, everything.pairs.shape), ((28, 7), (28, 2)))
        some = session.logits(activation="x^2", pairs=[(6, 1)], worst_pairs=2)
        row = [tuple(pair) for pair in everything.pairs].index((1, 6))
        np.testing.assert_array_equal(some.logits[0], everything.logits[row])
        np.testing.assert_array_equal(session.logits(pairs=everything.pairs[:3]).pairs, everything.pairs[:3])
        self.assertEqual(session.logits(pairs=np.zeros((0, 2), int)).logits.shape, (0, 7))
        self.assertEqual(len(some.voting.worst_pairs), 2)
        self.assertEqual([vote.frequency for vote in some.votes], [1, 2, 3])
        self.assertIsNone(self.start(task="subtract").logits(pairs=[]).voting)

    def test_ablations_change_a_copy(self):
        session = self.start()
        whole = session.evaluate()
        self.assertEqual(session.ablate().loss, whole.loss)
        self.assertEqual(session.ablate("project").scores, whole.dominant_only)
        changed = session.ablate(
            {"remove_frequencies": [1]}, {"keep_neurons": range(4)}, {"scale": {"xi": 2}}, {"spread_phases": 1.0}, grids=True
        )
        self.assertEqual((changed.width, changed.grids.correct.shape), (4, (7, 7)))
        self.assertEqual(session.evaluate(), whole)
        with self.assertRaises(grokbox.GrokboxError) as refused:
            session.ablate({"restrict_phases": {"center": 0, "range": 7}})
        self.assertEqual([each.field for each in refused.exception.violations], ["ablations[0].restrict_phases.range"])
        for wrong in ("invert", {"invert": 1}, {}):
            with self.assertRaises(ValueError):
                session.ablate(wrong)

    def test_an_ideal_network_has_the_published_loss(self):
        self.assertEqual(f"{self.box.ablate_ideal(23, 128).loss:.3e}", "5.934e-15")
        narrow = self.box.ablate_ideal(23, 128, phase_range=1.2 * math.pi)
        self.assertEqual(f"{narrow.loss:.2e}", "1.19e-09")

    def test_a_lottery_forecasts_and_tells_the_race(self):
        session = self.start()
        session.snapshot()
        session.step(50)
        lottery = session.lottery(neurons=[3, 1], race_at=[0])
        self.assertEqual(lottery.share_right, float((lottery.forecast == lottery.actual).mean()))
        self.assertEqual((lottery.step, lottery.begin_step, lottery.confidence.shape), (50, 0, (16,)))
        np.testing.assert_array_equal(lottery.race[0].theta_magnitude, session.spectrum(0).theta_magnitude[[3, 1]])

    def test_flows_have_the_published_ends(self):
        start = {"alpha": 0.02, "beta": 0.02, "phi": 1.5, "psi": 0.18}
        euler = self.box.simulate_flow(23, 2, **start, euler_steps=1400, time_step=1 / 529)
        self.assertEqual((f"{euler.alpha[-1]:.5f}", f"{euler.beta[-1]:.5f}"), ("0.04796", "0.03674"))
        exact = self.box.simulate_flow(23, 2, **start, times=[0, 1, 100])
        self.assertEqual(list(exact.times), [0, 1])
        self.assertLess(exact.phase_drift, 1e-9)
        with self.assertRaises(ValueError):
            self.box.simulate_flow(23, 2, **start)
        session = self.start()
        session.snapshot()
        neuron = session.simulate_flow(5, times=[0], compare_at=[0])
        self.assertEqual(neuron.actual[0].alpha, neuron.alpha[0])
        contour = self.box.outcome_contour([0.01, 0.02], [0, math.pi])
        self.assertEqual([f"{beta:.6f}" for beta in contour[1]], ["0.060207", "0.015506"])
