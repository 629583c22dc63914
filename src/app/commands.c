/* app/commands.c - the table of commands: what each takes, and in which words. */
#include "moontide/app/options.h"

#define DIR_OPTION                                                                                 \
    {                                                                                              \
        "dir", "DIR", "the project directory (default: the present one)"                           \
    }
#define END                                                                                        \
    {                                                                                              \
        NULL, NULL, NULL                                                                           \
    }

static const struct option_spec run_options[] = {
    {"world", "WORLD", "aws (default), sim, or sim:FILE: a simulated fleet"},
    {"speed", "N", "simulated time runs N times as fast (sim only; default 1)"},
    {"mode", "MODE", "observe, recommend or act, for all policies"},
    {"once", NULL, "one tick, then exit: 0, or 1 when it failed"},
    {"format", "FORMAT", "of the result of --once: text (default) or json"},
    {"trace-aws", NULL, "shows the requests of `aws` clients, secrets blanked, on standard error"},
    {"log-format", "FORMAT", "of the log: text or json (default: text on a terminal)"},
    {"log-level", "LEVEL", "debug, info, warn, error or off"},
    DIR_OPTION,
    END,
};
static const struct option_spec plan_options[] = {
    {"world", "WORLD", "aws (default), sim, or sim:FILE: a simulated fleet"},
    {"mode", "MODE", "observe, recommend or act, for all policies"},
    {"detailed-exitcode", NULL, "exit 2 when something would change"},
    {"format", "FORMAT", "text (default) or json"},
    {"trace-aws", NULL, "shows the requests of `aws` clients, secrets blanked, on standard error"},
    {"log-format", "FORMAT", "of the log: text or json (default: text on a terminal)"},
    {"log-level", "LEVEL", "debug, info, warn, error or off"},
    DIR_OPTION,
    END,
};
static const struct option_spec world_options[] = {
    {"world", "WORLD", "aws (default), sim, or sim:FILE: a simulated fleet"},
    {"speed", "N", "simulated time runs N times as fast (sim only; default 1)"},
    {"trace-aws", NULL, "shows the requests of `aws` clients, secrets blanked, on standard error"},
    DIR_OPTION,
    END,
};
static const struct option_spec repl_options[] = {
    {"attach", NULL, "a console into the running daemon; SOCKET: another project's control.sock"},
    {"write", NULL, "with --attach: lets the console reload, tick, pause and resume"},
    {"world", "WORLD", "aws (default), sim, or sim:FILE: a simulated fleet"},
    {"speed", "N", "simulated time runs N times as fast (sim only; default 1)"},
    {"tick", "N|TIME", "m, t and memo of a recorded tick: its number, its time, or 1h (ago)"},
    {"policy", "NAME", "of the recording, with --tick (default: the only one)"},
    {"target", "TARGET", "with --tick: environment=prod (default: the first)"},
    {"trace-aws", NULL, "shows the requests of `aws` clients, secrets blanked, on standard error"},
    DIR_OPTION,
    END,
};
static const struct option_spec talk_options[] = {
    {"format", "FORMAT", "text (default) or json"},
    DIR_OPTION,
    END,
};
static const struct option_spec reload_options[] = {
    {"now", NULL, "candidates of `reload = { shadow = N }` are live at once"},
    {"format", "FORMAT", "text (default) or json"},
    DIR_OPTION,
    END,
};
static const struct option_spec pause_options[] = {
    {"direction", "in|out", "only scaling in, or only scaling out (default: every change)"},
    {"reason", "TEXT", "why, for those who find it paused; required"},
    {"by", "NAME", "who (default: the user)"},
    {"format", "FORMAT", "text (default) or json"},
    DIR_OPTION,
    END,
};
static const struct option_spec resume_options[] = {
    {"direction", "in|out", "only what is paused in this direction"},
    {"format", "FORMAT", "text (default) or json"},
    DIR_OPTION,
    END,
};
static const struct option_spec journal_options[] = {
    {"since", "DURATION", "not older than this: 90s, 1h, 7d"},
    {"policy", "NAME", "of this policy"},
    {"target", "TARGET", "of this target: environment=prod"},
    {"resource", "RESOURCE", "of this resource: service/cluster/name"},
    {"id", "ID", "of one chain: a decision and all that came of it"},
    {"what", "WHAT", "decision, intent, outcome, verification, drift, issue, pause, ..."},
    {"world", "WORLD", "of this world (default: all)"},
    {"limit", "N", "the newest N (default 100)"},
    {"format", "FORMAT", "text (default), or json: one object a line"},
    DIR_OPTION,
    END,
};
static const struct option_spec export_options[] = {
    {"tick", "N|TIME", "its number, or a time: the last tick at or before it; required"},
    {"policy", "NAME", "of this policy (needed when several took part)"},
    {"world", "WORLD", "of this world (default: any)"},
    DIR_OPTION,
    END,
};
static const struct option_spec ticks_options[] = {
    {"since", "DURATION", "not older than this: 90s, 1h, 7d"},
    {"policy", "NAME", "of this policy"},
    {"world", "WORLD", "of this world (default: all)"},
    {"limit", "N", "the newest N (default 100)"},
    {"format", "FORMAT", "text (default), or json: one object a line"},
    DIR_OPTION,
    END,
};
static const struct option_spec why_options[] = {
    {"since", "DURATION", "not older than this (default 24h)"},
    {"world", "WORLD", "of this world (default: all)"},
    {"format", "FORMAT", "text (default) or json"},
    DIR_OPTION,
    END,
};
#define WORLD_OPTION                                                                               \
    {                                                                                              \
        "world", "WORLD", "of this world (default: the running daemon's, else aws)"                \
    }
