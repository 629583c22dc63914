"""The same random requests, signed by botocore and by moontide: methods, paths with dots, double slashes, escapes and
Unicode, queries with repeats and empty values, headers with white space and duplicates, bodies, tokens, S3's rules;
in headers and in the query. MOONTIDE_SEED picks other requests; MOONTIDE_LONG=1 tries 10,000 more."""

import base64
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


# aws.sigv4.sign on requests that come as JSON lines, the body in hex.
SIGN_LUA = """
for line in io.lines(arg[1]) do
  local r = json.decode(line)
  local signed = aws.sigv4.sign {
    method = r.method, uri = r.path .. (r.query ~= "" and "?" .. r.query or ""), headers = r.headers,
    body = r.body_hex:gsub("..", function(h) return string.char(tonumber(h, 16)) end),
    service = r.service, region = r.region, time = r.time, placement = r.placement, expires = r.expires,
    credentials = { access_key_id = r.id, secret_access_key = r.secret, session_token = r.token or nil },
    normalize_path = r.normalize_path, double_encode = r.double_encode, payload_hash = r.payload_hash or nil,
    sign_content_sha256 = r.sign_content_sha256, omit_session_token = r.omit_session_token }
  print(json.encode { signature = signed.signature, canonical_request = signed.canonical_request,
                      authorization = signed.authorization or "" })
end"""


def signature_of(out):
    if out.startswith("AWS4-HMAC-SHA256"):
        return out.rpartition("Signature=")[2]
    return urllib.parse.parse_qs(out)["X-Amz-Signature"][0]


class AgainstBotocore(support.Case):
    def setUp(self):
        support.need("botocore")

    def signed_by_botocore(self, seed, count):
        run = subprocess.run([str(support.VENV), str(WORKER), str(seed), str(count)], check=True, capture_output=True,
                             text=True, env=support.clean_environment())
        theirs = [json.loads(line) for line in run.stdout.splitlines()]
        self.assertEqual(len(theirs), count)
        return theirs

    def compare(self, seed, count):
        theirs = self.signed_by_botocore(seed, count)
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

    def test_the_lua_function_signs_them_too(self):
        project, requests = self.project(shipped=False), []
        theirs = self.signed_by_botocore(SEED + 1000, 300)
        for one in theirs:
            given = {k: v for k, v in one["request"].items() if v is not None}
            requests.append(json.dumps({**given, "body_hex": base64.b64decode(given.pop("body")).hex()}))
        project.write("requests", "\n".join(requests) + "\n")
        project.write("sign.lua", SIGN_LUA)
        run = project.run("script", "sign.lua", "requests")
        self.assertEqual(run.returncode, 0, run.stderr)
        ours = [json.loads(line) for line in run.stdout.splitlines()]
        self.assertEqual(len(ours), len(theirs))
        for i, (their, our) in enumerate(zip(theirs, ours)):
            self.assertEqual(our["canonical_request"], their["canonical_request"], f"{i}: {their['request']}")
            self.assertEqual(our["signature"], signature_of(their["out"]), f"{i}: {their['request']}")
            if their["request"]["placement"] == "headers":
                self.assertEqual(our["authorization"], their["out"])

    @unittest.skipUnless(os.environ.get("MOONTIDE_LONG"), "MOONTIDE_LONG is not set")
    def test_ten_thousand_more(self):
        for i in range(10):
            self.compare(SEED + 1 + i, 1000)


if __name__ == "__main__":
    support.main()
