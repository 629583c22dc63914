/* app/test_junit.c - results as JUnit XML: a suite a file, as CI systems read it. */
#include "moontide/app/tests.h"
#include "moontide/base/fs.h"
#include "moontide/base/strbuf.h"

#include <stdlib.h>
#include <string.h>

enum { XML_BYTES_MAX = 256 * 1024 * 1024 };

/* Control characters that XML 1.0 does not have become '?'. */
static void escape(struct strbuf *out, const char *text)
{
    for (; *text; text++) {
        switch (*text) {
        case '<': strbuf_adds(out, "&lt;"); break;
        case '>': strbuf_adds(out, "&gt;"); break;
        case '&': strbuf_adds(out, "&amp;"); break;
        case '"': strbuf_adds(out, "&quot;"); break;
        case '\n': strbuf_adds(out, "&#10;"); break;
        case '\t': strbuf_adds(out, "&#9;"); break;
        default: strbuf_addc(out, (unsigned char)*text < ' ' ? '?' : *text);
        }
    }
}

static void attribute(struct strbuf *out, const char *name, const char *text)
{
    char *plain = test_plain(text);
    strbuf_addf(out, " %s=\"", name);
    escape(out, plain ? plain : "");
    strbuf_addc(out, '"');
    free(plain);
}

static void write_record(struct strbuf *out, const struct test_file *file,
                         const struct test_record *record)
{
    strbuf_adds(out, "    <testcase");
    attribute(out, "classname", file->shown);
    attribute(out, "name", record->name);
    attribute(out, "file", file->shown);
    strbuf_addf(out, " line=\"%d\" time=\"%.6f\">\n", record->line,
                (double)record->elapsed_us / 1e6);
    if (record->status == PTEST_FAILED) {
        char *plain = test_plain(record->message);
        strbuf_adds(out, "      <failure");
        attribute(out, "message", record->message);
        strbuf_addf(out, ">%s:%d&#10;", record->at_file, record->at_line);
        escape(out, plain ? plain : "");
        strbuf_adds(out, "</failure>\n");
        free(plain);
    } else if (record->status == PTEST_PENDING) {
        strbuf_adds(out, "      <skipped");
        attribute(out, "message", record->message);
        strbuf_adds(out, "/>\n");
    }
    if (record->output[0]) {
        strbuf_adds(out, "      <system-out>");
        escape(out, record->output);
        strbuf_adds(out, "</system-out>\n");
    }
    strbuf_adds(out, "    </testcase>\n");
}

static void write_file(struct strbuf *out, const struct test_file *file)
{
    size_t failed = 0, pending = 0;
    int64_t elapsed_us = 0;
    for (size_t i = 0; i < file->count; i++) {
        failed += file->records[i].status == PTEST_FAILED;
        pending += file->records[i].status == PTEST_PENDING;
        elapsed_us += file->records[i].elapsed_us;
    }
    strbuf_adds(out, "  <testsuite");
    attribute(out, "name", file->shown);
    strbuf_addf(out,
                " tests=\"%zu\" failures=\"%zu\" errors=\"%d\" skipped=\"%zu\" time=\"%.6f\">\n",
                file->count + (file->fault ? 1 : 0), failed, file->fault ? 1 : 0, pending,
                (double)elapsed_us / 1e6);
    for (size_t i = 0; i < file->count; i++)
        write_record(out, file, &file->records[i]);
    if (file->fault) {
        char line[FAULT_TEXT_MAX + FAULT_FILE_MAX + 32];
        fault_print(file->fault, line, sizeof line);
        strbuf_adds(out, "    <testcase");
        attribute(out, "classname", file->shown);
        strbuf_adds(out, " name=\"load\"><error");
        attribute(out, "message", line);
        strbuf_adds(out, "/></testcase>\n");
    }
    strbuf_adds(out, "  </testsuite>\n");
}

int test_write_junit(const struct test_book *book, const char *path, struct fault *fault)
{
    struct strbuf out;
    strbuf_init(&out, XML_BYTES_MAX);
    strbuf_addf(&out,
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                "<testsuites tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"%zu\">\n",
                book->passed + book->failed + book->pending + book->broken, book->failed,
                book->broken, book->pending);
    for (size_t i = 0; i < book->count; i++)
        write_file(&out, &book->files[i]);
    strbuf_adds(&out, "</testsuites>\n");
    int code = strbuf_status(&out);
    if (code < 0)
        fault_set(fault, code, "%s: %s", path, err_text(code));
    else
        code = fs_write_file(path, strbuf_cstr(&out), out.len, 0644, fault);
    strbuf_done(&out);
    return code;
}
