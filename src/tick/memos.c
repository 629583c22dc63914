/* tick/memos.c - the memo of each target as JSON text. One block a memo: header, names, text. */
#include "memos.h"

#include "moontide/store/store.h"
#include "moontide/tick/changes.h"

#include <stdlib.h>
#include <string.h>

struct memo {
    struct keyed by;
    char *json; /* in names, behind them */
    char names[];
};

void memos_done(struct memos *memos)
{
    for (size_t i = 0; i < memos->table.cap; i++)
        free(memos->table.slots[i]);
    table_done(&memos->table);
}

static struct memo *memo_new(const char *policy, const char *target, const char *json)
{
    size_t policy_len = strlen(policy) + 1, target_len = strlen(target) + 1;
    size_t json_len = strlen(json) + 1;
    struct memo *memo = malloc(sizeof *memo + policy_len + target_len + json_len);
    if (!memo) return NULL;
    memo->by = (struct keyed){keyed_hash(policy, target), memo->names, memo->names + policy_len};
    memo->json = memo->names + policy_len + target_len;
    memcpy(memo->names, policy, policy_len);
    memcpy(memo->names + policy_len, target, target_len);
    memcpy(memo->json, json, json_len);
    return memo;
}

const char *memos_get(const struct memos *memos, const char *policy, const char *target)
{
    const struct memo *memo = (struct memo *)table_find(&memos->table, policy, target);
    return memo ? memo->json : NULL;
}

int memos_set(struct memos *memos, const char *policy, const char *target, const char *json,
              struct changes *changes)
{
    struct memo *memo = (struct memo *)table_find(&memos->table, policy, target);
    if (memo && strcmp(memo->json, json) == 0) return OK;
    struct memo *fresh = memo_new(policy, target, json);
    if (!fresh || table_reserve(&memos->table) < 0) {
        free(fresh);
        return ERR_NOMEM;
    }
    if (memo)
        table_replace(&memos->table, memo, &fresh->by);
    else
        table_insert(&memos->table, &fresh->by);
    changes_memo(changes, policy, target,
                 json); /* before the old one goes: all may point into it */
    free(memo);
    return OK;
}

struct loading {
    struct memos *memos;
    int code;
};

static void load_row(void *data, const char *policy, const char *target, const char *json)
{
    struct loading *loading = data;
    int rc = memos_set(loading->memos, policy, target, json, NULL);
    if (rc < 0) loading->code = rc;
}

int memos_load(struct memos *memos, struct store *store, const char *world, struct fault *fault)
{
    struct loading loading = {.memos = memos};
    int rc = store_each_memo(store, world, load_row, &loading, fault);
    if (rc < 0) return rc;
    if (loading.code < 0) return fault_set(fault, loading.code, "no memory for the memos");
    return OK;
}

void memos_retain(struct memos *memos, const char *policy,
                  bool (*keep)(void *data, const char *target), void *data, struct changes *changes)
{
    for (size_t i = 0; i < memos->table.cap;) {
        struct memo *memo = (struct memo *)memos->table.slots[i];
        if (!memo || strcmp(memo->by.first, policy) != 0 || keep(data, memo->by.second)) {
            i++;
            continue;
        }
        changes_memo(changes, policy, memo->by.second, NULL);
        table_remove(&memos->table, &memo->by);
        free(memo);
    }
}
