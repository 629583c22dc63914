/* Facts about the findings of `check` in the text of a policy: what each is said of, and - more
 * cases, as a warning that is wrong is worse than none - what it is not said of. */
#include "policy_fixture.h"

#include "moontide/bind/diagnostic.h"

/* x and y may be missing, b counts as breaching then, n as not, g keeps its last answer. */
static const char head[] =
    "local limits = { low = 20, high = 90, few = { datapoints = 3, of = 5 } }\n"
    "local function of(missing) return cloudwatch { namespace = 'N', name = 'M',\n"
    "  missing = missing } end\n"
    "return policy { name = 'x', mode = MODE, metrics = function()\n"
    "  return { x = of(), y = of(), b = of 'breaching', n = of 'not_breaching', g = of 'ignore' }\n"
    "end, checks = { fine = function(t, m) local _ = pairs(m) end },\n"
    "evaluate = function(t, m, memo)\n";
enum { HEAD_LINES = 7 };

struct found {
    char text[2000];
};

/* "ID:line ID:line ", lines from that of the body. */
static struct found find_in(struct bench *b, const char *text, int before)
{
    struct found found = {""};
    bench_drop(b);
    int code = policy_check_text(&b->host, "/nonexistent/policies/test.lua", "policies/test.lua",
                                 text, strlen(text), &b->evaluator, &b->faults);
    bool errors = false;
    for (size_t i = 0; i < b->faults.count; i++)
        errors = errors || b->faults.items[i].code < 0;
    assert_int_equal(errors, code < 0);
    for (size_t i = 0; i < b->faults.count; i++) {
        const struct fault *fault = &b->faults.items[i];
        size_t len = strlen(found.text);
        assert_non_null(diagnostic_find(diagnostic_of(fault)));
        assert_int_equal(diagnostic_of(fault)[0] == 'E', fault->code < 0);
        snprintf(found.text + len, sizeof found.text - len, "%s:%d ", diagnostic_of(fault),
                 fault->line - before);
    }
    return found;
}

static void with_mode(char *out, size_t size, const char *mode, const char *body)
{
    const char *at = strstr(head, "MODE");
    snprintf(out, size, "%.*s'%s'%s%s end }", (int)(at - head), head, mode, at + 4, body);
}

struct lint_case {
    const char *body, *found;
};

static void expect(struct bench *b, const struct lint_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char text[4000];
        with_mode(text, sizeof text, "recommend", cases[i].body);
        struct found found = find_in(b, text, HEAD_LINES);
        if (strcmp(found.text, cases[i].found) != 0)
            fail_msg("%s: '%s', not '%s' (%s)", cases[i].body, found.text, cases[i].found,
                     b->faults.count ? b->faults.items[0].text : "");
    }
}
#define EXPECT(...)                                                                                \
    do {                                                                                           \
        static const struct lint_case cases[] = {__VA_ARGS__};                                     \
        expect(*state, cases, COUNT_OF(cases));                                                    \
    } while (0)

/* ---- metrics ---- */

static void a_metric_that_is_read_must_be_declared(void **state)
{
    EXPECT({"m.z:last()", "E-unknown-metric:1 "}, {"m.x:last()", ""},
           {"local q = m\nq.z:last()", "E-unknown-metric:2 "},
           {"local function f(p) return p.z:last() end f(m)", "E-unknown-metric:1 "},
           {"local function f(p) return p.z end f(m) f(t)", ""},
           {"local z = m['z']", "E-unknown-metric:1 "}, {"local z = m[t.name]", ""},
           {"return m.extra", ""}, {"return m.extra.z", ""}, {"return memo.z", ""},
           {"m = t\nreturn m.z", ""}, {"local m = t\nreturn m.z", ""});
}

static struct found unused_in(struct bench *b, const char *declared, const char *rest)
{
    char text[1000];
    snprintf(text, sizeof text,
             "local function c(o) return cloudwatch { namespace = 'N', name = 'M' } end\n"
             "return policy { name = 'x', metrics = function(t)\n%s\nend,\n%s }",
             declared, rest);
    return find_in(b, text, 2);
}

