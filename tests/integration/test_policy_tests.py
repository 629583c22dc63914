"""`moontide test`: writing tests, and what they can say of policies."""

import json
import re
import shutil
import subprocess

import support
from policy_house import WAITS, SERVICE, PolicyTests

# busted runs it as it is.
BUSTED = """
describe("busted", function()
  local obj = { greet = function(_, who) return "hi " .. who end }
  it("asserts", function()
    assert.are.equal(1, 1) assert.are_equal(1, 1) assert.equals("a", "a") assert.are_not.equal(1, 2) assert.is_not.equal(1, 2)
    assert.are.same({ a = { 1 } }, { a = { 1 } }) assert.same({}, {}) assert.are_not.same({ 1 }, { 2 })
    assert.is_true(true) assert.is.True(true) assert.is_false(false) assert.is_nil(nil) assert.is_not_nil(0) assert.truthy(1)
    assert.is_truthy(1) assert.falsy(nil) assert.is_falsy(false) assert.is_string("") assert.is_table({}) assert.is_function(print)
    assert.is_number(1) assert.is_boolean(true) assert.matches("^a", "abc") assert.has.match("b", "abc") assert.near(1, 1.1, 0.2)
    assert.has_error(function() error("x", 0) end) assert.has_error(function() error("x", 0) end, "x")
    assert.has.errors(function() error({}) end) assert.has_no.errors(function() end) assert.has_no_error(function() end)
    assert.error_matches(function() error("some text") end, "some") assert.is.unique { 1, 2, 3 }
    assert(true) assert.has_error(function() assert(false, "said") end) assert.message("words").is_true(true)
    assert.has_error(function() assert.is_true(false, "because") end)
  end)
  it("spies", function()
    local s = spy.on(obj, "greet")
    assert.equal("hi you", obj:greet("you"))
    assert.spy(s).was.called() assert.spy(s).was_called(1) assert.spy(s).was.called_with(obj, "you")
    assert.spy(s).was_not.called_with(obj, "me") assert.spy(s).was.called_with(match._, match.is_string())
    local never = spy.new(function() end)
    assert.spy(never).was_not.called()
    obj.greet:revert()
  end)
  it("stubs", function()
    stub(os, "time", 42)
    assert.equal(42, os.time())
    os.time:revert()
    assert.is_true(os.time() > 1e9)
  end)
  insulate("blocks of other names", function() context("here", function() spec("work", function() end) test("too", function() end) end) end)
end)
"""


