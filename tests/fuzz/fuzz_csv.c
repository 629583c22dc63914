/* fuzz/fuzz_csv.c - any bytes as lines of CSV. The first byte chooses the column, the second the
 * separator. */
#include "moontide/base/number.h"
#include "moontide/stats/csv.h"
#include "target.h"

static void check_number(const struct csv *csv)
{
    double value;
    if (csv->len <= CSV_FIELD_MAX && number_parse(csv->field, csv->len, &value))
        fuzz_require(csv->len > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct csv csv;
    if (len < 2) return 0;
    csv_init(&csv, (char)(bytes[1] == '"' ? ',' : bytes[1]), bytes[0] % 4);
    bytes += 2;
    len -= 2;
    for (char *line; (line = fuzz_line(&bytes, &len)) != NULL; free(line)) {
        size_t line_len = strlen(line);
        char *exact = fuzz_copy((const uint8_t *)line, line_len);
        long column = csv_find(exact, line_len, csv.separator, "latency");
        fuzz_require(column >= -1 && column <= (long)line_len);
        enum csv_state state = csv_line(&csv, exact, line_len);
        free(exact); /* nothing of it may be used any more */
        fuzz_require(csv.open == (state == CSV_MORE));
        if (state == CSV_ROW && csv.found) check_number(&csv);
    }
    return 0;
}