static void a_metric_that_is_declared_must_be_read(void **state)
{
    static const struct {
        const char *declared, *rest, *found;
    } cases[] = {
        {"return { a = c(), b = c() }", "evaluate = function(_, m) return m.a end",
         "W-unused-metric:1 "},
        {"return { a = c(), b = c() }", "evaluate = function(_, m) return m.a, m['b'] end", ""},
        {"return { a = c(), b = c() }",
         "evaluate = function(_, m) return m.a end,\n"
         "checks = { f = function(_, m) return m.b end }",
         ""},
        {"return { a = c() }", "evaluate = function(_, m) for k in pairs(m) do end end", ""},
        {"return { a = c() }", "evaluate = function(_, m) return m[_.key] end", ""},
        {"return { a = c() }", "evaluate = function(_, m) log.info('x', m) end", ""},
        {"return { a = c() }", "evaluate = function(_, m) local q = m return q.a end", ""},
        {"return { a = c() }", "evaluate = function(...) local _, m = ... return m.a end", ""},
        {"local d = { a = c() }\nreturn d", "evaluate = function() end", ""},
        {"if t.x then return { a = c() } end return { b = c() }", "evaluate = function() end", ""},
        {"return { a = c() }", "evaluate = function() end", "W-unused-metric:1 "},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct found found = unused_in(*state, cases[i].declared, cases[i].rest);
        if (strcmp(found.text, cases[i].found) != 0)
            fail_msg("%s %s: '%s', not '%s'", cases[i].declared, cases[i].rest, found.text,
                     cases[i].found);
    }
}

static void targets_that_are_found_may_have_other_metrics(void **state)
{
    struct bench *b = *state;
    struct found found = find_in(b,
                                 "return policy { name = 'x', targets = function() return { 'a' } "
                                 "end, metrics = function(t)\n"
                                 "local d = {} d.y = cloudwatch { namespace = 'N', name = 'M' } "
                                 "return d end, evaluate = function(t, m) return m.z end }",
                                 0);
    assert_string_equal(found.text, "");
    found = find_in(b,
                    "return policy { name = 'x', targets = function() return { 'a' } end,\n"
                    "metrics = function(t) return { y = cloudwatch { namespace = 'N', name = 'M' } "
                    "} end, evaluate = function(t, m) return m.z, m.y end }",
                    0);
    assert_string_equal(found.text, "E-unknown-metric:2 ");
}

static void methods_and_options_of_a_metric_are_known(void **state)
{
    EXPECT({"m.x:abov(1)", "E-unknown-method:1 "},
           {"local s = m.x\ns:lst()", "E-unknown-method:2 "}, {"memo.x:lst()", ""},
           {"m.x:above(1, { datapoint = 3 })", "E-unknown-field:1 "},
           {"m.x:above(1, { datapoints = 3, of = 2 })", "E-m-of-n:1 "},
           {"m.x:above(1, { datapoints = 3, of = 3 })", ""}, {"m.x:above(1, { of = 12 })", ""},
           {"m.x:above(1, { of = 13 })", "E-m-of-n:1 "},
           {"m.x:above(1, { datapoints = 13 })", "E-m-of-n:1 "},
           {"m.x:above(1, { datapoints = t.n, of = 2 })", ""},
           {"m.x:above(limits.high, limits.few)", ""}, {"m.x:forecast(60, { datapoint = 3 })", ""});
}

/* ---- missing data ---- */

static void a_test_for_unknown_that_never_holds_is_told(void **state)
{
    EXPECT({"if m.b:above(1) == nil then end", "W-never-nil:1 "},
           {"if m.n:above(1) ~= nil then end", "W-never-nil:1 "},
           {"local hot = m.b:above(1)\nif nil == hot then end", "W-never-nil:2 "},
           {"if m.x:above(1) == nil then end", ""}, {"if m.g:above(1) == nil then end", ""},
           {"if m.b:last() == nil then end", ""});
}

