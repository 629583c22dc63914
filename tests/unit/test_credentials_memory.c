/* Roles, token files, SSO and processes, while each allocation on their way fails in turn: every
 * failure is told once, none crashes, leaks (the sanitizer's part) or leaves a handle open. */
#include "support/alloc_fail.h"

#include "credentials_fixture.h"

#include <signal.h>
#include <sys/wait.h>

enum { ALLOCATIONS_MAX = 3000 };

#define KEYS                                                                                       \
    "<AccessKeyId>ID</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t"             \
    "</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration>"
#define ANSWER "<R><RR><Credentials>" KEYS "</Credentials></RR></R>"
#define PORTAL "/federation/credentials?role_name=r&account_id=1"

static struct route routes[] = {
    {"POST", "/", NULL, 200, ANSWER, 0, NULL},
    {"GET", PORTAL, NULL, 200,
     "{\"roleCredentials\":{\"accessKeyId\":\"ID\",\"secretAccessKey\":\"s\",\"sessionToken\":"
     "\"t\",\"expiration\":4070908800000}}",
     0, NULL},
    {0},
};
static pid_t server_pid;
static char dir[] = "/tmp/moontide-memory-XXXXXX";

/* The server has a process of its own, where nothing fails. */
static void serve(int fd)
{
    uv_loop_t *loop = uv_default_loop();
    struct route_server *server = route_server_new(loop, routes);
    int port = server ? route_server_port(server) : 0;
    if (write(fd, &port, sizeof port) != sizeof port) _exit(1);
    uv_run(loop, UV_RUN_DEFAULT);
    _exit(0);
}

static void put_file(const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    write_text(path, text);
}

static void put_files(void)
{
    char text[2048];
    snprintf(text, sizeof text,
             "[profile role]\nrole_arn = a\nsource_profile = middle\nexternal_id = e\n"
             "[profile middle]\nrole_arn = b\nsource_profile = base\nrole_session_name = s\n"
             "[profile base]\naws_access_key_id = A\naws_secret_access_key = s\n"
             "[profile token]\nrole_arn = a\nweb_identity_token_file = %s/token\n"
             "[profile process]\ncredential_process = /bin/cat '%s/out'\n"
             "[profile sso]\nsso_session = tide\nsso_account_id = 1\nsso_role_name = r\n"
             "[sso-session tide]\nsso_region = eu-west-1\nsso_start_url = x\n",
             dir, dir);
    put_file("config", text);
    put_file("token", "token");
    put_file("out", "{\"Version\":1,\"AccessKeyId\":\"ID\",\"SecretAccessKey\":\"s\"}");
    static const char *const parts[] = {"", "/.aws", "/.aws/sso", "/.aws/sso/cache"};
    for (size_t i = 1; i < COUNT_OF(parts); i++) {
        snprintf(text, sizeof text, "%s%s", dir, parts[i]);
        assert_int_equal(mkdir(text, 0700), 0);
    }
    put_file(".aws/sso/cache/17c772d62d6f108c21dedfe0d2ae7f495a8598fa.json",
             "{\"accessToken\":\"T\",\"expiresAt\":\"2099-01-01T00:00:00Z\"}");
}

static int start(void **state)
{
    int fds[2], port = 0;
    char text[128];
    (void)state;
    for (size_t i = 0; i < COUNT_OF(variables); i++)
        unsetenv(variables[i]);
    if (!mkdtemp(dir) || pipe(fds) < 0) return -1;
    put_files();
    server_pid = fork();
    if (server_pid == 0) serve(fds[1]);
    ssize_t n = read(fds[0], &port, sizeof port);
    close(fds[0]);
    close(fds[1]);
    snprintf(text, sizeof text, "http://127.0.0.1:%d", port);
    setenv("AWS_ENDPOINT_URL", text, 1);
    setenv("HOME", dir, 1);
    snprintf(text, sizeof text, "%s/config", dir);
    setenv("AWS_CONFIG_FILE", text, 1);
    setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent", 1);
    return n == sizeof port && port > 0 ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    kill(server_pid, SIGKILL);
    (void)nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    return waitpid(server_pid, NULL, 0) == server_pid ? 0 : -1;
}

static int travel(const char *profile)
{
    struct world w = {0};
    struct credential_chain *chain = NULL;
    int code = loop_new(&w.loop);
    if (code == OK) code = http_new(w.loop, NULL, &w.http);
    struct credential_options options = {.loop = w.loop, .http = w.http, .profile = profile};
    if (code == OK) code = credential_chain_new(&options, &chain);
    struct credential_role_options on_top = {
        .loop = w.loop, .http = w.http, .base = chain, .role_arn = "top", .profile = profile};
    struct credential_chain *top = NULL;
    if (code == OK) code = credential_role_chain_new(&on_top, &top);
    if (code == OK) {
        credential_chain_get(top, on_answer, &w);
        while (w.answers == 0)
            (void)loop_turn(w.loop, true);
        assert_int_equal(w.answers, 1);
        code = w.code;
        assert_true(code == OK || w.text[0]);
    }
    credential_chain_free(top);
    credential_chain_free(chain);
    http_free(w.http);
    if (w.loop) assert_int_equal(loop_free(w.loop), 0);
    return code;
}

static void fail_each(const char *profile)
{
    bool all = false;
    unsigned tried = 0;
    while (tried < ALLOCATIONS_MAX && !all) {
        alloc_fail_at(++tried);
        int code = travel(profile);
        all = !alloc_fail_done();
        assert_true(code <= 0);
        if (all) assert_int_equal(code, OK);
    }
    assert_true(all);
    assert_true(tried > 50); /* it was the way that failed, not its first step */
}

static void any_allocation_of_roles_on_roles_may_fail(void **state)
{
    (void)state;
    fail_each("role");
}

static void any_allocation_of_a_token_file_may_fail(void **state)
{
    (void)state;
    fail_each("token");
}

static void any_allocation_of_sso_may_fail(void **state)
{
    (void)state;
    fail_each("sso");
}

static void any_allocation_of_a_process_may_fail(void **state)
{
    (void)state;
    fail_each("process");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_allocation_of_roles_on_roles_may_fail),
        cmocka_unit_test(any_allocation_of_a_token_file_may_fail),
        cmocka_unit_test(any_allocation_of_sso_may_fail),
        cmocka_unit_test(any_allocation_of_a_process_may_fail),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
