/* app/main.c - where the program begins: finds the command and gives it its arguments. */
#include "moontide/app/options.h"
#include "moontide/base/nearest.h"

#include <signal.h>
#include <stdbool.h>
#include <string.h>

/* A name of two words takes two arguments. */
static const struct command *find_command(int argc, char **argv, const char *name, int *words)
{
    for (const struct command *c = commands; c->name; c++) {
        const char *space = strchr(c->name, ' ');
        size_t len = space ? (size_t)(space - c->name) : strlen(c->name);
        if (strlen(name) != len || memcmp(c->name, name, len) != 0) continue;
        *words = space ? 2 : 1;
        if (!space || (argc > 2 && strcmp(argv[2], space + 1) == 0)) return c;
    }
    return NULL;
}

static void print_line(const struct command *c, FILE *out)
{
    int n = fprintf(out, "  %s%s%s", c->name, c->operands[0] ? " " : "", c->operands);
    fprintf(out, "%*s%s\n", n < 28 ? 28 - n : 2, "", c->summary);
}

/* The first word of a command of two words, alone or before another one: says which there are.
 * Answers the exit status, or -1 when no command begins so. */
static int first_word_only(const char *name, int argc, char **argv)
{
    size_t len = strlen(name), found = 0;
    bool help = argc > 2 && (strcmp(argv[2], "--help") == 0 || strcmp(argv[2], "-h") == 0);
    FILE *out = help ? stdout : stderr;
    for (const struct command *c = commands; c->name; c++) {
        if (strncmp(c->name, name, len) != 0 || c->name[len] != ' ') continue;
        if (found++ == 0 && !help && argc > 2)
            fprintf(out, "moontide %s: unknown command '%s'\n\n", name, argv[2]);
        if (found == 1) fprintf(out, "usage: moontide %s COMMAND [options]\n\n", name);
        print_line(c, out);
    }
    return found == 0 ? -1 : help ? 0 : 1;
}

static void print_help(FILE *out)
{
    fputs("moontide - watches metrics, evaluates Lua policies, moves capacity within rails\n\n"
          "usage: moontide COMMAND [options]\n\n",
          out);
    for (const struct command *c = commands; c->name; c++)
        print_line(c, out);
    fputs("\nmoontide COMMAND --help tells more. A first run without an account:\n"
          "  moontide run --world sim --speed 60\n",
          out);
}

static int unknown_command(const char *name)
{
    char words[64][16]; /* the first of two */
    const char *names[COUNT_OF(words) + 1];
    size_t n = 0;
    for (; commands[n].name && n < COUNT_OF(words); n++) {
        snprintf(words[n], sizeof words[n], "%.*s", (int)strcspn(commands[n].name, " "),
                 commands[n].name);
        names[n] = words[n];
    }
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
    int words = 1;
    const struct command *command = find_command(argc, argv, name, &words);
    if (!command) {
        int status = first_word_only(name, argc, argv);
        return status >= 0 ? status : unknown_command(name);
    }
    struct arguments arguments;
    int parsed = arguments_parse(command, argc - 1 - words, argv + 1 + words, &arguments);
    if (parsed != 0) return parsed == 2 ? 0 : 1;
    return command->run(&arguments);
}