static void a_value_that_is_nil_without_data_is_told(void **state)
{
    EXPECT({"if m.x:last() > 5 then end", "W-nil-value:1 "},
           {"local v = m.x:last()\nif v > 5 then end", "W-nil-value:2 "},
           {"return m.x:mean() * 2", "W-nil-value:1 "}, {"return -m.x:slope()", "W-nil-value:1 "},
           {"issue { type = 'a', severity = 'low', description = 'is ' .. m.x:last() }",
            "W-nil-value:1 "},
           {"if m.y:above(1) then return m.x:last() + 1 end", "W-nil-value:1 "},
           {"if t.big then return m.x:last() + 1 end", "W-nil-value:1 "},
           {"return m.x:last() + m.y:last()", "W-nil-value:1 W-nil-value:1 "});
    EXPECT({"if m.x:last() and m.x:last() > 5 then end", ""},
           {"local v = m.x:last()\nif v and v > 5 then end", ""},
           {"local v = m.x:last()\nif not v then return end\nif v > 5 then end", ""},
           {"local v = m.x:last()\nif not v or v > 5 then end", ""},
           {"local v = m.x:last() or 0\nif v > 5 then end", ""},
           {"local v = m.x:last()\nv = v or 0\nif v > 5 then end", ""},
           {"local v = assert(m.x:last())\nif v > 5 then end", ""},
           {"local v = m.x:last() assert(v)\nif v > 5 then end", ""},
           {"if m.x:above(3) then return m.x:last() * 2 end", ""},
           {"if m.x:len() > 3 then return m.x:last() * 2 end", ""},
           {"if m.x:len() > 3 then end", ""}, {"return #m.x:values()", ""},
           {"local ok = m.x:last() ~= nil\nif ok then return m.x:last() * 2 end", ""},
           {"if memo.warm then return m.x:last() * 2 end memo.warm = true", ""},
           {"local function f(s) return s.x:last() * 2 end if m.x:last() then f(m) end", ""},
           {"return pcall(function() return m.x:last() * 2 end)", ""},
           {"return m.x:last() == 5, tostring(m.x:last())", ""},
           {"for _, v in ipairs(m.x:values()) do local w = v + 1 end", ""},
           {"return memo.x:last() * 2", ""}, {"if stats.ok(m) then return m.x:last() * 2 end", ""});
}

#define DECIDE "decide.call { service = 's', operation = 'o', params = {} }"

static void unknown_that_decides_as_if_it_were_false_is_told(void **state)
{
    EXPECT({"if m.x:above(1) then else " DECIDE " end", "W-unknown-as-false:1 "},
           {"if not m.x:above(1) then " DECIDE " end", "W-unknown-as-false:1 "},
           {"if m.g:below(1) then return end\n" DECIDE, "W-unknown-as-false:2 "},
           {"local hot = m.x:above(1)\nif hot then\nelse " DECIDE " end", "W-unknown-as-false:3 "},
           {"if m.x:above(9) then elseif m.x:above(5) then else " DECIDE " end",
            "W-unknown-as-false:1 "},
           {"if m.x:above(1) and m.y:above(1) then else " DECIDE " end", "W-unknown-as-false:1 "},
           {"if t.big then if m.x:above(1) then else " DECIDE " end end", "W-unknown-as-false:1 "});
    EXPECT({"if m.x:above(1) == false then " DECIDE " end", ""},
           {"if m.x:above(1) then " DECIDE " end", ""},
           {"if m.x:above(9) then elseif m.x:below(5) then " DECIDE " end", ""},
           {"if m.b:above(1) then else " DECIDE " end", ""},
           {"if m.n:above(1) then else " DECIDE " end", ""},
           {"local hot = m.x:above(1)\nif hot == nil then return end\nif not hot then " DECIDE
            " end",
            ""},
           {"if not m.x:last() then return end if not m.x:above(1) then " DECIDE " end", ""},
           {"if m.x:above(1) or m.y:above(1) then else " DECIDE " end", ""},
           {"if m.x:above(1) then else log.info 'calm' end", ""}, {DECIDE, ""},
           {"if not m.x:above(1) and memo.ready then " DECIDE " end memo.ready = 1", ""});
}

static void no_data_that_is_taken_as_a_number_and_decides_is_told(void **state)
{
    EXPECT({"if (m.x:last() or 0) < 5 then " DECIDE " end", "W-missing-as-number:1 "},
           {"local v = m.x:last() or 0\nif v < limits.low then " DECIDE " end",
            "W-missing-as-number:2 "},
           {"if 5 > (m.x:mean() or 0) then " DECIDE " end", "W-missing-as-number:1 "},
           {"if (m.x:last() or 0) > 5 then else " DECIDE " end", "W-missing-as-number:1 "});
    EXPECT({"if (m.x:last() or 0) > 5 then " DECIDE " end", ""},
           {"if (m.x:last() or 9) < 5 then " DECIDE " end", ""},
           {"if (m.x:last() or t.usual) < 5 then " DECIDE " end", ""},
           {"if (m.x:last() or 0) < 5 then log.info 'low' end", ""},
           {"if m.x:last() and (m.x:last() or 0) < 5 then " DECIDE " end", ""});
}

