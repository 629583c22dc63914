"""The same random requests, signed by botocore and by moontide: methods, paths with dots, double slashes, escapes and
Unicode, queries with repeats and empty values, headers with white space and duplicates, bodies, tokens, S3's rules;
in headers and in the query. MOONTIDE_SEED picks other requests; MOONTIDE_LONG=1 tries 10,000 more."""

import json
import os
import pathlib
import subprocess
import unittest
import urllib.parse

import support

SIGN_TOOL = support.BUILD / "tests" / "sign_tool"
WORKER = pathlib.Path(__file__).with_name("sign_requests.py")
SEED = int(os.environ.get("MOONTIDE_SEED", 1))


def signature_of(out):
    if out.startswith("AWS4-HMAC-SHA256"):
        return out.rpartition("Signature=")[2]
    return urllib.parse.parse_qs(out)["X-Amz-Signature"][0]


class AgainstBotocore(unittest.TestCase):
    def setUp(self):
        support.need("botocore")

    def compare(self, seed, count):
        run = subprocess.run([str(support.VENV), str(WORKER), str(seed), str(count)], check=True, capture_output=True,
                             text=True, env=support.clean_environment())
        theirs = [json.loads(line) for line in run.stdout.splitlines()]
        self.assertEqual(len(theirs), count)
        lines = "".join(json.dumps(one["request"]) + "\n" for one in theirs)
        run = subprocess.run([str(SIGN_TOOL)], input=lines, capture_output=True, text=True)
        self.assertEqual(run.returncode, 0, run.stderr)
        ours = [json.loads(line) for line in run.stdout.splitlines()]
        self.assertEqual(len(ours), count)
        for i, (their, our) in enumerate(zip(theirs, ours)):
            what = f"seed {seed}, request {i}: {json.dumps(their['request'])}"
            self.assertNotIn("error", our, what)
            self.assertEqual(our["canonical_request"], their["canonical_request"], what)
            self.assertEqual(our["signature"], signature_of(their["out"]), what)
            if their["request"]["placement"] == "headers":
                self.assertEqual(our["out"], their["out"], what)
            else:
                self.assertEqual(urllib.parse.parse_qs(our["out"], keep_blank_values=True),
                                 urllib.parse.parse_qs(their["out"], keep_blank_values=True), what)

    def test_a_thousand_random_requests(self):
        self.compare(SEED, 1000)

    @unittest.skipUnless(os.environ.get("MOONTIDE_LONG"), "MOONTIDE_LONG is not set")
    def test_ten_thousand_more(self):
        for i in range(10):
            self.compare(SEED + 1 + i, 1000)


if __name__ == "__main__":
    support.main()
