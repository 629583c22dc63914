"""Roles through moto's STS: assumed with a profile's keys, with a role on a role, with a token file, with a process."""

import json
import stat
import subprocess
import time
import unittest

import support

KEYS = "aws_access_key_id = test\naws_secret_access_key = test\n"
SAY = """
local who, credentials = aws.identity(), aws.credentials()
print(json.encode({ arn = who.arn, provider = credentials.provider }))"""
# moto keeps accounts apart: what the role of another account writes, only that account sees.
OTHER = "arn:aws:iam::111122223333:role/moontide"
PUT = """
import boto3, sys, datetime
boto3.client("cloudwatch").put_metric_data(Namespace="App", MetricData=[{
    "MetricName": "Load", "Value": 42, "Dimensions": [{"Name": "Side", "Value": "other"}],
    "Timestamp": datetime.datetime.fromtimestamp(int(sys.argv[1]), datetime.timezone.utc)}])"""
POLICY = """
return policy { name = "load", targets = { { name = "x" } },
  metrics = function()
    local function load(account)
      return cloudwatch { namespace = "App", name = "Load", stat = "Average", period = "5m", window = "1h",
                          dimensions = { Side = "other" }, account = account }
    end
    return { own = load(nil), other = load("other") }
  end,
  evaluate = function(t, m)
    issue { type = "seen", severity = "low", description = tostring(m.own:last()) .. " " .. tostring(m.other:last()),
            recommendation = "-" }
  end }"""


def arn(role):
    return f"arn:aws:iam::123456789012:role/{role}"


class RolesThroughMoto(support.Case):
    @classmethod
    def setUpClass(cls):
        support.need("moto")
        cls.port = support.free_port()
        cls.server = support.moto(cls.port)
        cls.server.__enter__()
        cls.addClassCleanup(cls.server.__exit__, None, None, None)

    def prepare(self, config, **environment):
        """A project and the environment in which that is the shared config file."""
        project = self.project(shipped=False)
        project.write("aws-config", config.replace("DIR", str(project.path)))
        project.write("token", "header.payload.signature\n")
        project.write("process", "#!/bin/sh\n"
                      'echo \'{"Version":1,"AccessKeyId":"test","SecretAccessKey":"test"}\'\n')
        (project.path / "process").chmod(stat.S_IRWXU)
        kept = support.clean_environment(
            AWS_ENDPOINT_URL=f"http://127.0.0.1:{self.port}", AWS_REGION="us-east-1",
            AWS_CONFIG_FILE=project.path / "aws-config", AWS_SHARED_CREDENTIALS_FILE="/nonexistent",
            **{k: str(v).replace("DIR", str(project.path)) for k, v in environment.items()})
        return project, kept

    def who(self, config, **environment):
        project, kept = self.prepare(config, **environment)
        project.write("who.lua", SAY)
        return project.run("script", "who.lua", environment=kept)

    def expect(self, role, session, provider, config, **environment):
        result = self.who(config, **environment)
        self.assertEqual(result.returncode, 0, result.stderr)
        said = json.loads(result.stdout)
        self.assertEqual(said["arn"], f"arn:aws:sts::123456789012:assumed-role/{role}/{session}")
        self.assertEqual(said["provider"], provider)

    def test_a_role_with_the_keys_of_another_profile(self):
        self.expect("web", "me", "assume role",
                    f"[default]\nrole_arn = {arn('web')}\nsource_profile = base\nrole_session_name = me\n"
                    f"external_id = x\nduration_seconds = 900\n[profile base]\n{KEYS}")

    def test_a_role_on_a_role(self):
        self.expect("top", "moontide", "assume role",
                    f"[default]\nrole_arn = {arn('top')}\nsource_profile = middle\n"
                    f"[profile middle]\nrole_arn = {arn('middle')}\nsource_profile = base\n[profile base]\n{KEYS}")

    def test_a_role_with_what_a_process_prints(self):
        self.expect("web", "moontide", "assume role",
                    f"[default]\nrole_arn = {arn('web')}\nsource_profile = process\n"
                    "[profile process]\ncredential_process = DIR/process 'a b'\n")

    def test_a_token_file_of_the_environment(self):
        self.expect("pod", "my-pod", "web identity", "", AWS_WEB_IDENTITY_TOKEN_FILE="DIR/token",
                    AWS_ROLE_ARN=arn("pod"), AWS_ROLE_SESSION_NAME="my-pod")

    def test_a_token_file_of_a_profile(self):
        self.expect("pod", "moontide", "web identity",
                    f"[default]\nrole_arn = {arn('pod')}\nweb_identity_token_file = DIR/token\n")

    def test_an_account_with_a_role_is_another_account(self):
        project, kept = self.prepare(f"[profile other]\nrole_arn = {OTHER}\nsource_profile = base\n"
                                     f"[profile base]\n{KEYS}[default]\n{KEYS}")
        when = str(int(time.time()) // 300 * 300 - 600)
        subprocess.run([str(support.VENV), "-c", PUT, when], check=True, timeout=support.DEADLINE_S,
                       env={**kept, "AWS_PROFILE": "other", "AWS_DEFAULT_REGION": "us-east-1"})
        project.write("moontide.lua", f'return {{ accounts = {{ other = {{ role_arn = "{OTHER}" }} }} }}')
        project.write("policies/load.lua", POLICY)
        document = project.once(environment=kept)
        self.assertEqual([i["description"] for t in document["targets"] for i in t["issues"]], ["nil 42.0"], document)

    def test_a_loop_is_named(self):
        result = self.who(f"[default]\nrole_arn = {arn('a')}\nsource_profile = b\n"
                          f"[profile b]\nrole_arn = {arn('b')}\nsource_profile = default\n")
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("leads back to", result.stderr)


if __name__ == "__main__":
    support.main()