static const struct option_spec alerts_options[] = {
    WORLD_OPTION,
    {"format", "FORMAT", "text (default) or json"},
    DIR_OPTION,
    END,
};
static const struct option_spec route_options[] = {
    {"target", "TARGET", "of an alert of this target: environment=prod,service=api"},
    {"policy", "NAME", "raised by this policy"},
    {"type", "TYPE", "of this type of issue"},
    {"severity", "SEVERITY", "low, medium or high"},
    {"key", "KEY", "with this key"},
    DIR_OPTION,
    END,
};
static const struct option_spec test_options[] = {DIR_OPTION, END};
static const struct option_spec dead_options[] = {
    {"resend", "SEQ", "queues this dead letter again"},
    {"resend-all", NULL, "queues all of them again"},
    WORLD_OPTION,
    {"format", "FORMAT", "text (default), or json: one object a line"},
    DIR_OPTION,
    END,
};
static const struct option_spec history_options[] = {
    {"receiver", "NAME", "only to this receiver"},
    {"since", "DURATION", "not older than this: 90s, 1h, 7d (default 24h)"},
    {"limit", "N", "the newest N (default 100)"},
    WORLD_OPTION,
    {"format", "FORMAT", "text (default), or json: one object a line"},
    DIR_OPTION,
    END,
};
static const struct option_spec silence_add_options[] = {
    {"matcher", "MATCHER...", "environment=prod, type!=x, key=~REGEX; all of them must match"},
    {"for", "DURATION", "how long: 90s, 2h, 7d; required"},
    {"reason", "TEXT", "why, for those who wonder at the quiet; required"},
    {"author", "NAME", "who (default: the user)"},
    {"everything", NULL, "yes, also when the matchers match every alert"},
    {"format", "FORMAT", "text (default) or json"},
    DIR_OPTION,
    END,
};
static const struct option_spec policy_test_options[] = {
    {"v", NULL, "says each test, its time and what it prints"},
    {"r", "REGEX", "only tests whose name matches (POSIX extended)"},
    {"coverage", NULL, "which lines of the policies ran"},
    {"threshold", "PCT", "with --coverage: fails when a policy is below"},
    {"junit", "FILE", "also writes the results as JUnit XML"},
    {"tap", NULL, "prints the results as TAP 13"},
    {"bench", NULL, "prints the time of each test, the slowest first"},
    {"j", "N", "runs files in N processes"},
    {"watch", NULL, "runs again on each save"},
    {"update", NULL, "takes snapshots over as they are now"},
    {"fail-on-empty", NULL, "no test at all is a failure (the default)"},
    {"allow-empty", NULL, "no test at all is no failure"},
    DIR_OPTION,
    END,
};
static const struct option_spec check_options[] = {
    {"format", "FORMAT", "text (default), gcc, or json: with what each policy asks of CloudWatch"},
    {"strict", NULL, "a warning fails, too"},
    {"live", NULL, "asks CloudWatch whether it has each metric that is declared"},
    {"explain", "CODE", "what a code such as W-unused-metric means; `all` lists them"},
    DIR_OPTION,
    END,
};
static const struct option_spec diff_options[] = {
    {"since", "DURATION", "so long before the newest recorded tick: 1h, 7d (default: all)"},
    {"policy", "NAME", "of the recording (default: what the policies call themselves)"},
    {"world", "WORLD", "of the recording (default: that of the newest tick)"},
    {"exit-code", NULL, "exit 2 when something differs"},
    {"format", "FORMAT", "text (default) or json"},
    DIR_OPTION,
    END,
};
static const struct option_spec init_options[] = {
    {"stubs", NULL, "only what editors need: types/moontide, .luarc.json, .luacheckrc"},
    END,
};
static const struct option_spec no_options[] = {END};