/* ---- conditions ---- */

static void a_condition_that_contradicts_what_holds_there_is_told(void **state)
{
    EXPECT({"if m.x:last() and not m.x:last() then end", "W-never-true:1 "},
           {"local v = m.x:last() or 0\nif v > 9 and v < 5 then end", "W-never-true:2 "},
           {"local v = m.x:last() or 0\nif v > 9 then if v <= 9 then end end", "W-never-true:2 "},
           {"local v = m.x:last()\nif v == nil and v then end", "W-never-true:2 "},
           {"local v = m.x:above(3)\nif v == nil and v == false then end", "W-never-true:2 "},
           {"if m.x:above(9) and m.x:below(5) then end", "W-never-true:1 "},
           {"local v = t.x\nif v == 'a' and v == 'b' then end", "W-never-true:2 "},
           {"local v = json.decode('1')\nif v == 'a' and v == 'b' then end", "W-never-true:2 "},
           {"local v = m.x:last() or 0\nif v < 5 or v >= 5 then end", "W-always-true:2 "},
           {"local v = m.x:last() or 0\nif v < 5 or v > 3 then end", "W-always-true:2 "});
    EXPECT(
        {"local v = m.x:last() or 0\nif v > 5 and v < 9 then end", ""},
        {"local v = m.x:last() or 0\nif v < 5 or v > 9 then end", ""},
        {"local v = m.x:last() or 0\nif v > 9 then v = 0 end if v > 9 and v < 5 then end", ""},
        {"if memo.a and not memo.a then end", ""},
        {"if m.b:above(9) and m.b:below(5) then end", ""},
        {"if m.x:above(9, limits.few) and m.x:below(5) then end", ""},
        {"if m.x:above(5) and m.x:below(9) then end", ""},
        {"local v = m.x:above(3)\nif v == false then elseif v == nil then elseif v then end", ""},
        {"local v = m.x:last()\nif v ~= nil then elseif v == nil then end", ""},
        {"local v = m.x:last() or 5", ""}, {"local f = m.x:last() and 5 or nil", ""},
        {"for i = 1, 3 do if i == 1 then elseif i == 2 then end end", ""},
        {"if log.info() and not log.info() then end", ""},
        {"local a, b = m.x:above(1), m.y:above(1)\nif a and b then elseif a then elseif b then "
         "end",
         ""});
}

static void a_branch_that_an_earlier_one_takes_is_told(void **state)
{
    EXPECT(
        {"if m.x:above(5) then elseif m.x:above(9) then end", "W-unreachable-branch:1 "},
        {"if m.x:above(5) then elseif m.x:above(5) then end", "W-unreachable-branch:1 "},
        {"if m.b:below(9) then\nelseif m.b:below(5) then end", "W-unreachable-branch:2 "},
        {"local v = m.x:last() or 0\nif v > 5 then\nelseif v > 9 then end",
         "W-unreachable-branch:3 "},
        {"if m.x:above(5, limits.few) then elseif m.x:above(9, limits.few) then end",
         "W-unreachable-branch:1 "},
        {"if m.x:above(5) then elseif m.x:above(9) and t.big then end", "W-unreachable-branch:1 "},
        {"local v = m.x:last() or 0\nif v < 0 then elseif v >= 0 then elseif v < -1 then end",
         "W-unreachable-branch:2 "});
    EXPECT({"if m.x:above(9) then elseif m.x:above(5) then end", ""},
           {"if m.g:above(5) then elseif m.g:above(9) then end", ""},
           {"if m.x:above(5, limits.few) then elseif m.x:above(9) then end", ""},
           {"if m.x:above(5) then elseif m.y:above(9) then end", ""},
           {"if m.x:above(5) and t.big then elseif m.x:above(9) then end", ""},
           {"if m.x:above(5) then elseif m.x:below(9) then end", ""});
}

/* ---- thresholds ---- */

#define ISSUE(rest) "issue { type = 'a', severity = 'low', " rest " }"

