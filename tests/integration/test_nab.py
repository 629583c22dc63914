"""Facts about the re-implemented scoring of the Numenta Anomaly Benchmark, and what moontide's detector reaches with it."""

import math
import sys
import unittest

import support

sys.path.insert(0, str(support.ROOT / "tests" / "bench"))
import nab  # noqa: E402
import nab_scoring  # noqa: E402
from nab_scoring import STANDARD, Series  # noqa: E402

LOW_FP, LOW_FN = nab_scoring.PROFILES[1:]


def series(rows, *windows):
    return Series("made/up.csv", list(range(rows)), [float(i % 10) for i in range(rows)], list(windows))


def detecting(rows, *found):
    scores = [0.0] * rows
    for row in found:
        scores[row] = 1.0
    return scores


class Scorer(unittest.TestCase):
    def total(self, one, scores, profile=STANDARD):
        return nab_scoring.Steps(one, scores, profile).at(1.0)

    def test_the_sigmoid_has_the_papers_values(self):
        # Lavin and Ahmad: near 1 at the left edge, 0 at the right one, -1 far behind
        self.assertAlmostEqual(nab_scoring.position_score(-1), 0.98661, 5)
        self.assertAlmostEqual(nab_scoring.position_score(-0.5), 0.84828, 5)
        self.assertEqual(nab_scoring.position_score(0), 0)
        self.assertAlmostEqual(nab_scoring.position_score(1), -0.98661, 5)
        self.assertEqual(nab_scoring.position_score(3.01), -1)

    def test_the_first_rows_do_not_count(self):
        self.assertEqual(nab_scoring.probation(100), 15)
        self.assertEqual(nab_scoring.probation(109), 16)
        self.assertEqual(nab_scoring.probation(22695), 750)
        self.assertEqual(self.total(series(100, (50, 59)), detecting(100, 3, 14)), -1)

    def test_a_detection_counts_by_its_place_in_the_window(self):
        one = series(100, (50, 59))
        self.assertAlmostEqual(self.total(one, detecting(100, 50)), 1)
        # row 55: y = -(59 - 55 + 1) / 10 = -0.5
        self.assertAlmostEqual(self.total(one, detecting(100, 55)), 0.848284 / 0.986614, 5)
        # row 59: y = -0.1
        self.assertAlmostEqual(self.total(one, detecting(100, 59)), 0.244919 / 0.986614, 5)
        self.assertAlmostEqual(self.total(one, detecting(100, 59, 55, 57)), 0.848284 / 0.986614, 5)

    def test_a_false_positive_costs_by_its_distance_behind_the_window(self):
        one = series(200, (50, 59))
        self.assertAlmostEqual(self.total(one, detecting(200, 40)), -1 - 0.11)
        # row 63: y = (63 - 59) / (10 - 1)
        self.assertAlmostEqual(self.total(one, detecting(200, 63)), -1 - 0.11 * math.tanh(2.5 * 4 / 9))
        self.assertAlmostEqual(self.total(one, detecting(200, 150)), -1 - 0.11)
        self.assertAlmostEqual(self.total(one, detecting(200, 40, 150), LOW_FP), -1 - 2 * 0.22)

    def test_a_missed_window_costs_by_the_profile(self):
        one = series(100, (30, 39), (60, 69))
        self.assertAlmostEqual(self.total(one, detecting(100, 60)), -1 + 1)
        self.assertAlmostEqual(self.total(one, detecting(100, 60), LOW_FN), -2 + 1)

    def test_the_threshold_is_the_best_of_all_scores_of_the_corpus(self):
        one, other = series(100, (50, 59)), series(100)
        scores = detecting(100), detecting(100)
        scores[0][50], scores[1][40], scores[1][30] = 0.7, 0.8, 0.6
        total, threshold, raw = nab_scoring.score_corpus([one, other], scores, STANDARD)
        self.assertEqual(threshold, 0.7)
        self.assertAlmostEqual(raw[0], 1)
        self.assertAlmostEqual(raw[1], -0.11)
        self.assertAlmostEqual(total, 100 * (0.89 + 1) / 2)

    def test_equal_scores_are_detected_together(self):
        scores = detecting(100)
        scores[50] = scores[20] = 0.7
        total, _, raw = nab_scoring.score_corpus([series(100, (50, 59))], [scores], STANDARD)
        self.assertAlmostEqual(raw[0], 1 - 0.11)
        self.assertAlmostEqual(total, 100 * 1.89 / 2)

    def test_leaving_out_chooses_the_threshold_without_the_series(self):
        corpus = [series(100, (50, 59)), series(100, (50, 59))]
        scores = [detecting(100), detecting(100)]
        scores[0][50], scores[1][50] = 0.4, 0.9
        # alone, the first would be scored at 0.9 and lost; the second at 0.4 and found
        self.assertAlmostEqual(nab_scoring.score_left_out(corpus, scores, STANDARD), 50)
        self.assertAlmostEqual(nab_scoring.score_corpus(corpus, scores, STANDARD)[0], 100)

    def test_the_perfect_detector_has_100_and_the_null_detector_0(self):
        corpus = [series(1000, (300, 349), (700, 749)), series(500), series(800, (200, 279))]
        for profile in nab_scoring.PROFILES:
            self.assertAlmostEqual(nab_scoring.score_corpus(corpus, nab.perfect(corpus), profile)[0], 100)
            self.assertAlmostEqual(nab_scoring.score_corpus(corpus, nab.null(corpus), profile)[0], 0)

    def test_the_windowed_gaussian_is_a_normal_tail(self):
        one = Series("made/up.csv", [0, 1, 2, 3], [1.0, 3.0, 3.0, 3.0], [])
        scores = nab.windowed_gaussian([one])[0]
        self.assertEqual(scores[0], 0)
        self.assertEqual(scores[1], 1)  # the only value so far has no deviation
        self.assertAlmostEqual(scores[2], 1 - 0.1586553, 6)  # mean 2, deviation 1
        self.assertAlmostEqual(scores[3], 1 - 0.2397501, 6)  # mean 7/3, deviation sqrt(8/9)


class RealSeries(unittest.TestCase):
    """All with the same settings, at one threshold."""

    def setUp(self):
        if not nab.DATA.exists():
            self.skipTest(f"SKIPPED: the benchmark's data is not there: {nab.DATA}")
        self.corpus = nab_scoring.read_corpus(nab.DATA)

    def test_moontide_is_20_points_above_the_windowed_gaussian(self):
        ours = nab.moontide(self.corpus, support.BUILD / "tests" / "anomaly_tool")
        theirs = nab.windowed_gaussian(self.corpus)
        ours_total = nab_scoring.score_corpus(self.corpus, ours, STANDARD)[0]
        theirs_total = nab_scoring.score_corpus(self.corpus, theirs, STANDARD)[0]
        self.assertGreater(ours_total, theirs_total + 20)
        # and not by the choice of the threshold
        self.assertGreater(nab_scoring.score_left_out(self.corpus, ours, STANDARD), theirs_total + 20)


if __name__ == "__main__":
    unittest.main()
