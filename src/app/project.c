/* app/project.c - where a project's daemon and database are. */
#include "moontide/app/project.h"

#include "moontide/app/control.h"
#include "moontide/app/instance.h"
#include "moontide/base/clock.h"
#include "moontide/base/fs.h"
#include "moontide/base/timetext.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

int project_config(const struct arguments *arguments, struct config **out)
{
    const char *dir = arguments_value(arguments, "dir");
    struct faults faults;
    faults_init(&faults);
    int code = config_load(dir ? dir : ".", out, &faults);
    if (code < 0) print_faults(&faults);
    faults_done(&faults);
    return code;
}

int project_ask(const struct config *config, const char *command, const char *json,
                int64_t timeout_ms, char **out, struct fault *fault)
{
    size_t len;
    char *path = fs_join(config->state_dir, "control.sock");
    int code = path ? control_ask(path, command, json, timeout_ms, out, &len, fault)
                    : fault_set(fault, ERR_NOMEM, "out of memory");
    free(path);
    return code;
}

int project_store(const struct config *config, struct store **out)
{
    struct fault fault;
    char *path = fs_join(config->state_dir, "moontide.db");
    int code =
        path ? store_open_reader(path, out, &fault) : fault_set(&fault, ERR_NOMEM, "out of memory");
    if (code == ERR_NOT_FOUND)
        fprintf(stderr,
                "moontide: there is no journal yet: %s is written by the first `moontide run` of "
                "this project\n",
                path);
    else if (code < 0)
        print_fault(&fault);
    free(path);
    return code;
}

int project_format(const struct arguments *arguments, bool *json)
{
    const char *text = arguments_value(arguments, "format");
    *json = text && strcmp(text, "json") == 0;
    if (!text || *json || strcmp(text, "text") == 0) return 0;
    fprintf(stderr, "moontide %s: --format is text or json, not: %s\n", arguments->command->name,
            text);
    return 1;
}

int project_since(const struct arguments *arguments, const char *otherwise, int64_t *out_ms)
{
    static const struct clock real = {.kind = CLOCK_REAL};
    const char *text = arguments_value(arguments, "since");
    int64_t ago_ms;
    *out_ms = 0;
    if (!text) text = otherwise;
    if (!text) return 0;
    if (duration_parse(text, &ago_ms) < 0) {
        fprintf(stderr, "moontide %s: --since is a duration such as 90s, 1h or 7d, not: %s\n",
                arguments->command->name, text);
        return 1;
    }
    *out_ms = clock_now_ms(&real) - ago_ms;
    if (*out_ms < 1) *out_ms = 1;
    return 0;
}

int project_lock(const char *state_dir, int *out, struct fault *fault)
{
    int code = fs_make_dir(state_dir, fault);
    if (code < 0) return code;
    int fd = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0 && flock(fd, LOCK_EX) == 0) {
        *out = fd;
        return OK;
    }
    code = fault_set(fault, err_from_errno(errno), "%s: %s", state_dir, strerror(errno));
    if (fd >= 0) close(fd);
    return code;
}

const char *project_user(const char *given)
{
    const char *sudo = getenv("SUDO_USER");
    if (given) return given;
    if (sudo && sudo[0]) return sudo;
    const struct passwd *user = getpwuid(geteuid());
    return user ? user->pw_name : "unknown";
}
