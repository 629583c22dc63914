/* support/act_house.h - an engine house with a store on disk, resources of the test's own and a
 * file for the kill switch: what a test of decisions being carried out needs. */
#ifndef MOONTIDE_TESTS_ACT_HOUSE_H
#define MOONTIDE_TESTS_ACT_HOUSE_H

#include "support/engine_house.h"
#include "support/fake_actor.h"
#include "support/store_files.h"

enum { WANTS_MAX = 8 };

/* A decision that judge_wants() states. */
struct want {
    const char *target;   /* NULL: for each target */
    const char *resource; /* NULL: the end. A '%' stands for the target */
    const char *wanted;
    const char *kind; /* NULL: "count" */
    const char *rails, *verify;
};

/* rule->data of a rule that act_rule() made. */
struct wants {
    struct want items[WANTS_MAX];
    bool unknown;      /* a series had no data */
    const char *issue; /* its type; NULL: none */
    enum severity severity;
    enum verdict check; /* what every check answers */
    int check_code;     /* or how it fails */
    int checked;        /* how often it was asked */
};

struct act_house {
    struct house house;
    struct store_files *files;
    struct fake_actor fake;
    struct wants *wants[WANTS_MAX]; /* owned */
    size_t want_count;
    char paused_path[128];
    char said[16384];  /* of ticks since act_clear(): "resource outcome:reason;" */
    char texts[16384]; /* "resource: text;" of those that had one */
};

/* cmocka's setup and teardown: *state is a struct act_house whose policies are in mode act. */
int act_setup(void **state);
int act_teardown(void **state);

/* A policy with one target, "prod", that states what its wants say; it is not put yet. */
struct rule *act_rule(struct act_house *act, const char *name);
struct wants *wants_of(const struct rule *rule);
/* One decision: count of the resource. */
struct rule *act_count(struct act_house *act, const char *policy, const char *resource,
                       const char *wanted);
void act_want(struct rule *rule, const char *wanted); /* of its first decision, from now on */

/* Another process: everything in memory is gone, and the policies are put again. */
void act_restart(struct act_house *act);
/* As SIGKILL and a new process: the disk is as it was at this instant, and calls under way are not
 * heard of any more (whether they have an effect is for the test to say, by fake_set()). No policy
 * is there until act_put_all(). */
void act_kill(struct act_house *act);
void act_put_all(struct act_house *act);
void act_sql(struct act_house *act, const char *text);
void act_break_store(struct act_house *act);
void act_mend_store(struct act_house *act);
void act_pause(struct act_house *act, const char *text); /* the file's text; NULL: it is removed */
void act_begin_tick(struct act_house *act);              /* and does not wait for its end */
void act_end_tick(struct act_house *act);
/* One tick later; answers what was said in it. */
const char *act_tick(struct act_house *act);
void act_clear(struct act_house *act);
/* Until so many calls wait for fake_answer(). */
void act_until_held(struct act_house *act, size_t count);
/* Moves the clock, both ways. */
void act_later(struct act_house *act, int64_t ms);
const char *act_intents(struct act_house *act); /* open ones, as on disk */
/* Entries of the journal on disk, oldest first: "what outcome;" or "what result;" */
const char *act_journal(struct act_house *act);
/* What a query answers, rows one after the other. Texts are valid until the next call. */
const char *act_query(struct act_house *act, const char *sql);

#endif
