/* app/policy_scan.c - reads and hashes the files of a policy directory. */
#include "moontide/app/policy_scan.h"

#include "moontide/base/fs.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *path_shown(const char *path)
{
    while (strncmp(path, "./", 2) == 0)
        path += 2;
    return path;
}

static bool is_lua(const struct dirent *entry)
{
    size_t n = strlen(entry->d_name);
    return entry->d_name[0] != '.' && n > 4 && strcmp(entry->d_name + n - 4, ".lua") == 0;
}

static int out_of_memory(struct fault *fault)
{
    return fault_set(fault, ERR_NOMEM, "out of memory");
}

static int add_file(struct policy_scan *scan, const char *directory, const char *name, bool lib)
{
    struct scanned_file *files = realloc(scan->files, (scan->count + 1) * sizeof *files);
    if (!files) return out_of_memory(&scan->fault);
    scan->files = files;
    files[scan->count] = (struct scanned_file){.lib = lib, .path = fs_join(directory, name)};
    if (!files[scan->count].path) return out_of_memory(&scan->fault);
    scan->count++;
    return OK;
}

static int list_directory(struct policy_scan *scan, const char *directory, bool lib,
                          size_t files_max)
{
    int code = OK;
    DIR *dir = opendir(directory);
    if (!dir) {
        int saved = errno;
        if (lib && saved == ENOENT) return OK;
        return fault_set(&scan->fault, err_from_errno(saved), "%s: %s", path_shown(directory),
                         strerror(saved));
    }
    for (struct dirent *entry; code >= 0 && (entry = readdir(dir));) {
        if (!is_lua(entry)) continue;
        if (scan->count == files_max)
            code = fault_set(&scan->fault, ERR_LIMIT, "%s: more than %zu files",
                             path_shown(directory), files_max);
        else
            code = add_file(scan, directory, entry->d_name, lib);
    }
    closedir(dir);
    return code;
}

static void read_one(struct scanned_file *file, size_t limit_bytes)
{
    unsigned char digest[SHA256_BYTES];
    struct fault fault;
    int code = fs_read_file(file->path, limit_bytes, &file->text, &file->len, &fault);
    if (code < 0) {
        file->fault = malloc(sizeof *file->fault);
        if (file->fault) *file->fault = fault;
        /* The hash of a fault is its text, so that the same fault is reported once. */
        sha256(fault.text, strlen(fault.text), digest);
    } else {
        sha256(file->text, file->len, digest);
    }
    hex_encode(digest, sizeof digest, file->sha256);
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct scanned_file *)a)->path, ((const struct scanned_file *)b)->path);
}

void policy_scan_read(struct policy_scan *scan, const char *directory, size_t limit_bytes,
                      size_t files_max)
{
    memset(scan, 0, sizeof *scan);
    char *lib = fs_join(directory, "lib");
    scan->code =
        lib ? list_directory(scan, directory, false, files_max) : out_of_memory(&scan->fault);
    scan->policy_count = scan->count;
    if (scan->code >= 0) scan->code = list_directory(scan, lib, true, files_max);
    free(lib);
    if (scan->count) {
        qsort(scan->files, scan->policy_count, sizeof *scan->files, by_path);
        qsort(scan->files + scan->policy_count, scan->count - scan->policy_count,
              sizeof *scan->files, by_path);
    }
    for (size_t i = 0; i < scan->count; i++)
        read_one(&scan->files[i], limit_bytes);
}

void policy_scan_done(struct policy_scan *scan)
{
    for (size_t i = 0; i < scan->count; i++) {
        free(scan->files[i].path);
        free(scan->files[i].text);
        free(scan->files[i].fault);
    }
    free(scan->files);
    memset(scan, 0, sizeof *scan);
}
