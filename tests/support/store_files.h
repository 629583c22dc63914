/* support/store_files.h - a directory with a store for a test, and what it holds as one line of
 * text.
 *
 * Texts that read_*() return are valid until the next call of any of them. */
#ifndef MOONTIDE_TESTS_STORE_FILES_H
#define MOONTIDE_TESTS_STORE_FILES_H

#include "moontide/io/loop.h"
#include "moontide/store/store.h"

struct store_files {
    struct loop *loop;
    char dir[64], path[96]; /* dir is new and empty; path is moontide.db in it */
};

typedef void store_done(void *data, int code, const struct fault *fault);

/* cmocka's setup and teardown: *state is a struct store_files. The teardown fails on uv handles
 * that were left open, and removes the directory. */
int store_files_setup(void **state);
int store_files_teardown(void **state);
void store_files_clear(struct store_files *files); /* removes the store's files */

struct store *open_store(struct store_files *files); /* fails the test unless it opens */
struct store_batch *new_batch(const char *world, int64_t at_ms);
/* Commits, runs the loop until it is reported, and returns the code it was told. */
int commit(struct store_files *files, struct store *store, struct store_batch *take_batch);

const char *read_memo(struct store *store, const char *world);   /* policy/target=json; */
const char *read_alerts(struct store *store, const char *world); /* every column, by / */
const char *read_resources(struct store *store,
                           const char *world); /* kind/resource/region/account=json; */
const char *read_intents(struct store *store, const char *world); /* id@at_ms=json; */
const char *read_journal(struct store *store, const struct journal_filter *filter);
int count_journal(struct store *store);
void ignore_memo(void *data, const char *policy, const char *target, const char *json);

/* Prunes until there is no more to do, and returns how many steps it took. */
int prune_all(struct store_files *files, struct store *store,
              const struct store_retention *retention, int64_t now_ms);

/* Puts text into the store's lock file; NULL removes it. */
void write_lock_file(struct store_files *files, const char *text);
void close_pipe(int ends[2]);

/* SQLite's own allocations: the n-th from now fails. Install before SQLite is used. */
void sqlite_alloc_install(void);
void sqlite_alloc_fail_at(unsigned n);
bool sqlite_alloc_fail_done(void);

#endif
