/* app/options.c - parses, documents and refuses command lines by the table of commands. */
#include "moontide/app/options.h"

#include "moontide/base/nearest.h"

#include <string.h>

const char *option_dashes(const struct option_spec *option)
{
    return option->name[1] ? "--" : "-";
}

void command_usage(const struct command *command, FILE *out)
{
    fprintf(out, "usage: moontide %s%s%s%s\n\n  %s\n", command->name,
            command->options[0].name ? " [options]" : "", command->operands[0] ? " " : "",
            command->operands, command->summary);
    if (command->options[0].name) fputc('\n', out);
    for (const struct option_spec *o = command->options; o->name; o++) {
        int n = fprintf(out, "  %s%s%s%s", option_dashes(o), o->name, o->value ? " " : "",
                        o->value ? o->value : "");
        fprintf(out, "%*s%s\n", n < 26 ? 26 - n : 2, "", o->help);
    }
}

static int refuse(const struct command *command, const char *what, const char *word,
                  const char *near)
{
    fprintf(stderr, "moontide %s: %s%s", command->name, what, word);
    if (near) fprintf(stderr, " (did you mean --%s?)", near);
    fputs("\n\n", stderr);
    command_usage(command, stderr);
    return 1;
}

static int find_option(const struct command *command, const char *name, size_t len)
{
    for (int i = 0; command->options[i].name; i++)
        if (strlen(command->options[i].name) == len &&
            memcmp(command->options[i].name, name, len) == 0)
            return i;
    return -1;
}

static const char *near_option(const struct command *command, const char *name)
{
    const char *names[OPTIONS_MAX + 1];
    size_t n = 0;
    for (; command->options[n].name && n < OPTIONS_MAX; n++)
        names[n] = command->options[n].name;
    names[n] = NULL;
    return nearest_name(name, names);
}

static bool repeats(const struct option_spec *option)
{
    size_t len = option->value ? strlen(option->value) : 0;
    return len > 3 && strcmp(option->value + len - 3, "...") == 0;
}

static bool keep_repeated(struct arguments *out, const char *value)
{
    if (out->repeated_count == REPEATS_MAX) return false;
    out->repeated[out->repeated_count++] = value;
    return true;
}

int arguments_parse(const struct command *command, int argc, char **argv, struct arguments *out)
{
    memset(out, 0, sizeof *out);
    out->command = command;
    out->operands = argv;
    bool options_over = false;
    for (int i = 0; i < argc; i++) {
        char *word = argv[i];
        if (options_over || word[0] != '-' || !word[1]) {
            argv[out->operand_count++] = word;
            if (command->rest_is_operands) options_over = true;
            continue;
        }
        if (strcmp(word, "--") == 0) {
            options_over = true;
            continue;
        }
        if (strcmp(word, "-h") == 0 || strcmp(word, "--help") == 0) {
            command_usage(command, stdout);
            return 2;
        }
        bool is_letter = word[1] != '-';
        const char *name = is_letter ? word + 1 : word + 2, *equals = strchr(name, '=');
        size_t len = is_letter ? 1 : equals ? (size_t)(equals - name) : strlen(name);
        int at = is_letter || len > 1 ? find_option(command, name, len) : -1;
        if (at < 0)
            return refuse(command, "unknown option ", word,
                          is_letter ? NULL : near_option(command, name));
        const char *value = is_letter ? (name[1] ? name + 1 : NULL) : equals ? equals + 1 : NULL;
        if (command->options[at].value && !value) {
            if (++i == argc) return refuse(command, "a value is missing after ", word, NULL);
            value = argv[i];
        } else if (!command->options[at].value && value) {
            return refuse(command, "takes no value: ", word, NULL);
        }
        out->values[at] = value ? value : "";
        if (repeats(&command->options[at]) && !keep_repeated(out, value))
            return refuse(command, "too many of ", word, NULL);
    }
    if (out->operand_count < command->min_operands)
        return refuse(command, "expected ", command->operands, NULL);
    if (out->operand_count > command->max_operands)
        return refuse(command, "did not expect ", argv[command->max_operands], NULL);
    return 0;
}

const char *arguments_value(const struct arguments *arguments, const char *name)
{
    int at = find_option(arguments->command, name, strlen(name));
    return at < 0 ? NULL : arguments->values[at];
}

bool arguments_flag(const struct arguments *arguments, const char *name)
{
    return arguments_value(arguments, name) != NULL;
}
