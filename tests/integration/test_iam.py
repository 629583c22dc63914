"""docs/iam.md against the code: the actions of each of its policies are the operations that the code really calls, found in
the Lua that calls them by the service models, and in C by name. A new call without its IAM action fails, and so does an
action that nothing needs."""

import functools
import json
import re

import docs_markdown
import support

PRELUDE = support.ROOT / "src" / "prelude"
# What AWS asks of the caller beside the calls: with each the reason that the page gives.
BEHIND = {"ecs_autoscaling": {"ecs:UpdateService", "cloudwatch:DescribeAlarms", "cloudwatch:PutMetricAlarm",
                              "cloudwatch:DeleteAlarms", "iam:CreateServiceLinkedRole"}}
READS = re.compile(r":(Describe|List|Get)")


def snake(operation):
    """As botocore names methods: DescribeDBInstances -> describe_db_instances."""
    return re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", operation)).lower()


@functools.cache
def model(service):
    """{ operation_in_snake_case: IAM action } of a built-in model."""
    document = json.loads((support.ROOT / "src/aws/models" / f"{service}.json").read_text())
    prefix = document["metadata"].get("signingName") or document["metadata"]["endpointPrefix"]
    prefix = {"monitoring": "cloudwatch"}.get(prefix, prefix)
    return {snake(operation): f"{prefix}:{operation}" for operation in document["operations"]}


def calls(*paths, services=()):
    """The IAM actions of all operations that these Lua files name, of the services whose clients they make."""
    actions = set()
    for path in paths:
        text = re.sub(r"--[^\n]*", "", (support.ROOT / path).read_text())
        clients = set(re.findall(r'client ?\(?\s*"([\w-]+)"', text)) | set(services)
        words = set(re.findall(r'[:."](\w+)', text))
        for service in clients:
            actions |= {action for name, action in model(service).items() if name in words}
        for required in re.findall(r'require "moontide\.(\w+)"', text):
            if (PRELUDE / f"{required}.lua").exists() and required != "mime":
                actions |= calls(PRELUDE / f"{required}.lua")
    return actions


def c_text(*names):
    return "".join((support.ROOT / "src" / name).read_text() for name in names)


def named_in_c(prefix, pattern, *names):
    return {f"{prefix}:{operation}" for operation in re.findall(pattern, c_text(*names))}


def kind(name):
    return calls(PRELUDE / f"kind_{name}.lua")


def kinds():
    return sorted(path.stem[5:] for path in PRELUDE.glob("kind_*.lua") if path.stem != "kind_call")


METRICS = named_in_c("cloudwatch", r"Action=(\w+)&", "aws/gmd_query.c")


def policies_read():
    """What the kinds read that the shipped policies decide."""
    text = "".join(path.read_text() for path in (support.ROOT / "policies").glob("*.lua"))
    decided = set(re.findall(r"decide\.(\w+) \{", text))
    return METRICS | {action for name in decided for action in kind(name) if READS.search(action)}


WANTED = {
    "metrics": lambda: METRICS,
    "check --live": lambda: calls(PRELUDE / "check_live.lua"),
    "logs": lambda: named_in_c("logs", r'"Logs_\d+\.(\w+)"', "app/log_cloudwatch.c"),
    "secrets": lambda: calls(PRELUDE / "courier_vault.lua", services=("secretsmanager", "ssm")),
    "accounts": lambda: {"sts:AssumeRole"} & named_in_c("sts", r'begin\(sts, "(\w+)"', "aws/sts.c"),
    "trust": lambda: {"sts:AssumeRole"},
    "reads": policies_read,
    "call autoscaling:SetDesiredCapacity": lambda: {
        f"{service}:{operation}" for service, operation in
        re.findall(r'service = "(\w+)",\s*operation = "(\w+)"', (support.ROOT / "cookbook/asg_capacity.lua").read_text())},
    "script fleet_report": lambda: METRICS | calls("scripts/lib/fleet.lua", "scripts/fleet_report.lua"),
    **{f"kind {name}": functools.partial(lambda name: kind(name) | BEHIND.get(name, set()), name) for name in kinds()},
    **{f"receiver {path.stem[9:]}": functools.partial(calls, path) for path in PRELUDE.glob("receiver_*.lua") if calls(path)},
}


