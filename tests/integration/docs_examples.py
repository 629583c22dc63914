"""Runs one example of the documentation. What a block is, its language and its mark say:

    ```lua       a whole policy, kind or receiver (known by its `return`) is loaded by `moontide check`, without a warning;
                 tests (it, describe) are run by `moontide test`; anything else is a script: it is run, and what it
                 prints is held against its comments `--> ...`. A first line `-- PATH.lua` names a file that is there
                 for the tests and console blocks behind it
    ```json      is parsed
    ```python    is compiled
    ```sh        is parsed by bash; its commands of moontide exist, with their options
    ```console   is run: docs_session.py
    ```text ...  is a picture, and is not looked at

Marks, `<!-- example: ... -->` on the line before:

    config [IN]  fields of moontide.lua, or all of it; fields of its table IN
    field        fields of a policy
    metric       a declaration of a metric
    evaluate     what evaluate() says; every m.NAME in it is a metric
    template     a templates/message.lua
    receiver { url = "..." }      of a receiver: with these fields
    file PATH    is written there for the console blocks behind it (and is looked at as what it is)
    from PATH    stands so in that file, line by line (but for the indentation)
    moto         a script, against moto's servers with a service gm-tool-prod/api
    skip WHY     cannot be run here"""

import contextlib
import gzip
import json
import pathlib
import re
import subprocess

import docs_commands
import support

CONFIG = 'return { environments = { "prod", "staging" } }\n'
ACCESS = ('https 2026-11-28T10:50:00.186641Z app/api/50dc6c495c0c9188 10.0.0.140:40914 10.0.1.192:8010 0.000 0.{0:03d} 0.000 200 200 '
          '100 1337 "GET https://shop.example.com:443/items/{0} HTTP/1.1" "curl/7.88" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 '
          'arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/api/73e2d6bc24d8a067 "Root=1-0" "-" "-" 0 '
          '2026-11-28T10:50:00.186641Z "forward" "-" "-" "10.0.1.192:8010" "200" "-" "-"\n')
# What scripts of the pages read.
FILES = {"latencies.txt": "".join(f"{n}\n" for n in range(1, 101)),
         "export.csv.gz": "time,latency\n" + "".join(f"{n},{n % 17}\n" for n in range(100)),
         "latencies.csv.gz": "path,ms\n" + "".join(f"/,{n}\n" for n in range(1, 1001)),
         "alb-1.log.gz": "".join(ACCESS.format(n) for n in range(1, 50)),
         "alb-2.log.gz": "".join(ACCESS.format(n) for n in range(50, 100))}
LABELS = {"lua", "json", "python", "sh", "console", "text", "ini", "dockerfile", "yaml", "toml"}


class Wrong(Exception):
    """An example that does not hold: text, and the line of the block that it is about (from 0)."""

    def __init__(self, text, line=0):
        super().__init__(text)
        self.line = line


def first_word(block):
    """What a Lua block returns: policy, kind, receiver, or "" ."""
    found = re.search(r"^return (policy|kind|receiver)\b", block.text, re.M)
    return found.group(1) if found else ""


def file_of(block):
    """The file that a block is for those behind it: by its mark or its first line; None: none."""
    if block.mark.startswith("file "):
        return block.mark.split()[1]
    named = re.match(r"-- ([\w/.-]+\.lua)\n", block.text) if block.language == "lua" else None
    return named.group(1) if named else None


def is_test(block):
    return re.search(r"^(it|describe|test|cases)\b ?[.(\"]", block.text, re.M) is not None


def frame_evaluate(text):
    names = sorted(set(re.findall(r"\bm\.(\w+)\b", text)) - {"extra"})
    metrics = "".join(f'  {name} = cloudwatch {{ namespace = "A", name = "B{i}", stat = "p99", period = "5m" }},'
                      for i, name in enumerate(names))
    return ('return policy { name = "example", targets = { { environment = "prod" } }, metrics = function(t) return {' +
            metrics + "} end, checks = { recovered = function(t, m) return true end }, evaluate = function(t, m, memo) " +
            text + " end }")


