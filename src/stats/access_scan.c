/* stats/access_scan.c - files, their lines, and the groups that these are counted in. */
#include "moontide/stats/access_scan.h"

#include "moontide/base/line_reader.h"

#include <stdlib.h>
#include <string.h>

struct access_scan {
    struct access_groups *groups;
    struct access_file *files; /* shape: [count] */
    size_t count, at;          /* at: the file that is read, or comes next */
    struct line_reader *reader;
    uint64_t lines, total_bytes, done_bytes; /* done: of the files before `at` */
    struct broken_lines broken;
};

/* Also says whether it can be opened at all. */
static int add_file(struct access_scan *scan, const char *path, struct fault *fault)
{
    struct gz_reader *reader;
    int code = gz_open(path, &reader, fault);
    if (code < 0) return code;
    struct access_file *file = &scan->files[scan->count];
    file->bytes = gz_total_bytes(reader);
    gz_close(reader);
    file->path = strdup(path);
    if (!file->path) return fault_set(fault, ERR_NOMEM, "out of memory");
    scan->count++;
    scan->total_bytes += file->bytes;
    return OK;
}

int access_scan_new(const struct access_options *options, const char *const *paths, size_t count,
                    struct access_scan **out, struct fault *fault)
{
    if (count > ACCESS_FILES_MAX)
        return fault_set(fault, ERR_LIMIT, "%zu files: at most %d", count, ACCESS_FILES_MAX);
    struct access_scan *scan = calloc(1, sizeof *scan);
    if (!scan) return fault_set(fault, ERR_NOMEM, "out of memory");
    scan->files = calloc(count + 1, sizeof *scan->files);
    int code = scan->files ? access_groups_new(options, &scan->groups) : ERR_NOMEM;
    if (code < 0) fault_set(fault, code, "out of memory");
    for (size_t i = 0; i < count && code == OK; i++)
        code = add_file(scan, paths[i], fault);
    if (code < 0) {
        access_scan_free(scan);
        return code;
    }
    *out = scan;
    return OK;
}

void access_scan_free(struct access_scan *scan)
{
    if (!scan) return;
    for (size_t i = 0; i < scan->count; i++) {
        free(scan->files[i].path);
        free(scan->files[i].why);
    }
    free(scan->files);
    line_reader_close(scan->reader);
    access_groups_free(scan->groups);
    free(scan);
}

/* ERR_NOMEM only: all else is what is wrong with the line. */
static int take_line(struct access_scan *scan, const char *line, size_t len, bool too_long)
{
    struct access_line fields;
    scan->lines++;
    const char *why = too_long ? "longer than 1 MiB" : access_line_parse(line, len, &fields);
    int code = why ? OK : access_groups_add(scan->groups, &fields, &why);
    if (why)
        broken_lines_add(&scan->broken, scan->at, line_reader_number(scan->reader), line, len, why);
    return code == ERR_NOMEM ? code : OK;
}

/* Ends the file; fault: NULL, or why it could not be read further. */
static int end_file(struct access_scan *scan, const struct fault *fault)
{
    struct access_file *file = &scan->files[scan->at++];
    line_reader_close(scan->reader);
    scan->reader = NULL;
    scan->done_bytes += file->bytes;
    if (!fault) return OK;
    file->why = strdup(fault->text);
    return file->why ? OK : ERR_NOMEM;
}

/* Reads one line of the file; *taken grows by its bytes. */
static int next_line(struct access_scan *scan, size_t *taken, struct fault *fault)
{
    const char *line;
    size_t len;
    int found = line_next(scan->reader, &line, &len, fault);
    if (found == ERR_NOMEM) return found;
    if (found <= 0) return end_file(scan, found < 0 ? fault : NULL);
    *taken += len + 1;
    return len ? take_line(scan, line, len, found == LINE_TOO_LONG) : OK;
}

int access_scan_step(struct access_scan *scan, size_t max_bytes, struct fault *fault)
{
    int code = OK;
    for (size_t taken = 0; taken < max_bytes && code == OK && scan->at < scan->count;) {
        if (scan->reader) {
            code = next_line(scan, &taken, fault);
            continue;
        }
        code = line_reader_open(scan->files[scan->at].path, &scan->reader, fault);
        if (code < 0 && code != ERR_NOMEM) code = end_file(scan, fault);
    }
    if (code == OK) code = access_groups_settle(scan->groups);
    if (code < 0) return fault_set(fault, code, "out of memory");
    return scan->at < scan->count;
}

uint64_t access_scan_done_bytes(const struct access_scan *scan)
{
    return scan->done_bytes + (scan->reader ? gz_done_bytes(line_reader_file(scan->reader)) : 0);
}

uint64_t access_scan_total_bytes(const struct access_scan *scan)
{
    return scan->total_bytes;
}

uint64_t access_scan_lines(const struct access_scan *scan)
{
    return scan->lines;
}

const struct broken_lines *access_scan_broken(const struct access_scan *scan)
{
    return &scan->broken;
}

const struct access_file *access_scan_files(const struct access_scan *scan, size_t *count)
{
    *count = scan->count;
    return scan->files;
}

const struct access_groups *access_scan_groups(const struct access_scan *scan)
{
    return scan->groups;
}
