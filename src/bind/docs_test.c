/* bind/docs_test.c - what a file of policy tests sees, which src/prelude/test*.lua makes: the
 * vocabulary of blocks and tests, expect and assert, spies, and run(). */
#include "moontide/vm/docs.h"

#include <stddef.h>

static const struct vm_function block_functions[] = {
    {"cases", NULL, "(name: string, cases: any[], f: fun(...: any))",
     "A test for each case, as it.each."},
    {"pending", NULL, "(name?: string, f?: fun())",
     "A test that is to be written; inside a test it ends it as pending, with the reason."},
    {"finally", NULL, "(f: fun())", "Inside a test: runs at its end, also when it fails."},
    {"before_each", NULL, "(f: fun())", "Before each test of the block and of those inside."},
    {"after_each", NULL, "(f: fun())", "After each test of the block and of those inside."},
    {"setup", NULL, "(f: fun())",
     "Once, before the block's first test. An error in it fails the tests of the block."},
    {"lazy_setup", NULL, "(f: fun())",
     "Once, before the block's first test. An error in it fails the tests of the block."},
    {"strict_setup", NULL, "(f: fun())",
     "Once, before the block's first test. An error in it fails the tests of the block."},
    {"before_all", NULL, "(f: fun())",
     "Once, before the block's first test. An error in it fails the tests of the block."},
    {"teardown", NULL, "(f: fun())", "Once, after the block's last test."},
    {"lazy_teardown", NULL, "(f: fun())", "Once, after the block's last test."},
    {"strict_teardown", NULL, "(f: fun())", "Once, after the block's last test."},
    {"after_all", NULL, "(f: fun())", "Once, after the block's last test."},
    {"run", NULL, "(policy: string|string[], options?: test.run.options): test.result",
     "Runs a policy by its name or path for one tick, the way of production, on a world of this "
     "test; a list of them shares one world. Errors that the test does not look at fail it."},
    {"fixture", NULL, "(path: string): table",
     "A tick that `moontide journal export --tick N` wrote, from the test's directory, its "
     "fixtures, or the project's."},
    {"expect", NULL, "(actual: any): test.expectation",
     "What is said of a value: expect(x).to_be(y)."},
    {"mock", NULL, "(target: table, stubbed?: boolean): table",
     "Puts spies in the place of a table's functions, stubs when asked; put back at the end of the "
     "test."},
    {NULL, NULL, NULL, NULL}};
static const struct vm_field block_fields[] = {
    {"context", "describelib", "The same as describe."},
    {"insulate", "describelib", "The same as describe."},
    {"expose", "describelib", "The same as describe."},
    {"spec", "itlib", "The same as it."},
    {"test", "itlib", "The same as it."},
    {"aws", "any",
     "Refused, as all that needs the network: give targets, extra or resources to run()."},
    {"http", "any", "Refused: give extra to run()."},
    {"cloudwatch", "any", "Refused: give series to run()."},
    {"async", "any", "Refused: nothing waits in a test."},
    {"journal", "any", "Refused: look at decisions and sent of run()."},
    {"assert", "test.assert",
     "Lua's assert, and the assertions of busted: assert.are.equal(expected, actual)."},
    {NULL, NULL, NULL}};
static const struct vm_function describe_functions[] = {
    {"__call", NULL, "(name: string, f: fun())", "A block of tests; blocks nest."},
    {"only", NULL, "(name: string, f: fun())", "Of this file only such blocks and tests are run."},
    {"skip", NULL, "(name: string, f?: fun())", "A block that is not run."},
    {NULL, NULL, NULL, NULL}};
static const struct vm_function it_functions[] = {
    {"__call", NULL, "(name: string, f: fun())", "A test."},
    {"each", NULL, "(cases: any[]): fun(name: string, f: fun(...: any))",
     "A test for each case: f(...) of a list, f(case) of a table with fields. %s in the name is "
     "the next value, $field that field."},
    {"skip", NULL, "(name: string, f?: fun())", "A test that is not run."},
    {NULL, NULL, NULL, NULL}};