static void a_clear_that_holds_while_when_does_is_told(void **state)
{
    EXPECT({ISSUE("when = m.x:above(9), clear = m.x:below(12)"), "W-clear-overlaps:1 "},
           {ISSUE("when = m.x:below(9), clear = m.x:above(5)"), "W-clear-overlaps:1 "},
           {ISSUE("when = m.x:above(9), clear = m.x:above(5)"), "W-clear-overlaps:1 "},
           {ISSUE("when = m.x:above(9), clear = m.x:below(9)"), ""},
           {ISSUE("when = m.x:above(9), clear = m.x:below(5)"), ""},
           {ISSUE("when = m.x:above(9), clear = m.y:below(12)"), ""},
           {ISSUE("when = m.x:above(t.most), clear = m.x:below(12)"), ""});
}

static void an_issue_that_is_stated_twice_is_told(void **state)
{
    EXPECT({ISSUE("when = m.x:above(9)") "\n" ISSUE("when = m.x:above(9)"), "W-same-issue:2 "},
           {ISSUE("") "\nissue { type = 'a', severity = 'high' }", "W-same-issue:1 "},
           {ISSUE("when = m.x:above(5)") "\n" ISSUE("when = m.x:above(9)"), ""},
           {ISSUE("key = 'x'") "\n" ISSUE("key = 'y'"), ""}, {ISSUE("key = t.x") ISSUE(""), ""},
           {"if t.x then " ISSUE("") " else " ISSUE("") " end", ""},
           {"if t.x then " ISSUE("") " return end " ISSUE(""), ""});
}

#define TASKS "decide.ecs_desired_count { cluster = 'c', service = 's', count = 5 }"

static void decisions_whose_thresholds_overlap_are_told(void **state)
{
    EXPECT({"if m.x:above(3) then " TASKS " elseif m.x:below(7) then " TASKS " end",
            "W-thresholds-overlap:1 "},
           {"if m.x:below(7) then " TASKS " end\nif m.x:above(3) then " TASKS " end",
            "W-thresholds-overlap:2 "},
           {"if m.x:above(7) then " TASKS " elseif m.x:below(3) then " TASKS " end", ""},
           {"if m.x:above(7) then " TASKS " elseif m.x:below(7) then " TASKS " end", ""},
           {"if m.x:above(3) and m.y:above(1) then " TASKS " elseif m.x:below(7) then " TASKS
            " end",
            ""},
           {"if m.x:above(3) then " TASKS " elseif m.y:below(7) then " TASKS " end", ""});
}

/* ---- decisions ---- */

static void a_decision_that_nothing_bounds_is_told_in_mode_act(void **state)
{
    static const struct {
        const char *mode, *body, *found;
    } cases[] = {
#define COUNT(rest) "decide.ecs_desired_count { cluster = 'c', service = 's', " rest " }"
        {"act", COUNT("count = memo.n"), "W-no-bounds:1 "},
        {"recommend", COUNT("count = memo.n"), ""},
        {"act", COUNT("count = 5"), ""},
        {"act", COUNT("count = memo.n and 5 or 2"), ""},
        {"act", COUNT("count = t.n"), ""},
        {"act", COUNT("count = config.vars.n"), ""},
        {"act", COUNT("count = ({ small = 1, large = 9 })[memo.size]"), ""},
        {"act", "local n = 2 if memo.hot then n = 5 end " COUNT("count = n"), ""},
        {"act", "local n = 2 if memo.hot then n = n + 1 end " COUNT("count = n"), "W-no-bounds:1 "},
        {"act", COUNT("count = memo.n, max = 9"), "W-no-bounds:1 "},
        {"act", COUNT("count = memo.n, min = 1, max = 9"), ""},
        {"act", COUNT("count = memo.n, rails = { min = 1, max = 9 }"), ""},
        {"act", COUNT("count = memo.n, rails = t.rails"), ""},
        {"act", COUNT("count = math.min(memo.n, 9)"), ""},
        {"act", "decide.rds_instance { instance = 'i', allocated_storage = memo.n }",
         "W-no-bounds:1 "},
        {"act", "decide.rds_instance { instance = 'i', class = memo.n }", ""},
        {"act",
         "decide.ecs_autoscaling { cluster = 'c', service = 's', target = memo.n, min = 1, max = "
         "t.m, "
         "metric = 'ECSServiceAverageCPUUtilization' }",
         ""},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char text[2000];
        with_mode(text, sizeof text, cases[i].mode, cases[i].body);
        struct found found = find_in(*state, text, HEAD_LINES);
        if (strcmp(found.text, cases[i].found) != 0)
            fail_msg("%s: '%s', not '%s'", cases[i].body, found.text, cases[i].found);
    }
}

