/* support/journal_tool.c - writes journal entries into a database, through the store as the tick
 * does: for tests of the commands that read it.
 *
 *   journal_tool DATABASE < LINES
 *
 * A line is {"at": ms, "world"?, "id"?, "what", "policy"?, "target"?, "resource"?, "sha256"?,
 * "detail"?: {...}}; each is a batch of its own. */
#include "moontide/io/loop.h"
#include "moontide/store/store.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>

static void die(const char *what)
{
    fprintf(stderr, "journal_tool: %s\n", what);
    exit(1);
}

static const char *text_of(const cJSON *line, const char *key)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(line, key));
}

static void note(void *data, int code, const struct fault *fault)
{
    (void)data;
    if (code < 0) die(fault->text);
}

static void write_line(struct store *store, const cJSON *line)
{
    const cJSON *at = cJSON_GetObjectItemCaseSensitive(line, "at"),
                *detail = cJSON_GetObjectItemCaseSensitive(line, "detail");
    const char *world = text_of(line, "world");
    char *json = detail ? cJSON_PrintUnformatted(detail) : NULL;
    struct store_batch *batch;
    if (!cJSON_IsNumber(at)) die("a line without at");
    if (store_batch_new(world ? world : "aws", (int64_t)at->valuedouble, &batch) < 0)
        die("out of memory");
    store_batch_journal(batch, &(struct journal_entry){.id = text_of(line, "id"),
                                                       .what = text_of(line, "what"),
                                                       .policy = text_of(line, "policy"),
                                                       .target = text_of(line, "target"),
                                                       .resource = text_of(line, "resource"),
                                                       .policy_sha256 = text_of(line, "sha256"),
                                                       .json = json});
    cJSON_free(json);
    if (store_commit(store, batch, note, NULL) < 0) die("not committed");
}

int main(int argc, char **argv)
{
    static char text[1 << 20];
    struct loop *loop;
    struct store *store;
    struct fault fault;
    if (argc != 2) die("usage: journal_tool DATABASE < LINES");
    if (loop_new(&loop) < 0) die("no loop");
    if (store_open(loop, argv[1], &store, &fault) < 0) die(fault.text);
    while (fgets(text, sizeof text, stdin)) {
        cJSON *line = cJSON_Parse(text);
        if (!line) die("a line that is not JSON");
        write_line(store, line);
        cJSON_Delete(line);
    }
    loop_run(loop);
    store_close(store);
    return loop_free(loop);
}