static const struct vm_function only_functions[] = {
    {"__call", NULL, "(name: string, f: fun())", "Of this file only such tests are run."},
    {"each", NULL, "(cases: any[]): fun(name: string, f: fun(...: any))",
     "The same for each case."},
    {NULL, NULL, NULL, NULL}};
static const struct vm_function spy_functions[] = {
    {"__call", NULL, "(f?: function): test.spy", "A function that keeps its calls."},
    {"new", NULL, "(f?: function): test.spy", "The same."},
    {"on", NULL, "(target: table, key: any): test.spy",
     "A spy in the place of a field, which it calls; put back at the end of the test."},
    {"is_spy", NULL, "(value: any): boolean", "Whether it is one."},
    {NULL, NULL, NULL, NULL}};
static const struct vm_function stub_functions[] = {
    {"__call", NULL, "(target: table?, key: any, ...: any): test.spy",
     "A spy in the place of a field that does not call it, and answers the values that follow, or "
     "what the function that follows does."},
    {"new", NULL, "(target: table?, key: any, ...: any): test.spy", "The same."},
    {NULL, NULL, NULL, NULL}};
static const struct vm_function match_functions[] = {
    {"is_boolean", NULL, "(): any", "Fits a boolean."},
    {"is_number", NULL, "(): any", "Fits a number."},
    {"is_string", NULL, "(): any", "Fits a string."},
    {"is_table", NULL, "(): any", "Fits a table."},
    {"is_function", NULL, "(): any", "Fits a function."},
    {"is_userdata", NULL, "(): any", "Fits a userdata."},
    {"is_thread", NULL, "(): any", "Fits a thread."},
    {"is_nil", NULL, "(): any", "Fits nil."},
    {"is_true", NULL, "(): any", "Fits true."},
    {"is_false", NULL, "(): any", "Fits false."},
    {"is_truthy", NULL, "(): any", "Fits what is neither nil nor false."},
    {"is_falsy", NULL, "(): any", "Fits nil and false."},
    {"is_not_nil", NULL, "(): any", "Fits all but nil."},
    {"is_equal", NULL, "(x: any): any", "Fits the same value."},
    {"equals", NULL, "(x: any): any", "Fits the same value."},
    {"is_same", NULL, "(x: any): any", "Fits the same content."},
    {"same", NULL, "(x: any): any", "Fits the same content."},
    {"matches", NULL, "(pattern: string): any", "Fits a text by a pattern."},
    {"has_match", NULL, "(pattern: string): any", "Fits a text by a pattern."},
    {"is_matching", NULL, "(pattern: string): any", "Fits a text by a pattern."},
    {"is_near", NULL, "(x: number, tolerance?: number): any",
     "Fits a number within the tolerance (1e-9)."},
    {"near", NULL, "(x: number, tolerance?: number): any",
     "Fits a number within the tolerance (1e-9)."},
    {"subset", NULL, "(x: table): any", "Fits a table that has these fields."},
    {NULL, NULL, NULL, NULL}};
static const struct vm_field match_fields[] = {{"_", "any", "Fits anything."}, {NULL, NULL, NULL}};
static const struct vm_field expectation_fields[] = {
    {"to_be", "fun(expected: any)", "The same value."},
    {"to_equal", "fun(expected: any)", "The same content."},
    {"to_have", "fun(fields: table)",
     "Has these fields, whatever else it has; of a list: one of its items has."},
    {"to_contain", "fun(part: any)", "A list has such an item; a text has this part."},
    {"to_match", "fun(pattern: string)", "A text by a pattern."},
    {"to_throw", "fun(part?: string)", "The function throws, with this in its text."},
    {"to_be_near", "fun(expected: number, tolerance?: number)", "Within the tolerance (1e-9)."},
    {"to_be_above", "fun(limit: any)", "Is more."},
    {"to_be_below", "fun(limit: any)", "Is less."},
    {"to_be_nil", "fun()", "Is nil."},
    {"to_be_true", "fun()", "Is true."},
    {"to_be_false", "fun()", "Is false."},
    {"to_be_truthy", "fun()", "Is neither nil nor false."},
    {"to_be_falsy", "fun()", "Is nil or false."},
    {"to_be_empty", "fun()", "An empty text or table."},
    {"to_have_length", "fun(n: integer)", "Has so many items or bytes."},
    {"to_match_snapshot", "fun(name?: string)", "As it was the first time; kept in snapshots/."},
    {"not_to_be", "fun(expected: any)", "Another value."},
    {"never", "test.expectation", "Turns round what follows."},
    {"[string]", "any", "Others: to_be_a_string, not_to_equal, ..."},
    {NULL, NULL, NULL}};