static void statements_are_checked_before_they_are_made(void **state)
{
    EXPECT({"issue { type = 'a', severity = 'high', wen = true }", "E-unknown-field:1 "},
           {"issue {\ntype = 'a' }", "E-missing-field:1 "},
           {"issue { type = 'a', severity = 'hgih' }", "E-field-value:1 "},
           {"issue { type = 'a', severity = 3 }", "E-field-value:1 "},
           {"issue { type = 'a', severity = 'low', when = m.x:last() }", "E-field-value:1 "},
           {"issue { type = 'a', severity = 'low', when = 1 }", "E-field-value:1 "},
           {"issue { type = 'a', severity = 'low', pending = '5 mins' }", "E-field-value:1 "},
           {"issue { 'a', severity = 'low', type = 'b' }", "E-field-value:1 "},
           {"recommend { type = 'a', action = 'b', impact = 'low' }", "E-missing-field:1 "},
           {"recommend { type = 'a', action = 'b', impact = 'low', effort = 'some' }",
            "E-field-value:1 "},
           {"decide.ecs_desired_cont { }", "E-unknown-kind:1 "},
           {"decide.ecs_desired_count { cluster = 'c', service = 's' }", "E-missing-field:1 "},
           {COUNT("count = 5, mx = 3"), "E-unknown-field:1 "},
           {COUNT("count = 'five'"), "E-field-value:1 "}, {COUNT("count = -1"), "E-field-value:1 "},
           {COUNT("count = 5, min = 9, max = 3"), "E-min-max:1 "},
           {COUNT("count = 5, rails = { min = 9, max = 3 }"), "E-min-max:1 "},
           {COUNT("count = 5, verify = { within = '1m', check = 'fin' }"), "E-unknown-check:1 "});
    EXPECT({"issue { type = t.a, severity = t.b, when = m.x:above(3), pending = '5m' }", ""},
           {"issue { type = 'a', severity = m.x:above(3) and 'high' or 'low', when = memo.x }", ""},
           {"issue { [t.name] = 'a' }", ""}, {"issue(memo.issue)", ""},
           {"local issue = print\nissue { wen = 1 }", ""},
           {"issue { type = 'a', severity = 'low', when = not m.x:last(), keep_firing = 60 }", ""},
           {COUNT("count = 5, verify = { within = '1m', check = 'fine' }"), ""},
           {COUNT("count = 5, min = 3, max = 3, region = 'r', account = t.a"), ""},
           {"local d = decide\nd.nothing { }", ""});
}

/* ---- names ---- */

static void names_that_do_not_exist_are_told(void **state)
{
    EXPECT({"isue { }", "E-unknown-name:1 "}, {"count = 5", "E-unknown-name:1 "},
           {"local f = function() return nothing end", "E-unknown-name:1 "},
           {"return math, string, config, json, log, time, stats, pairs, _G", ""},
           {"return aws, http, async, cloudwatch", ""}, {"local a a = 5", ""});
    struct found found = find_in(*state,
                                 "function helper() return 1 end\nname = 'x'\nreturn policy { name "
                                 "= name, evaluate = function() return helper() end }",
                                 0);
    assert_string_equal(found.text, "");
}

static void calls_that_wait_are_told_where_nothing_may(void **state)
{
    EXPECT({"http.get('http://127.0.0.1/')", "E-waits:1 "}, {"async.sleep(1)", "E-waits:1 "},
           {"local f = function() cloudwatch.fetch {} end", "E-waits:1 "},
           {"decide.current('ecs_desired_count', {})", "E-waits:1 "}, {"return http.get", ""});
    struct found found = find_in(*state,
                                 "return policy { name = 'x', collect = function() return "
                                 "http.get('http://127.0.0.1/') end, evaluate = function() end }",
                                 0);
    assert_string_equal(found.text, "");
}

/* ---- declarations ---- */

static struct found declared_in(struct bench *b, const char *fields)
{
    char text[1000];
    snprintf(text, sizeof text,
             "return policy { name = 'x', evaluate = function(t, m) return m.x end,\n"
             "metrics = function() return { x = cloudwatch { namespace = 'N', name = 'M',\n"
             "%s } } end }",
             fields);
    return find_in(b, text, 2);
}