class Writing(PolicyTests):
    def test_blocks_nest_and_hooks_run_in_their_order(self):
        self.passes("""
local log = {}
local function say(text) return function() log[#log + 1] = text end end
describe("outer", function()
  setup(say "S") teardown(say "T") before_each(say "b") after_each(say "a")
  it("one", say "1")
  describe("inner", function()
    setup(say "s") teardown(say "t") before_each(say "(") after_each(say ")")
    it("two", say "2")
    it("three", say "3")
  end)
  it("four", function() say "4" () finally(say "f") end)
end)
it("last", function() expect(table.concat(log)).to_be "Sb1abs(2)ab(3)atb4faT" end)
""".replace("Sb1abs(2)ab(3)atb4faT", "Sb1asb(2)ab(3)atb4faT"), 5)

    def test_plain_functions_called_test_are_tests_in_the_order_of_their_lines(self):
        result = self.passes("function test_b() end\nfunction test_a() end\nlocal x = function() end\n", 2,
                             arguments=["-v"])
        self.assertLess(result.stdout.index("test_b"), result.stdout.index("test_a"))

    def test_tables_of_cases_are_tests_of_their_own(self):
        result = self.fails("""
it.each { { 1, 2 }, { 3, 5 } } ("%d is one less than %d", function(a, b) expect(b).to_be(a + 1) end)
cases("$name is even", { { name = "two", n = 2 }, { name = "three", n = 3 } }, function(c) expect(c.n % 2).to_be(0) end)
""", "FAIL 3 is one less than 5", "FAIL three is even", "2 passed, 2 failed")
        self.assertNotIn("FAIL two", result.stdout)

    def test_pending_and_focus(self):
        self.passes("""
pending("to be written")
it("without a body")
it("decides itself", function() pending("not here") error("never comes") end)
it("runs", function() end)
""", arguments=["-v"])
        result = self.passes("it('a', function() error('x') end)\nit.only('b', function() end)\n", 1)
        self.assertIn("it.only", result.stdout)

    def test_each_file_has_a_state_of_its_own(self):
        project = self.house("it('a', function() end)\nshared = 1\n", b_test="it('b', function() expect(shared).to_be_nil() end)")
        self.assertEqual(project.run("test").returncode, 0)

    def test_what_a_test_leaves_behind_is_named_and_put_back(self):
        self.fails("""
it("leaves", function() leaked = 1; string.own = 2; print = nil end)
it("is undisturbed", function() expect(leaked).to_be_nil() expect(string.own).to_be_nil() print("still there") end)
""", "left the globals leaked, print, string.own behind", "1 passed, 1 failed")

    def test_a_loop_is_cut_off_and_the_next_test_runs(self):
        self.fails("""
it("loops", function() while true do pcall(function() while true do end end) end end)
it("goes on", function() end)
""", "FAIL loops", "it was cut off (does it loop?)", "1 passed, 1 failed")

    def test_a_loop_at_the_level_of_the_file_is_an_error_of_the_file(self):
        result = self.fails("while true do end", "does not load", status=1)
        self.assertRegex(result.stdout, "a_test.lua:1: the test file (used more than|ran longer than)")

    def test_an_error_in_setup_fails_its_tests_with_the_reason(self):
        self.fails("""
describe("a", function()
  setup(function() error("no fixture") end)
  it("one", function() end)
  it("two", function() end)
end)
it("three", function() end)
""", "FAIL a > one", "FAIL a > two", "setup of 'a' failed: no fixture", "1 passed, 2 failed")

    def test_a_setup_that_loops_is_cut_off_too(self):
        self.fails("""
describe("a", function()
  setup(function() while true do end end)
  it("one", function() end)
  it("two", function() end)
end)
it("three", function() end)
""", "FAIL a > one", "FAIL a > two", "setup failed: ", "it was cut off", "1 passed, 2 failed")

    def test_a_policy_that_loops_is_cut_off_as_in_production(self):
        project = self.house("it('x', function() run('loops') end)\nit('y', function() end)")
        project.write("policies/loops.lua", "return policy { name = 'loops', evaluate = function() while true do end end }")
        result = project.run("test")
        self.assertIn("1 passed, 1 failed", result.stdout)
        self.assertRegex(result.stdout, r"policies/loops.lua:1: .*(used more than 5000000 instructions|ran longer than 1s)")

    def test_a_test_that_takes_all_memory_fails_alone(self):
        self.fails("""
it("hoards", function() local t = {} while true do t[#t + 1] = ("x"):rep(1e8) .. #t end end)
it("goes on", function() end)
""", "FAIL hoards", "memory", "1 passed, 1 failed")

    def test_errors_in_the_other_hooks_are_told_too(self):
        self.fails("before_each(function() error('early') end) it('x', function() end)", "before_each failed: early")
        self.fails("after_each(function() error('late') end) it('x', function() end)", "after_each failed: late")
        self.fails("describe('d', function() teardown(function() error('end') end) it('x', function() end) end)",
                   "end", "1 passed, 1 failed")

    def test_a_failure_shows_its_line_and_both_sides(self):
        result = self.fails("""
it("differs", function()
  local got = { a = 1, list = { { n = 1 }, { n = 3 } } }
  expect(got).to_equal { a = 1, list = { { n = 1 }, { n = 2 } } }
end)
""", "a_test.lua:4: expect(got).to_equal", "differ first at .list[2].n", "expected  2", "actual    3")
        self.assertNotIn("\033", result.stdout)
        self.fails("it('text', function() expect('a\\nb\\nc').to_be('a\\nx\\nc') end)", "line 2:", "- x", "+ b")

    def test_what_a_test_printed_is_shown_with_its_failure(self):
        result = self.fails("it('a', function() print('quiet') end)\nit('b', function() print('loud') error('x') end)",
                            "it printed:", "loud")
        self.assertNotIn("quiet", result.stdout)
        project = self.house("it('x', function() run('prints') error('y') end)")
        project.write("policies/prints.lua", "return policy { name = 'prints', evaluate = function() print('seen', 1) end }")
        self.assertIn("it printed:\n    seen\t1\n", project.run("test").stdout)


