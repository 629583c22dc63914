/* bind/decide_current.c - decide.current(kind, fields): the present state of a resource, as the
 * kind reads it; for collect() and targets(), as it waits.
 *
 *   collect = function(t)
 *     local db = decide.current("rds_instance", { instance = "gm-tool-" .. t.environment })
 *     return { allocated = db and db.allocated_storage }
 *   end
 *
 * It is asked of the policy's world, so that it is true in a simulated one too. nil: there is no
 * such resource. */
#include "policy_state.h"

#include "check.h"
#include "moontide/bind/kinds.h"
#include "moontide/tick/world.h"

#include <stdlib.h>
#include <string.h>

enum { FIELDS_JSON_MAX = 64 * 1024 };

static const char BOX_TYPE[] = "moontide.decide.current";
static const char WHAT[] = "decide.current";

struct read_box {
    struct vm *vm;
    uint64_t wait_id;
    struct world *world;
    struct actor *actor;
    struct actor_call *call; /* NULL: none is under way */
    struct subject subject;
    char *texts[5]; /* what the subject borrows: kind, resource, region, account, wanted */
};

static int box_close(lua_State *L)
{
    struct read_box *box = luaL_checkudata(L, 1, BOX_TYPE);
    if (box->call) world_cancel_act(box->world, box->actor, box->call);
    box->call = NULL;
    subject_done(&box->subject);
    for (size_t i = 0; i < COUNT_OF(box->texts); i++) {
        free(box->texts[i]);
        box->texts[i] = NULL;
    }
    return 0;
}

static struct read_box *box_new(lua_State *L)
{
    struct read_box *box = lua_newuserdatauv(L, sizeof *box, 0);
    *box = (struct read_box){.vm = vm_of(L)};
    task_box(L, BOX_TYPE, box_close);
    return box;
}

static void on_read(void *data)
{
    struct read_box *box = data;
    box->call = NULL;
    task_wake(box->vm, box->wait_id);
}

static int finish(lua_State *L, int status, lua_KContext box_idx)
{
    (void)status;
    struct fault fault;
    const struct read_box *box = luaL_checkudata(L, (int)box_idx, BOX_TYPE);
    const struct subject *subject = &box->subject;
    if (subject->code < 0) {
        fault_set(&fault, subject->code, "%s",
                  subject->problem ? subject->problem : err_text(subject->code));
        return raise_fault(L, WHAT, &fault);
    }
    if (!subject->current) {
        lua_pushnil(L);
        return 1;
    }
    if (convert_from_json(L, subject->current, strlen(subject->current), &fault) < 0)
        return raise_fault(L, WHAT, &fault);
    return 1;
}

/* Takes region or account out of the fields at idx, copied; NULL: not there. */
static char *take_text(lua_State *L, int idx, const char *name)
{
    char *copy = NULL;
    if (lua_getfield(L, idx, name) != LUA_TNIL) {
        copy = strdup(check_text(L, -1, WHAT));
        if (!copy) luaL_error(L, "out of memory");
        lua_pushnil(L);
        lua_setfield(L, idx, name);
    }
    lua_pop(L, 1);
    return copy;
}

/* Stack: 2 a copy of the fields; the box keeps the texts. */
static void fill_subject(lua_State *L, struct read_box *box, const struct kind *kind)
{
    struct strbuf json;
    struct fault fault;
    box->texts[2] = take_text(L, 2, "region");
    box->texts[3] = take_text(L, 2, "account");
    box->texts[0] = strdup(kind->info.name);
    box->texts[1] = strdup(decide_push_resource(L, kind, 2, WHAT));
    strbuf_init(&json, FIELDS_JSON_MAX);
    int code = convert_to_json(L, 2, WHAT, &json, &fault);
    if (code == OK) box->texts[4] = strbuf_take(&json, NULL);
    strbuf_done(&json);
    if (code < 0) raise_fault(L, WHAT, &fault);
    if (!box->texts[0] || !box->texts[1] || !box->texts[4]) luaL_error(L, "out of memory");
    box->subject = (struct subject){.kind = box->texts[0],
                                    .resource = box->texts[1],
                                    .region = box->texts[2],
                                    .account = box->texts[3],
                                    .wanted = box->texts[4]};
}

static void copy_fields(lua_State *L)
{
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 2);
    lua_newtable(L);
    for (lua_pushnil(L); lua_next(L, 2);) {
        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        lua_rawset(L, 3);
    }
    lua_replace(L, 2);
}

/* Upvalue: the policy. */
int decide_current(lua_State *L)
{
    struct policy *policy = policy_of_upvalue(L);
    const struct host *host = policy->binding.host;
    struct kind *kind = NULL;
    struct fault fault;
    const char *name = check_text(L, 1, "decide.current: the kind");
    copy_fields(L);
    if (policy_take_kind(policy, name, &kind, &fault) < 0) return raise_fault(L, WHAT, &fault);
    if (!kind->info.reads) return luaL_error(L, "%s: the kind %s has no state to read", WHAT, name);
    if (!host->world || !host->kinds) return luaL_error(L, "%s: there is no world here", WHAT);
    uint64_t wait_id = task_wait_id(L, WHAT);
    struct read_box *box = box_new(L);
    int box_idx = lua_gettop(L);
    lua_toclose(L, box_idx);
    fill_subject(L, box, kind);
    lua_settop(L, box_idx);
    box->wait_id = wait_id;
    box->world = host->world;
    box->actor = kinds_actor(host->kinds);
    int code = world_read(box->world, box->actor, &box->subject, 1, on_read, box, &box->call);
    if (code < 0) return luaL_error(L, "%s: %s", WHAT, err_text(code));
    return task_wait(L, box_idx, finish);
}
