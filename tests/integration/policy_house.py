"""What the tests of `moontide test` share: a project with two policies, and how its tests end."""

import support

COUNTED = """
return policy {
  name = "counted", every = "1m",
  targets = { { cluster = "shop", service = "api" } },
  metrics = function(t)
    return { cpu = cloudwatch { namespace = "AWS/ECS", name = "CPUUtilization", stat = "Average", period = "1m",
                                window = "10m", dimensions = { ServiceName = t.service } } }
  end,
  evaluate = function(t, m, memo)
    memo.n = (memo.n or 0) + 1
    local cpu = m.cpu:last()
    issue { type = "hot", severity = "high", when = m.cpu:above(80), pending = "2m", keep_firing = "3m",
            description = "cpu " .. tostring(cpu) }
    if cpu then
      decide.ecs_desired_count { cluster = t.cluster, service = t.service, count = math.ceil(cpu / 10), min = 1, max = 12 }
    end
  end,
}
"""

WAITS = """
return policy {
  name = "waits", every = "1m",
  targets = function()
    local found = {}
    for i, name in ipairs(aws.client("ecs"):list_clusters {}.clusterArns) do found[i] = { cluster = name } end
    return found
  end,
  collect = function(t) return { code = http.get("http://127.0.0.1:1/" .. t.cluster).status } end,
  evaluate = function(t, m)
    if m.extra.code ~= 200 then issue { type = "down", severity = "high", description = "answers " .. m.extra.code } end
  end,
}
"""

SERVICE = """{ ["service/shop/api"] = { count = 4, deployments = 1, scheduling = "REPLICA", status = "ACTIVE" } }"""


class PolicyTests(support.Case):
    def house(self, test=None, config=None, **files):
        project = self.project(shipped=False, config=config)
        project.write("policies/counted.lua", COUNTED)
        if test is not None:
            project.write("policies/tests/a_test.lua", test)
        for name, text in files.items():
            project.write(f"policies/tests/{name}.lua", text)
        return project

    def passes(self, test, count=None, config=None, arguments=()):
        result = self.house(test, config).run("test", *arguments)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        if count is not None:
            self.assertIn(f"{count} passed, 0 failed", result.stdout)
        return result

    def fails(self, test, *words, arguments=(), config=None, status=2):
        result = self.house(test, config).run("test", *arguments)
        self.assertEqual(result.returncode, status, result.stdout + result.stderr)
        for word in words:
            self.assertIn(word, result.stdout + result.stderr)
        return result