static const struct vm_field assert_fields[] = {
    {"are", "any", "assert.are.equal(expected, actual), assert.are.same(...)."},
    {"is_true", "fun(value: any, message?: string)", "Is true."},
    {"is_false", "fun(value: any, message?: string)", "Is false."},
    {"is_nil", "fun(value: any, message?: string)", "Is nil."},
    {"equal", "fun(expected: any, actual: any, message?: string)", "The same value."},
    {"same", "fun(expected: any, actual: any, message?: string)", "The same content."},
    {"has_error", "fun(f: function, wanted?: any)", "The function throws."},
    {"near", "fun(expected: number, actual: number, tolerance: number)", "Within the tolerance."},
    {"spy", "fun(s: test.spy): any", "assert.spy(s).was.called_with(...)."},
    {"[string]", "any", "Others, as busted has them."},
    {NULL, NULL, NULL}};
static const struct vm_function assert_functions[] = {
    {"__call", NULL, "(v: any, message?: any, ...: any): ...: any",
     "Lua's assert: its arguments when the first is true; else the message is the failure."},
    {NULL, NULL, NULL, NULL}};
static const struct vm_field spy_fields[] = {
    {"calls", "table[]", "Each call: vals with its arguments."},
    {"returnvals", "table[]", "What each answered."},
    {NULL, NULL, NULL}};
static const struct vm_function spy_methods[] = {
    {"clear", NULL, "(): test.spy", "Forgets the calls."},
    {"called", NULL, "(n?: integer): boolean, integer",
     "Whether it was called, or so often, and how often."},
    {"revert", NULL, "(): any", "Puts back what it stands for."},
    {"returns", NULL, "(...: any): test.spy", "Answers these values from now on."},
    {"invokes", NULL, "(f: function): test.spy", "Calls this function from now on."},
    {NULL, NULL, NULL, NULL}};
static const struct vm_field option_fields[] = {
    {"target", "any", "What is judged: one target."},
    {"targets", "table?",
     "A list of targets, or of { target, series, memo, extra }; without, the policy's own, as far "
     "as that needs no network."},
    {"series", "table<string, any>?",
     "Datapoints by metric, or by target id and metric: promtool's notation (\"10+5x20 _x3 "
     "stale\"), a number, a list, or { values, start, hold, period }. Without start the last value "
     "is the newest whole period."},
    {"memo", "table?", "What the policy remembers."},
    {"at", "number|string?", "The time; 2026-01-05T12:00:00Z."},
    {"extra", "any", "What collect returned."},
    {"resources", "table<string, table>?",
     "State by resource name, as the kind's read answers it, or { kind, current, busy, infeasible "
     "} around it."},
    {"mode", "\"observe\"|\"recommend\"|\"act\"?", "For this run."},
    {"config", "table?", "Fields of config in place of moontide.lua's."},
    {"alerts", "\"project\"?",
     "Receivers, routes and times of moontide.lua; without, one receiver that is told at once."},
    {"fixture", "table?", "A recorded tick; the other options stand above it."},
    {NULL, NULL, NULL}};
