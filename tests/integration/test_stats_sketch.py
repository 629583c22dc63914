"""The sketch against exact values: numpy's for its quantiles, exact fractions for its sum, mpmath's for its edges."""

import subprocess

import support


class Sketch(support.Case):
    def check(self, case):
        support.need("numpy")
        support.need("mpmath")
        peer = support.ROOT / "tests" / "integration" / "stats_sketch_peer.py"
        run = subprocess.run([str(support.VENV), str(peer), case, str(support.BUILD)], capture_output=True, text=True)
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr[-3000:])

    def test_no_quantile_of_any_distribution_breaks_the_bound(self):
        self.check("bound")

    def test_a_million_values_keep_the_bound_and_the_exact_sum(self):
        self.check("million")

    def test_merged_equals_unmerged_to_the_bit(self):
        self.check("merged")

    def test_edges_lie_between_the_right_doubles(self):
        self.check("edges")


if __name__ == "__main__":
    support.main()
