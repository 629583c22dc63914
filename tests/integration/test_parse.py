"""Random answers of every operation of every built-in service, and of each of its errors, read the same by moontide and
by botocore. So do those of services whose models come from botocore's files, for the protocols that no built-in service
speaks. MOONTIDE_SEED picks other answers; MOONTIDE_LONG=1 tries ten sets for each operation, and every service there is.
"""

import json
import os
import pathlib
import subprocess
import unittest

import support
from test_serialize import BUILT_IN, BY_FILE, data_files

TOOL = f"{support.MOONTIDE} script {pathlib.Path(__file__).with_name('parse.lua')}"
WORKER = pathlib.Path(__file__).with_name("parse_answers.py")
SEED = os.environ.get("MOONTIDE_SEED", "1")


class AgainstBotocore(unittest.TestCase):
    def setUp(self):
        support.need("botocore")
        support.need("cbor2")

    def compare(self, sets, services):
        run = subprocess.run([str(support.VENV), str(WORKER), TOOL, SEED, str(sets), *services],
                             capture_output=True, text=True, env=support.clean_environment())
        self.assertEqual(run.returncode, 0, run.stderr)
        *differences, summary = run.stdout.splitlines()
        summary = json.loads(summary)
        self.assertEqual(differences, [], f"seed {SEED}")
        self.assertEqual(summary["status"], 0)
        self.assertGreaterEqual(summary["answers"], summary["operations"] * sets)
        return summary["operations"]

    def test_every_operation_of_the_built_in_services(self):
        self.assertGreater(self.compare(3, BUILT_IN), 1200)

    def test_services_by_file(self):
        files = data_files()
        self.assertGreater(self.compare(1, [f"{name}={files[name]}" for name in BY_FILE]), 1000)

    @unittest.skipUnless(os.environ.get("MOONTIDE_LONG"), "MOONTIDE_LONG is not set")
    def test_ten_sets(self):
        self.compare(10, BUILT_IN)

    @unittest.skipUnless(os.environ.get("MOONTIDE_LONG"), "MOONTIDE_LONG is not set")
    def test_every_service_that_botocore_has(self):
        self.assertGreater(self.compare(1, [f"{name}={file}" for name, file in data_files().items()]), 10000)


if __name__ == "__main__":
    support.main()