class Examples:
    def __init__(self):
        self.commands = docs_commands.table()

    def check(self, files, environment=None, alone=False):
        """`moontide check` of a project of these files says nothing but ok. `alone`: receivers need no route."""
        project = support.Project(shipped=False, config=CONFIG)
        try:
            for name in ("lib",):
                subprocess.run(["cp", "-r", support.ROOT / "policies" / name, project.policies / name], check=True)
            (project.path / "templates").mkdir()
            for name, text in files.items():
                project.write(name, text)
            result = project.run("check", environment=support.clean_environment(**(environment or {})))
            told = "".join(line for line in result.stderr.splitlines(True) if not (alone and "no route leads to" in line))
            if result.returncode or told:
                raise Wrong(told.strip() or result.stdout.strip(), self.line_told(result.stderr, files))
        finally:
            project.close()

    @staticmethod
    def line_told(text, files):
        found = re.search(r":(\d+)", text)
        return int(found.group(1)) - 1 if found and len(files) == 1 else 0

    def run(self, block):
        words = block.mark.split(None, 1)
        mark, rest = (words + ["", ""])[:2]
        if block.language not in LABELS:
            raise Wrong(f"nobody knows how to try a block of {block.language!r}: one of {', '.join(sorted(LABELS))}")
        if mark == "skip":
            if not rest:
                raise Wrong("an example that is skipped says why")
            return
        if mark == "from":
            self.find_in(block, rest)
        elif block.language == "lua":
            self.run_lua(block, mark, rest)
        elif block.language == "json":
            with self.as_wrong(ValueError):
                for document in (block.text.strip().split("\n") if rest == "lines" else [block.text]):
                    json.loads(document)
        elif block.language == "python":
            with self.as_wrong(SyntaxError):
                compile(block.text, block.where, "exec")
        elif block.language == "sh":
            self.run_shell(block)

    @staticmethod
    def find_in(block, path):
        def bare(text):
            return "\n".join(line.strip() for line in text.strip().splitlines())
        if bare(block.text) not in bare((support.ROOT / path).read_text()):
            raise Wrong(f"does not stand so in {path}")

    @staticmethod
    @contextlib.contextmanager
    def as_wrong(kind):
        try:
            yield
        except kind as error:
            raise Wrong(str(error), getattr(error, "lineno", 1) - 1) from error

    def run_lua(self, block, mark, rest):
        text, what = block.text, first_word(block)
        if mark in ("config", "template") or (mark == "file" and rest == "moontide.lua"):
            return self.run_config(text, mark, rest)
        if mark == "field":
            named = "" if re.search(r"^name\s*=", text, re.M) else 'name = "example", '
            text = ('return policy { ' + named + 'targets = { { environment = "prod" } }, ' + text.rstrip() +
                    ("" if text.rstrip().endswith(",") else ",") + " evaluate = function() end }")
            if re.search(r"^\s*evaluate\s*=", block.text, re.M):
                text = text.replace(" evaluate = function() end }", " }")
        elif mark == "metric":
            text = "return policy { name = 'example', metrics = function(t) return { x = " + text + "} end, evaluate = function(t, m) issue { type = 'x', severity = 'low', when = m.x:above(1) } end }"
        elif mark == "evaluate":
            text = frame_evaluate(text)
        elif what == "kind":
            name = re.search(r'name\s*=\s*"(\w+)"', text).group(1)
            user = f'return policy {{ name = "user", evaluate = function() local f = decide.{name} end }}'
            return self.check({f"policies/lib/kind_{name}.lua": text, "policies/user.lua": user})
        elif what == "receiver":
            name = re.search(r'type\s*=\s*"(\w+)"', text).group(1)
            policy = 'return policy { name = "x", evaluate = function() end }'
            config = f"return {{ alerts = {{ receivers = {{ it = {rest.rstrip(' }')}, type = '{name}' }} }}, route = 'it' }} }}"
            return self.check({f"policies/lib/receiver_{name}.lua": text, "policies/x.lua": policy, "moontide.lua": config})
        elif is_test(block):
            return self.run_test(block)
        elif what != "policy":
            return self.run_script(block, mark)
        return self.check({"policies/example.lua": text})

    def run_test(self, block):
        """With the files of the page that stand before it."""
        project = support.Project(shipped=True, config=CONFIG)
        try:
            for other in block.page.blocks[:block.page.blocks.index(block)]:
                if file_of(other) and file_of(other) != "moontide.lua":
                    project.write(file_of(other), other.text)
            project.write("policies/tests/example_test.lua", block.text)
            result = project.run("test", "policies/tests/example_test.lua")
            if result.returncode:
                raise Wrong(result.stdout.strip() + result.stderr.strip())
        finally:
            project.close()

    def run_config(self, text, mark, inside):
        policy = (support.ROOT / "policies" / "performance.lua").read_text()
        if mark == "template":
            return self.check({"templates/message.lua": text, "policies/performance.lua": policy, "moontide.lua":
                               'return { environments = { "prod" }, alerts = { templates = "templates", receivers = {'
                               ' x = { type = "webhook", url = "https://example.com" } }, route = "x" } }'})
        if not re.search(r"^return\b", text, re.M):
            text = "return { " + text.rstrip() + "\n}\n" if mark != "config" or not inside else \
                f"return {{ {inside} = {{ {text.rstrip()}\n}} }}\n"
        files = {}
        for i, path in enumerate(re.findall(r'\bfile "([^"]+)"', text)):
            files[f"secret-{i}"] = "https://example.com/secret\n"
            text = text.replace(f'file "{path}"', f'file "secret-{i}"')
        alone = "receivers" in text and "route" not in text
        if alone:
            text = text.replace("alerts = {", 'alerts = { route = "%s",' % re.search(r"receivers = \{\s*(\w+)", text).group(1), 1)
        if "environments" not in text:
            text = text.replace("return {", 'return { environments = { "prod", "staging" },', 1)
        secrets = {name: f"https://example.com/{name}" for name in re.findall(r'\benv "(\w+)"', text)}
        return self.check({"moontide.lua": text, "policies/performance.lua": policy, **files}, secrets, alone)

    def run_script(self, block, mark):
        """Runs it on the simulated world; the comments `--> text` are what it prints, in their order."""
        project = support.Project()
        try:
            project.write("example.lua", block.text)
            for name, data in FILES.items():
                (project.path / name).write_bytes(gzip.compress(data.encode()) if name.endswith(".gz") else data.encode())
            world, environment = ["--world", "sim"], None
            if mark == "moto":
                world, environment = [], support.aws_environment(self.moto_port())
            result = project.run("script", *world, "example.lua", environment=environment)
            if result.returncode:
                raise Wrong(result.stderr.strip(), self.line_told(result.stderr, {"example.lua": 1}))
            printed = [" ".join(line.split()) for line in result.stdout.splitlines()]
            for number, line in enumerate(block.text.splitlines()):
                _, told, wanted = line.partition("--> ")
                wanted = " ".join(wanted.split())
                if not told:
                    continue
                if wanted not in printed:
                    raise Wrong(f"prints {printed}, and not {wanted!r}", number)
                printed = printed[printed.index(wanted) + 1:]
        finally:
            project.close()

    def moto_port(self):
        if not hasattr(self, "servers"):
            support.need("moto")
            self.servers, port = contextlib.ExitStack(), support.free_port()
            self.servers.enter_context(support.moto(port))
            put = ("ecs = aws.client('ecs') ecs:create_cluster { clusterName = 'gm-tool-prod' } ecs:register_task_definition {"
                   "family = 'api', containerDefinitions = { { name = 'api', image = 'api', memory = 64 } } } "
                   "ecs:create_service { cluster = 'gm-tool-prod', serviceName = 'api', taskDefinition = 'api', desiredCount = 0 }")
            subprocess.run([support.MOONTIDE, "eval", put], check=True, capture_output=True,
                           env=support.aws_environment(port, AWS_DEFAULT_REGION="ap-northeast-2") | {"AWS_REGION": "ap-northeast-2"})
            self.port = port
        return self.port

    def close(self):
        if hasattr(self, "servers"):
            self.servers.close()

    def run_shell(self, block):
        parsed = subprocess.run(["bash", "-n"], input=block.text, capture_output=True, text=True)
        if parsed.returncode:
            raise Wrong(parsed.stderr.strip())
        for number, command in docs_commands.shell_commands(block.text):
            self.check_command(command, number)

    def check_command(self, command, number=0):
        fault = docs_commands.fault_of(command, self.commands)
        if fault:
            raise Wrong(fault, number)
