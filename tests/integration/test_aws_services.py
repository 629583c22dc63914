"""The module `aws` against moto and MiniStack: every built-in service that they serve, with paging, waiters, errors and
200 calls at once (services.lua); what was read, boto3 reads the same from the same server.

moto has no CloudWatch in rpc-v2-cbor, so the client has to find another protocol there, and no cache parameter groups;
MiniStack has no Application Auto Scaling and no Cost Explorer."""

import pathlib
import secrets
import subprocess
import unittest

import support

SCRIPT = pathlib.Path(__file__).with_name("services.lua")
READER = pathlib.Path(__file__).with_name("compare_reads.py")
SERVICES = ["application-autoscaling", "autoscaling", "ce", "cloudwatch", "concurrency", "dynamodb", "ecs", "elasticache",
            "elbv2", "events", "lambda", "logs", "rds", "secretsmanager", "sesv2", "sns", "sqs", "ssm", "sts"]  # fmt: skip


class Services:
    """The tests of one server, which all of them share: they make things under names of their own."""

    @classmethod
    def setUpClass(cls):
        support.need(cls.module)
        support.need("boto3")
        cls.port = support.free_port()
        server = cls.server(cls.port)
        server.__enter__()
        cls.addClassCleanup(server.__exit__, None, None, None)
        cls.reader = subprocess.Popen([str(support.VENV), str(READER), str(cls.port)], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, text=True, env=support.clean_environment())
        cls.addClassCleanup(cls.end_reader)

    @classmethod
    def end_reader(cls):
        cls.reader.kill()
        cls.reader.communicate()

    @classmethod
    def start(cls, name):
        return subprocess.Popen([str(support.MOONTIDE), "script", str(SCRIPT), name, "mt" + secrets.token_hex(4)],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                env=support.aws_environment(cls.port))

    def scene(self, name):
        run = self.start(name)
        out, err = run.communicate(timeout=support.DEADLINE_S)
        self.assertEqual(run.returncode, 0, err)
        for line in out.splitlines():
            self.reader.stdin.write(line + "\n")
            self.reader.stdin.flush()
            # An answer always ends with a newline; none at all is a reader that has broken off.
            self.assertEqual(self.reader.stdout.readline(), "\n")


def with_scenes(absent):
    def add(case):
        for name in SERVICES:
            if name not in absent:
                setattr(case, "test_" + name.replace("-", "_"), lambda self, name=name: self.scene(name))
        return case

    return add


@with_scenes({"elasticache"})
class OnMoto(Services, unittest.TestCase):
    module, server = "moto", staticmethod(support.moto)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.poll = cls.start("long_poll")  # twelve seconds, beside the others
        cls.addClassCleanup(cls.poll.kill)

    def test_sqs_long_poll(self):
        _, err = self.poll.communicate(timeout=support.DEADLINE_S)
        self.assertEqual(self.poll.returncode, 0, err)


@with_scenes({"application-autoscaling", "ce"})
class OnMiniStack(Services, unittest.TestCase):
    module, server = "ministack", staticmethod(support.ministack)


if __name__ == "__main__":
    support.main()