static void a_window_that_cloudwatch_does_not_keep_is_told(void **state)
{
    static const struct lint_case cases[] = {
        {"period = 10, window = '3h'", ""},
        {"period = 10, window = '3h10s'", "W-retention:1 "},
        {"period = '1m', window = '15d'", ""},
        {"period = '1m', window = '16d'", "W-retention:1 "},
        {"period = '3m', window = '16d'", "W-retention:1 "},
        {"period = '5m', window = '63d'", ""},
        {"period = '10m', window = '64d'", "W-retention:1 "},
        {"period = '1h', window = '400d'", ""},
        {"period = '6h', window = '456d'", "W-retention:1 "},
        {"period = '90s'", "E-period:1 "},
        {"period = 7", "E-period:1 "},
        {"period = '20s'", ""},
        {"stat = 'avg'", "E-stat:1 "},
        {"stat = 'p99.9'", ""},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct found found = declared_in(*state, cases[i].body);
        if (strcmp(found.text, cases[i].found) != 0)
            fail_msg("%s: '%s', not '%s'", cases[i].body, found.text, cases[i].found);
    }
}

static void the_nearest_statistic_is_told(void **state)
{
    static const struct {
        const char *stat, *nearest;
    } cases[] = {
        {"avg", "'Average'"}, {"average", "'Average'"},   {"Averge", "'Average'"},
        {"max", "'Maximum'"}, {"count", "'SampleCount'"}, {"P99", "'p99'"},
        {"99", "'p99'"},      {"p999", "'p99.9'"},        {"p99%", "'p99'"},
        {"TM90", "'tm90'"},   {"median", "'p50'"},        {"sum", "'Sum'"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char fields[100];
        struct bench *b = *state;
        snprintf(fields, sizeof fields, "stat = '%s'", cases[i].stat);
        (void)declared_in(b, fields);
        assert_int_equal(b->faults.count, 1);
        if (!strstr(b->faults.items[0].text, cases[i].nearest))
            fail_msg("%s: %s", cases[i].stat, b->faults.items[0].text);
    }
}

/* Each name is made of the one before, twice: following all of it would never end. */
static void names_that_double_the_work_end_it(void **state)
{
    enum { NAMES = 100 };
    char body[8000] = "local a0 = m.x:last()\n";
    size_t len = strlen(body);
    for (int i = 1; i <= NAMES; i++)
        len += (size_t)snprintf(body + len, sizeof body - len,
                                "local a%d = (a%d and a%d) + (a%d or a%d)\n", i, i - 1, i - 1,
                                i - 1, i - 1);
    snprintf(body + len, sizeof body - len,
             "if a%d > 5 and a%d < 3 and not (a%d == 4) then %s else %s end", NAMES, NAMES, NAMES,
             DECIDE, COUNT("count = a100"));
    char *text = malloc(20000);
    assert_non_null(text);
    with_mode(text, 20000, "act", body);
    (void)find_in(*state, text, HEAD_LINES);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BENCH(a_metric_that_is_read_must_be_declared),
        ON_BENCH(a_metric_that_is_declared_must_be_read),
        ON_BENCH(targets_that_are_found_may_have_other_metrics),
        ON_BENCH(methods_and_options_of_a_metric_are_known),
        ON_BENCH(a_test_for_unknown_that_never_holds_is_told),
        ON_BENCH(a_value_that_is_nil_without_data_is_told),
        ON_BENCH(unknown_that_decides_as_if_it_were_false_is_told),
        ON_BENCH(no_data_that_is_taken_as_a_number_and_decides_is_told),
        ON_BENCH(a_condition_that_contradicts_what_holds_there_is_told),
        ON_BENCH(a_branch_that_an_earlier_one_takes_is_told),
        ON_BENCH(a_clear_that_holds_while_when_does_is_told),
        ON_BENCH(an_issue_that_is_stated_twice_is_told),
        ON_BENCH(decisions_whose_thresholds_overlap_are_told),
        ON_BENCH(a_decision_that_nothing_bounds_is_told_in_mode_act),
        ON_BENCH(statements_are_checked_before_they_are_made),
        ON_BENCH(names_that_do_not_exist_are_told),
        ON_BENCH(calls_that_wait_are_told_where_nothing_may),
        ON_BENCH(a_window_that_cloudwatch_does_not_keep_is_told),
        ON_BENCH(the_nearest_statistic_is_told),
        ON_BENCH(names_that_double_the_work_end_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
