/* bind/host.h - what the Lua modules may use of the program, and the list of the modules. */
#ifndef MOONTIDE_BIND_HOST_H
#define MOONTIDE_BIND_HOST_H

#include "moontide/vm/vm.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct chunks;
struct clock;
struct collector;
struct config;
struct cover;
struct faults;
struct http;
struct loop;
struct rates;
struct source;
struct store;
struct kinds;
struct world;

/* Borrowed, all of it; outlives every state that is made with it. */
struct host {
    struct loop *loop;
    struct http *http;
    struct rates *rates;         /* that the clients of `aws` share; may be NULL */
    struct collector *collector; /* for cloudwatch.fetch; may be set after the host is made; NULL
                                    offline (check) */
    struct world *world;         /* for cloudwatch.fetch of another window; NULL: none */
    const struct clock *clock;   /* the world's */
    const struct config *config;
    const char *database; /* path for the journal module; NULL: none */
    const char *world_name;
    struct kinds *kinds; /* what policies may decide; NULL: nothing */
    /* Lines that policies print; NULL: they are logged as policy.print. */
    void (*print)(void *data, const char *line, size_t len);
    void *print_data;
    struct chunks *chunks; /* compiled sources, for who makes many states; may be NULL */
    bool offline; /* policies are refused what needs a network, or waits for nothing (tests) */
    struct cover *cover; /* notes which lines of policies run; NULL: nobody asks */
    bool trace_aws;      /* the clients of `aws` show their requests on standard error */
};

/* Told of the calls of `aws` that tasks with a tag make: who carries a decision out must know what
 * was sent, whatever becomes of the code that sent it. */
struct call_record {
    const char *action; /* "ecs:UpdateService" */
    bool read_only;
    bool ended;             /* false: it begins */
    bool effect;            /* ended: something may have been done */
    const char *request_id; /* ended; "" when there is none */
};

/* What vm_owner() is, in every state that bind makes: its first member. */
struct binding {
    const struct host *host;
    const char *policy;      /* the policy's name for logs, or NULL in scripts */
    struct faults *faults;   /* where declarations report their faults; NULL: they throw */
    struct faults *warnings; /* where `check` collects what is odd in a declaration; else NULL */
    struct source **sources; /* shape: [source_count]: the files that run here; none in scripts */
    size_t source_count;
    /* Answers a number, which names the call when it ends (`begun`). NULL: nobody is told. */
    size_t (*on_call)(void *tag, size_t begun, const struct call_record *record);
    int64_t now_ms; /* the tick's time, which is this code's now; 0: ask host->clock */
};

/* One opener a file (lua_CFunction: pushes the module's table). */
int open_aws(lua_State *L);        /* after async */
int open_cloudwatch(lua_State *L); /* cloudwatch{} declares; cloudwatch.fetch{...} waits */
int open_command(lua_State *L);
int open_http(lua_State *L);
int open_journal(lua_State *L);
int open_log(lua_State *L);
int open_mail(lua_State *L);
int open_plot(lua_State *L);
int open_stats(lua_State *L);
int open_time(lua_State *L);

/* The module `plot` for a terminal that is not this process's: terminal_of pushes its columns,
 * whether it shows colour, and whether more than ASCII. */
void plot_push(lua_State *L, lua_CFunction terminal_of);

#endif