class Asserting(PolicyTests):
    def test_expect_holds_what_it_promises(self):
        self.passes("""
it("all of them", function()
  expect(1).to_be(1) expect { 1, { a = 2 } }.to_equal { 1, { a = 2 } } expect("abc").to_match "b" expect(nil).to_be_nil()
  expect("abc").to_contain "bc" expect { "x", "y" }.to_contain "y" expect { { a = 1, b = 2 } }.to_contain { a = 1 }
  expect { a = 1, b = { c = 2 } }.to_have { b = { c = 2 } } expect(1.001).to_be_near(1, 0.01) expect(true).to_be_true()
  expect(function() error("broken pipe") end).to_throw "pipe" expect(function() end).never.to_throw()
  expect(1).not_to_be(2) expect(2).to_be_above(1) expect(1).to_be_below(2) expect({}).to_be_empty() expect(1):to_be(1)
  expect { 1, 2 }.to_have_length(2) expect("x").to_be_a_string() expect(0).to_be_truthy() expect(false).to_be_falsy()
end)
it("and their opposites fail", function()
  for _, f in ipairs {
    function() expect(1).to_be(2) end, function() expect({}).to_equal { 1 } end, function() expect("a").to_match "b" end,
    function() expect(1).to_be_nil() end, function() expect { 1 }.to_contain(2) end, function() expect { a = 1 }.to_have { a = 2 } end,
    function() expect(1.1).to_be_near(1, 0.01) end, function() expect(function() end).to_throw() end,
    function() expect(1).never.to_be(1) end, function() expect(nil).to_be_true() end,
  } do
    expect(f).to_throw()
  end
end)
""", 2)

    def test_a_wrong_name_of_an_assertion_is_told_with_the_nearest(self):
        self.fails("it('x', function() expect(1).to_contian(1) end)", "there is no assertion 'contian'", "'contain'")

    def test_what_users_of_busted_write_runs_as_it_is(self):
        self.passes(BUSTED, 5)
        self.fails("it('m', function() assert.are.equal(1, 2, 'the reason') end)", "the reason")
        self.passes("""
it("stubs", function() stub(os, "time", 42) assert.equal(42, os.time()) end)
it("sees the real one again, though nobody reverted it", function() assert.is_true(os.time() > 1e9) end)
""", 2)

    def test_busted_itself_runs_the_same_file(self):
        if not shutil.which("busted"):
            self.skipTest("SKIPPED: busted is not installed (apt-get install lua-busted)")
        project = self.house(BUSTED)
        result = subprocess.run(["busted", "policies/tests/a_test.lua"], cwd=project.path, capture_output=True, text=True,
                                stdin=subprocess.DEVNULL)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        self.assertIn("5 successes", result.stdout)

    def test_snapshots_are_made_compared_and_taken_over(self):
        test = "it('s', function() expect({ a = %s, list = { 'x' } }).to_match_snapshot() end)\n"
        project = self.house(test % 1)
        self.assertEqual(project.run("test").returncode, 0)
        kept = project.path / "policies/tests/snapshots/a_test.snap"
        self.assertIn("a = 1", kept.read_text())
        project.write("policies/tests/a_test.lua", test % 2)
        result = project.run("test")
        self.assertEqual(result.returncode, 2)
        self.assertIn("- ", result.stdout)
        self.assertIn("a = 2", result.stdout)
        self.assertEqual(project.run("test", "--update").returncode, 0)
        self.assertIn("a = 2", kept.read_text())
        kept.unlink()
        ci = project.run("test", environment=support.clean_environment(CI="true"))
        self.assertEqual(ci.returncode, 2)
        self.assertFalse(kept.exists())


