/* bind/console_docs.c - what is documented of the globals of a console; prelude/console.lua makes
 * them. */
#include "console_state.h"

#include "moontide/vm/docs.h"

static const struct vm_function functions[] = {
    {"targets", NULL, "(policy: string): table[]",
     "The targets of a policy: target, status, fields, alerts."},
    {"alerts", NULL, "(policy?: string): table[]",
     "The alerts of a policy's targets, or of all: type, state, severity, policy, target, since."},
    {"series", NULL, "(policy: string, target: string): table<string, series>",
     "The series of a target as `m` has them in the policy, copied now: last(), above(), "
     "plot() and all other methods work for as long as they are kept."},
    {"memo", NULL, "(policy: string, target: string): table",
     "A copy of what the policy keeps of the target."},
    {"decisions", NULL, "(): table[]",
     "The last decisions since the daemon began and what became of them; one that comes to the "
     "same again stands there once, with how many times."},
    {"status", NULL, "(): table", "The daemon: world, memory, CPU time, what it collects, alerts."},
    {"trace", NULL, "(policy: string|false, target?: string|table)",
     "Shows each evaluation of the policy as it happens: the series that it read, what it asked "
     "them, which way its ifs went, what it states and how long it took; until Ctrl-C. With "
     "{ target = ..., count = n } it ends after n."},
    {"reload", NULL, "(): table",
     "Reads the policies again, and waits for what came of it. Only with --write."},
    {"pause", NULL, "(what?: string, reason: string): table",
     "Holds back every change, or those of one policy, target or resource. Only with --write."},
    {"resume", NULL, "(what?: string): table", "Lets changes through again. Only with --write."},
    {NULL, NULL, NULL, NULL}};
static const struct vm_field fields[] = {
    {"policies", "table<string, table>",
     "The policies by name, as they are now: name, file, sha256, mode, every, targets, ticks, "
     "skipped, failed, last, next, evaluation_us, memory_bytes, fault."},
    {NULL, NULL, NULL}};
static const struct vm_function tick_functions[] = {
    {"now", NULL, "(policy?: string): table",
     "One tick of a policy, or of all, at once; waits for its end. Only with --write."},
    {NULL, NULL, NULL, NULL}};

const struct vm_docs console_docs = {DOCS_GLOBALS, NULL, DOCS_CONSOLE, NULL, functions, fields};
const struct vm_docs console_tick_docs = {
    DOCS_MODULE, "tick", DOCS_CONSOLE, "Ticks, out of their turn.", tick_functions, NULL};