def listed(value):
    return value if isinstance(value, list) else [value]


def page():
    """{ name of the mark: (where, document) }"""
    found = {}
    for block in docs_markdown.read(support.ROOT / "docs" / "iam.md").blocks:
        if block.language == "json":
            found[block.mark.removeprefix("iam ")] = (block.where, json.loads(block.text))
    return found


class Iam(support.Case):
    def test_every_policy_of_the_page_has_the_actions_that_the_code_calls_and_no_other(self):
        faults = []
        for name, (where, document) in page().items():
            self.assertIn(name, WANTED, f"{where}: nothing tells what {name} needs")
            has = {action for statement in document["Statement"] for action in listed(statement["Action"])}
            wanted = WANTED[name]()
            faults += [f"{where}: {name} calls {action}, and it is not there" for action in sorted(wanted - has)]
            faults += [f"{where}: nothing of {name} calls {action}" for action in sorted(has - wanted)]
        self.assertEqual(faults, [])

    def test_everything_that_calls_aws_has_its_policy_on_the_page(self):
        self.assertEqual(sorted(set(WANTED) - set(page())), [])

    def test_the_finder_finds(self):
        self.assertEqual(kind("ecs_desired_count"), {"ecs:DescribeServices", "ecs:UpdateService",
                                                     "application-autoscaling:DescribeScalingPolicies"})
        self.assertEqual(METRICS, {"cloudwatch:GetMetricData"})
        self.assertIn("ses:SendEmail", WANTED["receiver ses"]())
        self.assertGreater(len(WANTED["logs"]()), 2)

    def test_no_other_lua_of_the_binary_calls_aws(self):
        known = re.compile(r"kind_|receiver_|courier_vault|kinds$|ecs$|check_live$")
        callers = [path.stem for path in PRELUDE.glob("*.lua") if re.search(r'client ?\(?\s*"[\w-]+"', path.read_text())]
        self.assertEqual([name for name in callers if not known.match(name) and name not in ("aws", "init_moontide")], [])

    def test_what_c_calls_by_name_is_on_the_page(self):
        """Operations of the services that C itself asks, named whole in a text of it. Web identity needs no permission."""
        text = "".join(re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.S) for path in (support.ROOT / "src").rglob("*.c"))
        has = {a for _, document in page().values() for s in document["Statement"] for a in listed(s["Action"])}
        for service in ("cloudwatch", "logs", "sts", "ecs", "rds"):
            for action in model(service).values():
                operation = action.split(":")[1]
                if re.search(rf'"(?:[^"\n]*[=.:])?{operation}[&"]', text) and operation != "AssumeRoleWithWebIdentity":
                    self.assertIn(action, has)

    def test_changes_name_their_resources(self):
        for name, (where, document) in page().items():
            for statement in document["Statement"]:
                changes = [a for a in listed(statement["Action"]) if not READS.search(a) or "GetSecret" in a or "GetParameter" in a]
                if changes and "Resource" in statement:
                    self.assertNotIn("*", listed(statement["Resource"]), f"{where}: {changes}")
            self.assertNotIn("*", "".join(a for s in document["Statement"] for a in listed(s["Action"])), where)

    def test_each_policy_is_a_policy_document(self):
        for name, (where, document) in page().items():
            self.assertEqual(document["Version"], "2012-10-17", where)
            for statement in document["Statement"]:
                self.assertLessEqual(set(statement), {"Sid", "Effect", "Action", "Resource", "Condition", "Principal"}, where)
                self.assertRegex(statement.get("Sid", "X"), r"^[A-Za-z0-9]+$", where)
                for resource in listed(statement.get("Resource", "*")):
                    self.assertRegex(resource, r"^(\*|arn:aws:[a-z0-9-]+:[a-z0-9-]*\*?:\d*:.+)$", where)


if __name__ == "__main__":
    support.main()