const struct command commands[] = {
    {"run", "", "the daemon: evaluates the policies, each on its own period", 0, 0, false,
     run_options, command_run},
    {"plan", "", "one tick in which nothing is applied: what would change, and why", 0, 0, false,
     plan_options, command_plan},
    {"check", "[PATH...]", "loads and validates configuration and policies, offline", 0, 1000,
     false, check_options, command_check},
    {"test", "[PATH...]", "runs policy tests: files, or directories of them", 0, (size_t)-1, false,
     policy_test_options, command_test},
    {"diff", "OLD NEW", "what two versions of a policy say differently of recorded ticks", 2, 2,
     false, diff_options, command_diff},
    {"repl", "[--attach [SOCKET]]",
     "interactive Lua with all modules, or a console into the daemon", 0, 1, false, repl_options,
     command_repl},
    {"eval", "EXPR", "evaluates one Lua expression or statement", 1, 1, false, world_options,
     command_eval},
    {"script", "FILE [ARG...]", "runs one Lua script", 1, (size_t)-1, true, world_options,
     command_script},
    {"status", "", "what the running daemon does", 0, 0, false, talk_options, command_status},
    {"reload", "", "asks the running daemon to read its policies again", 0, 0, false,
     reload_options, command_reload},
    {"pause", "[POLICY|TARGET|RESOURCE]", "holds back every change, or those of one name", 0, 1,
     false, pause_options, command_pause},
    {"resume", "[POLICY|TARGET|RESOURCE]", "lets changes through again", 0, 1, false,
     resume_options, command_resume},
    {"journal export", "", "a recorded tick as JSON: a fixture for policy tests", 0, 0, false,
     export_options, command_journal_export},
    {"journal ticks", "", "the ticks that are recorded, newest last", 0, 0, false, ticks_options,
     command_journal_ticks},
    {"journal", "", "what was decided and what came of it, newest last", 0, 0, false,
     journal_options, command_journal},
    {"why", "RESOURCE|TARGET", "why something was changed, or was not", 1, 1, false, why_options,
     command_why},
    {"alerts list", "", "the alerts there are, and what holds them back", 0, 0, false,
     alerts_options, command_alerts_list},
    {"alerts route", "", "where an alert would go, and why; sends nothing", 0, 0, false,
     route_options, command_alerts_route},
    {"alerts test", "RECEIVER", "sends a test message to one receiver", 1, 1, false, test_options,
     command_alerts_test},
    {"alerts dead", "", "notifications that could not be delivered", 0, 0, false, dead_options,
     command_alerts_dead},
    {"alerts history", "", "what was sent when to whom, with which answer", 0, 0, false,
     history_options, command_alerts_history},
    {"silence add", "", "holds back notifications of matching alerts for a while", 0, 0, false,
     silence_add_options, command_silence_add},
    {"silence list", "", "the silences there are", 0, 0, false, talk_options, command_silence_list},
    {"silence expire", "ID", "ends a silence now", 1, 1, false, talk_options,
     command_silence_expire},
    {"init", "[DIR]", "makes a project directory to start from", 0, 1, false, init_options,
     command_init},
    {"completion", "bash|zsh|fish", "prints the script that lets that shell complete moontide", 1,
     (size_t)-1, true, no_options, command_completion},
    {"version", "", "prints the version, and those of the libraries", 0, 0, false, no_options,
     command_version},
    {NULL, NULL, NULL, 0, 0, false, NULL, NULL},
};