class Running(PolicyTests):
    def test_a_run_goes_through_engine_rails_and_alerts(self):
        self.passes(f"""
it("scales out, clipped by the rate", function()
  local r = run("counted", {{ series = {{ cpu = "90x9" }}, resources = {SERVICE}, mode = "act", at = "2026-03-01T10:00:00Z" }})
  expect(r.target).to_be "cluster=shop,service=api"
  expect(r:decision "ecs_desired_count").to_have {{ outcome = "applied", resource = "service/shop/api", direction = "out",
    clipped = {{ "RATE" }}, changes = {{ {{ field = "count", from = 4, to = 8 }} }} }}
  expect(r.memo).to_equal {{ n = 1 }}
  expect(r:alert("hot").state).to_be "pending"
  expect(r.issues).to_be_empty()
  r = r:ticks(2, {{ cpu = 95 }})
  expect(r.memo.n).to_be(3)
  expect(r.status).to_be "critical"
  expect(r.sent).to_have_length(1)
  expect(r.sent[1].text).to_match "cpu 95"
  r = r:ticks(2, {{ cpu = 20 }})
  expect(r:alert("hot").state).to_be "resolving"
  expect(r:decision "ecs_desired_count").to_have {{ outcome = "refused", reason = "STABILIZING" }}
  r = r:ticks(3, {{ cpu = 20 }})
  expect(r.alerts).to_be_empty()
  expect(r.sent[2].status).to_be "resolved"
end)
it("is refused what the resource does not allow", function()
  local busy = {{ ["service/shop/api"] = {{ busy = "a deployment", current = {{ count = 4, status = "ACTIVE" }} }} }}
  local function verdict(resources)
    return run("counted", {{ series = {{ cpu = 90 }}, mode = "act", resources = resources }}):decision "ecs_desired_count"
  end
  expect(verdict(busy)).to_have {{ outcome = "refused", reason = "BUSY" }}
  expect(verdict(nil)).to_have {{ outcome = "refused", reason = "NOT_FEASIBLE" }}
end)
it("only proposes in the mode that there is without another", function()
  expect(run("counted", {{ series = {{ cpu = 90 }}, resources = {SERVICE} }}):decision "ecs_desired_count")
    .to_have {{ outcome = "proposed", reason = "MODE" }}
end)
it("begins with a memo, at a time, and cools down between two changes", function()
  local r = run("counted.lua", {{ memo = {{ n = 41 }}, series = {{ cpu = 90 }} }})
  expect(r.memo.n).to_be(42)
  expect(r:now()).to_be(1767614400)
  expect(r:advance("90s"):now()).to_be(1767614490)
end)
""", 4)

    def test_series_are_written_as_promtool_writes_them_or_as_tables(self):
        self.passes("""
local function last(series, options)
  options = options or {}
  options.series = { cpu = series }
  local r = run("counted", options)
  return r.stated[1].description, r
end
it.each {
  { "10+5x8", "cpu 50.0" }, { "90-10x3", "cpu 60.0" }, { "7x4", "cpu 7.0" }, { "1 2 3", "cpu 3.0" },
  { "5 _x2", "cpu 5.0" }, { "5 _x3 stale", "cpu 5.0" }, { "_x9", "cpu nil" }, { 42, "cpu 42.0" }, { { 1, 2, false }, "cpu 2.0" },
  { { values = "3x2", period = "1m" }, "cpu 3.0" }, { { values = { 4, 5 }, start = "3m" }, "cpu 5.0" },
} ("%s reads %s", function(series, text) expect(last(series)).to_be(text) end)
it("shows what is to come only when its time has come", function()
  local _, r = last { values = "1 2 3 4 5", start = "2026-01-05T11:58:00Z" }
  expect(r.stated[1].description).to_be "cpu 2.0"
  r = r:ticks(2)
  expect(r.stated[1].description).to_be "cpu 4.0"
end)
it("goes on with the last value where it is to hold", function()
  local _, r = last { values = "8", hold = true }
  expect(r:advance("1h"):tick().stated[1].description).to_be "cpu 8.0"
  _, r = last "8"
  expect(r:advance("1h"):tick().stated[1].description).to_be "cpu nil"
end)
it("replaces what was there", function()
  local _, r = last "90x9"
  r = r:tick { cpu = "5x9" }
  expect(r.stated[1].when).to_be_false()
end)
""", 14)
        self.fails("it('x', function() run('counted', { series = { cpu = '1 2 x' } }) end)",
                   "series.cpu: 'x' at character 5")
        self.fails("it('x', function() run('counted', { series = { cpuu = 1 } }) end)",
                   "no such metric (did you mean 'cpu'?)")
        self.fails("it('x', function() run('counted', { serie = {} }) end)", "unknown option 'serie' (did you mean 'series'?)")
        self.fails("it('x', function() run('cuonted') end)", "there is no policy 'cuonted'")

    def test_what_needs_the_network_is_refused_with_what_to_do(self):
        project = self.house("""
it("targets", function() run("waits") end)
it("collect", function() run("waits", { target = { cluster = "a" } }) end)
it("given", function()
  local r = run("waits", { target = { cluster = "a" }, extra = { code = 500 } })
  expect(r:issue("down").description).to_be "answers 500"
end)
it("aws", function() aws.client("ecs") end)
it("http", function() http.get("http://127.0.0.1:1/") end)
it("fetch", function() cloudwatch.fetch {} end)
""")
        project.write("policies/waits.lua", WAITS)
        result = project.run("test")
        self.assertEqual(result.returncode, 2)
        self.assertIn("1 passed, 5 failed", result.stdout)
        self.assertRegex(result.stdout, r"targets\(\) needs the network .*give `target` or `targets` to run\(\)")
        self.assertRegex(result.stdout, r"collect\(\) needs the network .*give `extra` to run\(\)")
        for name in ("aws", "http", "cloudwatch"):
            self.assertRegex(result.stdout, name + r" needs the network, and a policy test has none: \w+")

    def test_errors_of_a_run_that_nobody_looks_at_fail_the_test(self):
        project = self.house("""
it("overlooks", function() expect(run("faulty").status).to_be "unknown" end)
it("looks", function() expect(run("faulty").errors[1].message).to_contain "nil value" end)
""")
        project.write("policies/faulty.lua", "return policy { name = 'faulty', evaluate = function(t) return t.x.y end }")
        result = project.run("test")
        self.assertIn("1 passed, 1 failed", result.stdout)
        self.assertIn("policies/faulty.lua:1", result.stdout)
        project.write("policies/faulty.lua", "return policy { name = 'faulty', evry = '1m', evaluate = 1 }")
        result = project.run("test")
        self.assertIn("'evry'", result.stdout)
        self.assertIn("did you mean 'every'", result.stdout)

    def test_alerts_go_by_the_projects_routes_and_times_where_that_is_asked(self):
        config = """return { alerts = { receivers = {
  chat = { type = "slack", webhook_url = "https://hooks.slack.com/services/T/B/x" },
  oncall = { type = "pagerduty", routing_key = "0123456789abcdef0123456789abcdef" } },
  route = { receiver = "chat", { matchers = { "severity=high" }, receiver = "oncall" } } } }"""
        self.passes("""
it("waits for its group", function()
  local r = run("counted", { series = { cpu = "90x9" }, alerts = "project" }):ticks(2, { cpu = 90 })
  expect(r:alert("hot").state).to_be "firing"
  expect(r.sent).to_be_empty()
  r:advance("30s")
  expect(r.sent[1]).to_have { receiver = "oncall", status = "firing" }
end)
""", 1, config=config)

    def test_a_recorded_tick_is_a_fixture(self):
        project = self.house("""
it("is as it was", function()
  local r = run("counted", fixture "tick.json")
  expect(r:now()).to_be(1767600000)
  expect(r.stated[1].description).to_be "cpu 95.0"
  expect(r.memo.n).to_be(8)
  r = run("counted", { fixture = fixture "fixtures/tick.json", series = { cpu = 10 } })
  expect(r.target).to_be "cluster=shop,service=db"
end)
""")
        project.write("policies/tests/fixtures/tick.json", """{ "tick": 12, "at": 1767600000000, "world": "aws",
 "policy": "counted", "sha256": "00", "targets": [ { "target": { "cluster": "shop", "service": "db" },
 "id": "cluster=shop,service=db", "extra": null, "memo": { "n": 7 }, "series": { "cpu": { "metric": { "namespace": "AWS/ECS" },
 "period": 60, "start": 1767599400, "values": [ 1, 2, null, 4, 5, 6, 7, 8, 90, 95 ], "state": "ready" },
 "of_an_older_version": { "period": 60, "start": 1767599400, "values": [ 1 ] } } } ] }""")
        result = project.run("test")
        self.assertEqual(result.returncode, 0, result.stdout)

    def test_a_fixture_is_seen_to_its_last_slot_wherever_in_a_period_it_was_recorded(self):
        counts = """return policy {
  name = "counts", targets = { "one" },
  metrics = function() return { p99 = cloudwatch { namespace = "N", name = "M", stat = "p99", period = "5m" } } end,
  evaluate = function(t, m) issue { type = "n", severity = "low", description = m.p99:len() .. " " .. tostring(m.p99:last()) } end,
}
"""
        project = self.house("""
for i = 0, 9 do
  it("as recorded " .. i, function()
    local r = run("counts", fixture(("tick%d.json"):format(i)))
    expect(r.stated[1].description).to_be "12 12.0"
    r = r:advance("5m"):tick { p99 = 13 }
    expect(r.stated[1].description).to_be "12 13.0"
  end)
end
""")
        project.write("policies/counts.lua", counts)
        for i in range(10):  # half a minute further each: what is 60 s old is settled
            at = 1767600000 + 30 * i
            end = (at - 60) // 300 * 300
            project.write(f"policies/tests/fixtures/tick{i}.json", json.dumps({"tick": i, "at": at, "policy": "counts", "targets": [
                {"target": "one", "id": "one", "series": {"p99": {
                    "period": 300, "start": end - 3600, "values": list(range(1, 13)), "state": "ready"}}}]}))
        result = project.run("test")
        self.assertEqual(result.returncode, 0, result.stdout)


if __name__ == "__main__":
    support.main()
