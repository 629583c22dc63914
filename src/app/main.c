/* app/main.c - where the program begins: finds the command and gives it its arguments. */
#include "moontide/app/options.h"
#include "moontide/base/nearest.h"

#include <signal.h>
#include <string.h>

static const struct command *find_command(const char *name)
{
    for (const struct command *c = commands; c->name; c++)
        if (strcmp(c->name, name) == 0) return c;
    return NULL;
}

static void print_help(FILE *out)
{
    fputs("moontide - watches metrics, evaluates Lua policies, moves capacity within rails\n\n"
          "usage: moontide COMMAND [options]\n\n",
          out);
    for (const struct command *c = commands; c->name; c++) {
        int n = fprintf(out, "  %s%s%s", c->name, c->operands[0] ? " " : "", c->operands);
        fprintf(out, "%*s%s\n", n < 28 ? 28 - n : 2, "", c->summary);
    }
    fputs("\nmoontide COMMAND --help tells more. A first run without an account:\n"
          "  moontide run --world sim --speed 60\n",
          out);
}

static int unknown_command(const char *name)
{
    const char *names[64];
    size_t n = 0;
    for (; commands[n].name && n < COUNT_OF(names) - 1; n++)
        names[n] = commands[n].name;
    names[n] = NULL;
    const char *near = nearest_name(name, names);
    fprintf(stderr, "moontide: unknown command '%s'", name);
    if (near) fprintf(stderr, " (did you mean '%s'?)", near);
    fputs("\n\n", stderr);
    print_help(stderr);
    return 1;
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN); /* a closed socket or pipe is an error of that write */
    signal(SIGXFSZ, SIG_IGN); /* and so is a file that may not grow (ulimit -f) */
    if (argc < 2) {
        print_help(stderr);
        return 1;
    }
    const char *name = argv[1];
    if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        print_help(stdout);
        return 0;
    }
    if (strcmp(name, "--version") == 0) name = "version";
    const struct command *command = find_command(name);
    if (!command) return unknown_command(name);
    struct arguments arguments;
    int parsed = arguments_parse(command, argc - 2, argv + 2, &arguments);
    if (parsed != 0) return parsed == 2 ? 0 : 1;
    return command->run(&arguments);
}
