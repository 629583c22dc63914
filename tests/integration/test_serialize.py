"""Random parameters for every operation of every built-in service become the same requests in moontide and in
botocore: method, path, query, host prefix, headers, and body (compared as what it says, not byte by byte). So do those
of services whose models come from botocore's files, for the protocols that no built-in service speaks.
MOONTIDE_SEED picks other parameters; MOONTIDE_LONG=1 tries ten sets for each operation, and every service there is."""

import json
import os
import pathlib
import subprocess
import unittest

import support

TOOL = str(support.BUILD / "tests" / "serialize_tool")
SCRIPT = pathlib.Path(__file__).with_name("serialize.lua")
WORKER = pathlib.Path(__file__).with_name("serialize_requests.py")
SEED = os.environ.get("MOONTIDE_SEED", "1")
BUILT_IN = sorted(path.stem for path in (support.ROOT / "src" / "aws" / "models").glob("*.json"))
BY_FILE = ["ec2", "s3", "s3control", "route53", "cloudfront"]  # ec2, rest-xml


def data_files():
    """The newest service-2.json.gz of each service that botocore has."""
    code = "import botocore; print(botocore.__path__[0])"
    run = subprocess.run([str(support.VENV), "-c", code], check=True, capture_output=True, text=True)
    data = pathlib.Path(run.stdout.strip()) / "data"
    return {file.parents[1].name: file for file in sorted(data.glob("*/*/service-2.json.gz"))}


class AgainstBotocore(unittest.TestCase):
    def setUp(self):
        support.need("botocore")
        support.need("cbor2")

    def compare(self, sets, services, tool=TOOL):
        run = subprocess.run([str(support.VENV), str(WORKER), tool, SEED, str(sets), *services],
                             capture_output=True, text=True, env=support.clean_environment())
        self.assertEqual(run.returncode, 0, run.stderr)
        *differences, summary = run.stdout.splitlines()
        summary = json.loads(summary)
        self.assertEqual(differences, [], f"seed {SEED}")
        self.assertEqual(summary["status"], 0)
        self.assertEqual(summary["requests"], summary["operations"] * sets)
        return summary["operations"]

    def test_every_operation_of_the_built_in_services(self):
        self.assertGreater(self.compare(3, BUILT_IN), 1200)

    def test_every_operation_from_lua(self):
        self.assertGreater(self.compare(1, BUILT_IN, f"{support.MOONTIDE} script {SCRIPT}"), 1200)

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
