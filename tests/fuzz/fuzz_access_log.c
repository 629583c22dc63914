/* fuzz/fuzz_access_log.c - any bytes as lines of an access log, counted in a few groups. */
#include "moontide/base/err.h"
#include "moontide/stats/access_groups.h"
#include "target.h"

static void check_slice(struct slice slice, const char *line, size_t len)
{
    if (slice.len == 1 && slice.at[0] == '-') return; /* perhaps that which stands for nothing */
    fuzz_require(slice.at >= line && slice.at + slice.len <= line + len);
}

static void count_line(struct access_groups *groups, const char *line, size_t len)
{
    struct access_line fields;
    const char *why = access_line_parse(line, len, &fields);
    if (why) return;
    for (int i = 0; i < ACCESS_PLAIN_FIELDS; i++)
        check_slice(access_field(&fields, i), line, len);
    check_slice(fields.method, line, len);
    check_slice(fields.path, line, len);
    check_slice(access_target_group(&fields), line, len);
    int code = access_groups_add(groups, &fields, &why);
    fuzz_require(code == OK || (code == ERR_PARSE && why));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct access_options options = {
        .by = {KEY_PATH, KEY_TARGET_GROUP, KEY_METHOD, KEY_STATUS, KEY_ELB, KEY_TARGET},
        .by_count = KEYS,
        .groups_max = 3};
    if (len == 0) return 0;
    options.collapse_ids = bytes[0] & 1;
    options.value = (enum access_value)(bytes[0] / 2 % VALUES);
    struct access_groups *groups;
    fuzz_require(access_groups_new(&options, &groups) == OK);
    bytes++;
    len--;
    for (char *line; (line = fuzz_line(&bytes, &len)) != NULL; free(line)) {
        size_t line_len = strlen(line);
        char *exact = fuzz_copy((const uint8_t *)line, line_len);
        count_line(groups, exact, line_len);
        free(exact);
    }
    fuzz_require(access_groups_settle(groups) == OK);
    fuzz_require(access_groups_count(groups) <= options.groups_max + 1);
    double q = 0.9, found;
    fuzz_require(access_groups_quantiles(groups, &q, 1, &found) == OK);
    for (size_t i = 0; i < access_groups_count(groups); i++)
        for (size_t by = 0; by < KEYS; by++)
            fuzz_require(access_group_key(groups, i, by).len <= ACCESS_KEY_BYTES_MAX);
    access_groups_free(groups);
    return 0;
}