static const struct vm_field result_fields[] = {
    {"status", "\"healthy\"|\"warning\"|\"critical\"|\"unknown\"", "Of the target."},
    {"target", "string", "Its id."},
    {"fields", "any", "The target as targets gave it."},
    {"at", "number", "The time of the tick."},
    {"targets", "table", "Such results of all targets, in order and by id."},
    {"issues", "table[]", "As `moontide run --format json` shows them."},
    {"recommendations", "table[]", "The same."},
    {"findings", "table", "Both."},
    {"stated", "table[]", "What evaluate stated, with its when."},
    {"alerts", "table[]", "Each issue's state: pending, firing, resolving, resolved, since."},
    {"decisions", "table[]",
     "kind, resource, current, wanted, changes, outcome, reason (a rail's code), text, clipped, "
     "direction."},
    {"sent", "table[]", "All messages so far: receiver, status, title, text, markdown, html, at."},
    {"memo", "table", "Afterwards."},
    {"unknown", "table[]", "The series that could not answer."},
    {"errors", "table[]", "What went wrong."},
    {NULL, NULL, NULL}};
static const struct vm_function result_methods[] = {
    {"issue", NULL, "(type: string, key?: string): any",
     "The issue of this type; nil without one."},
    {"alert", NULL, "(type: string, key?: string): any",
     "The alert of this type; nil without one."},
    {"decision", NULL, "(kind: string, resource?: string): any",
     "The decision of this kind; nil without one."},
    {"recommendation", NULL, "(type: string): any",
     "The recommendation of this type; nil without one."},
    {"advance", NULL, "(time: duration): test.result",
     "Moves the clock without judging; what is due to be sent by then is sent."},
    {"set_series", NULL, "(series: table<string, any>): test.result",
     "More datapoints, as in the option series."},
    {"tick", NULL, "(series?: table<string, any>): test.result",
     "Another tick at the time that it is now, with these datapoints set before."},
    {"ticks", NULL, "(n?: integer, series?: table<string, any>): test.result",
     "So many ticks, each one `every` later; the last one's result."},
    {"now", NULL, "(): number", "The world's time, in seconds since the epoch."},
    {"set_resources", NULL, "(resources: table<string, table>): test.result",
     "State of resources, as in the option resources."},
    {NULL, NULL, NULL, NULL}};

const struct vm_docs test_docs = {DOCS_GLOBALS,    NULL,        DOCS_TEST, NULL,
                                  block_functions, block_fields};
const struct vm_docs test_describe_docs = {DOCS_MODULE,        "describe",         DOCS_TEST,
                                           "Blocks of tests.", describe_functions, NULL};
const struct vm_docs test_it_docs = {
    DOCS_MODULE,  "it", DOCS_TEST, "Tests; so is each global function called test_...",
    it_functions, NULL};
const struct vm_docs test_spy_docs = {
    DOCS_MODULE, "spy", DOCS_TEST, "Functions that keep their calls.", spy_functions, NULL};
const struct vm_docs test_stub_docs = {
    DOCS_MODULE,    "stub", DOCS_TEST, "Spies that do not call what they stand for.",
    stub_functions, NULL};
const struct vm_docs test_only_docs = {
    DOCS_MODULE, "it.only", DOCS_TEST, "The tests that are wanted alone.", only_functions, NULL};
const struct vm_docs test_match_docs = {DOCS_MODULE,     "match",
                                        DOCS_TEST,       "Matchers for arguments of spies.",
                                        match_functions, match_fields};
const struct vm_docs test_expectation_docs = {
    DOCS_CLASS, "test.expectation",
    DOCS_TEST,  "What can be said of a value; a failure shows both sides and where they differ.",
    NULL,       expectation_fields};
const struct vm_docs test_assert_docs = {DOCS_CLASS,       "test.assert",
                                         DOCS_TEST,        "Lua's assert and busted's assertions.",
                                         assert_functions, assert_fields};
const struct vm_docs test_spy_class_docs = {
    DOCS_CLASS, "test.spy", DOCS_TEST, "A function that keeps its calls.", spy_methods, spy_fields};
const struct vm_docs test_options_docs = {
    DOCS_CLASS, "test.run.options", DOCS_TEST, "What run() is given.", NULL, option_fields};
const struct vm_docs test_result_docs = {
    DOCS_CLASS,     "test.result",
    DOCS_TEST,      "What a tick said of its first target, on a world that goes on.",
    result_methods, result_fields};
