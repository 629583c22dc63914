/* app/completion.c - `moontide completion SHELL`: the shell's script, and what could stand next on
 * a command line, by the table of commands. */
#include "moontide/app/completion.h"

#include "moontide/app/options.h"
#include "moontide/base/nearest.h"
#include "moontide/vm/prelude.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORD_MAX = 4096 };

void candidates_add(struct candidates *c, const char *before, const char *text,
                    const char *description)
{
    char line[WORD_MAX];
    int n = snprintf(line, sizeof line, "%s%s", before, text);
    if (n < 0 || n >= (int)sizeof line || c->count == CANDIDATES_MAX) return;
    if (strncmp(line, c->typed, strlen(c->typed)) != 0 || strpbrk(line, "\t\n")) return;
    snprintf(line + n, sizeof line - (size_t)n, "\t%s", description ? description : "");
    for (char *p = line + n + 1; *p; p++)
        if (*p == '\n' || *p == '\t') *p = ' ';
    for (size_t i = 0; i < c->count; i++)
        if (strncmp(c->items[i], line, (size_t)n + 1) == 0) return;
    char **grown = realloc(c->items, (c->count + 1) * sizeof *grown);
    if (!grown) return;
    c->items = grown;
    c->items[c->count] = strdup(line);
    if (c->items[c->count]) c->count++;
}

void candidates_done(struct candidates *c)
{
    for (size_t i = 0; i < c->count; i++)
        free(c->items[i]);
    free(c->items);
    *c = (struct candidates){0};
}

struct completing {
    struct candidates candidates;
    const struct command *command;
    const char *dir; /* --dir, as far as it was typed */
    bool files, directories;
};

static void add_values(struct completing *c, const char *before, const char *spec);

/* What a word in capitals stands for. */
static void add_class(struct completing *c, const char *before, const char *name)
{
    static const struct {
        const char *name, *choices;
    } choices[] = {
        {"MODE", "observe|recommend|act"},
        {"LEVEL", "debug|info|warn|error|off"},
        {"SEVERITY", "low|medium|high"},
        {"DURATION", "10m|1h|24h|7d"},
        {"WHAT", "issue|decision|intent|outcome|verification|drift|silence|pause|resume"},
    };
    static const struct {
        const char *name;
        enum project_names what;
    } of_project[] = {
        {"POLICY", NAMES_POLICIES}, {"TARGET", NAMES_TARGETS},     {"RESOURCE", NAMES_JOURNAL},
        {"TARGET", NAMES_JOURNAL},  {"RECEIVER", NAMES_RECEIVERS},
    };
    struct candidates *found = &c->candidates;
    if (strcmp(name, "WORLD") == 0) {
        const char *colon = strstr(found->typed, "sim:");
        c->files |= colon != NULL;
        if (!colon) add_values(c, before, "aws|sim|sim:");
    } else if (strcmp(name, "FILE") == 0 || strcmp(name, "PATH") == 0 || strcmp(name, "ARG") == 0 ||
               strcmp(name, "SOCKET") == 0) {
        c->files = true;
    } else if (strcmp(name, "DIR") == 0) {
        c->directories = true;
    } else if (strcmp(name, "ID") == 0 && strncmp(c->command->name, "silence", 7) == 0) {
        project_names_add(c->dir, NAMES_SILENCES, found, before);
    }
    for (size_t i = 0; i < COUNT_OF(choices); i++)
        if (strcmp(name, choices[i].name) == 0) add_values(c, before, choices[i].choices);
    for (size_t i = 0; i < COUNT_OF(of_project); i++)
        if (strcmp(name, of_project[i].name) == 0)
            project_names_add(c->dir, of_project[i].what, found, before);
}

/* Candidates of a value or an operand as usage writes it: "text|json", "[POLICY|TARGET]". */
static void add_values(struct completing *c, const char *before, const char *spec)
{
    char word[64];
    while (*spec) {
        size_t len = strcspn(spec, "|");
        if (len < sizeof word) {
            memcpy(word, spec, len);
            word[len] = '\0';
            if (islower((unsigned char)word[0]))
                candidates_add(&c->candidates, before, word, NULL);
            else
                add_class(c, before, word);
        }
        spec += len + (spec[len] == '|');
    }
}

static void add_option_values(struct completing *c, const char *before,
                              const struct option_spec *option)
{
    static const char *const formats[] = {"text", "gcc", "json"};
    char spec[64] = "";
    const char *value = option->value;
    for (size_t i = 0; i < COUNT_OF(formats) && strcmp(value, "FORMAT") == 0; i++)
        if (strstr(option->help, formats[i])) /* its words tell which there are */
            candidates_add(&c->candidates, before, formats[i], NULL);
    if (strcmp(value, "NAME") == 0) value = option->name; /* --policy NAME: a POLICY */
    for (size_t i = 0; value[i] && value[i] != '.' && i + 1 < sizeof spec; i++) {
        spec[i] = value[i];
        if (value == option->name) spec[i] = (char)toupper((unsigned char)value[i]);
    }
    add_values(c, before, spec);
}

/* The n-th word of `operands` ("FILE [ARG...]"), without brackets and dots; the last one repeats
 * where it ends in dots. */
static bool operand_spec(const char *operands, size_t n, char *out, size_t size)
{
    size_t len = 0;
    for (;; n--) {
        while (*operands == ' ' || *operands == '[')
            operands++;
        len = strcspn(operands, " ].");
        bool repeats = operands[len] == '.';
        if (n == 0 || repeats || len == 0) break;
        operands += len + strspn(operands + len, " ].");
    }
    if (len == 0 || len >= size) return false;
    memcpy(out, operands, len);
    out[len] = '\0';
    return true;
}

static const struct option_spec *option_named(const struct command *command, const char *word)
{
    size_t len = strcspn(word, "="), dashes = word[0] == '-' && word[1] == '-' ? 2 : 1;
    if (word[0] != '-' || len <= dashes) return NULL;
    for (const struct option_spec *o = command->options; o->name; o++)
        if (strlen(option_dashes(o)) == dashes && strlen(o->name) == len - dashes &&
            memcmp(o->name, word + dashes, len - dashes) == 0)
            return o;
    return NULL;
}

static void add_options(struct completing *c, char **words, size_t count)
{
    for (const struct option_spec *o = c->command->options; o->name; o++) {
        bool given = false, repeats = o->value && strstr(o->value, "...");
        for (size_t i = 0; i < count && !repeats; i++)
            given |= option_named(c->command, words[i]) == o;
        if (!given) candidates_add(&c->candidates, option_dashes(o), o->name, o->help);
    }
    candidates_add(&c->candidates, "", "--help", "its usage");
}

/* words: those behind the command's name, the last one being typed. */
static void complete_arguments(struct completing *c, char **words, size_t count)
{
    const struct option_spec *waiting = NULL; /* the option whose value comes next */
    size_t operands = 0;
    bool options_over = false;
    for (size_t i = 0; i + 1 < count; i++) {
        const struct option_spec *o = options_over ? NULL : option_named(c->command, words[i]);
        if (waiting) {
            if (strcmp(waiting->name, "dir") == 0) c->dir = words[i];
            waiting = NULL;
        } else if (o) {
            const char *equals = strchr(words[i], '=');
            if (o->value && !equals) waiting = o;
            if (equals && strcmp(o->name, "dir") == 0) c->dir = equals + 1;
        } else if (strcmp(words[i], "--") == 0) {
            options_over = true;
        } else {
            operands++;
            options_over |= c->command->rest_is_operands;
        }
    }
    char *typed = words[count - 1], before[WORD_MAX], spec[64];
    const struct option_spec *o = options_over ? NULL : option_named(c->command, typed);
    if (waiting) {
        add_option_values(c, "", waiting);
    } else if (o && o->value && strchr(typed, '=')) {
        snprintf(before, sizeof before, "%.*s", (int)strcspn(typed, "=") + 1, typed);
        add_option_values(c, before, o);
    } else if (typed[0] == '-' && !options_over) {
        add_options(c, words, count - 1);
    } else if (operands < c->command->max_operands &&
               operand_spec(c->command->operands, operands, spec, sizeof spec)) {
        add_values(c, "", spec);
        if (strcmp(c->command->name, "resume") == 0)
            project_names_add(c->dir, NAMES_PAUSED, &c->candidates, "");
    } else if (!options_over) {
        add_options(c, words, count - 1);
    }
}

/* "list, route, test": the second words of the commands that begin with `first`. */
static void list_family(const char *first, size_t len, char *out, size_t size)
{
    size_t used = 0;
    for (const struct command *k = commands; k->name && used < size; k++)
        if (strncmp(k->name, first, len) == 0 && k->name[len] == ' ')
            used += (size_t)snprintf(out + used, size - used, "%s%s", used ? ", " : "",
                                     k->name + len + 1);
}

/* The first words of all commands, or the second ones of those that begin with `first`. */
static void complete_command(struct completing *c, const char *first)
{
    char word[64], family[256];
    for (const struct command *k = commands; k->name; k++) {
        size_t len = strcspn(k->name, " ");
        bool two = k->name[len] == ' ';
        if (first && (!two || strlen(first) != len || memcmp(first, k->name, len) != 0)) continue;
        snprintf(word, sizeof word, "%.*s", (int)len, k->name);
        if (two) list_family(k->name, len, family, sizeof family);
        if (first)
            candidates_add(&c->candidates, "", k->name + len + 1, k->summary);
        else
            candidates_add(&c->candidates, "", word, two ? family : k->summary);
    }
    if (!first) candidates_add(&c->candidates, "", "help", "what there is");
}

static void complete(struct completing *c, char **words, size_t count)
{
    const struct command *one = NULL, *two = NULL;
    if (count <= 1) {
        complete_command(c, NULL);
        return;
    }
    for (const struct command *k = commands; k->name; k++) {
        size_t len = strcspn(k->name, " ");
        if (strlen(words[0]) != len || memcmp(words[0], k->name, len) != 0) continue;
        if (!k->name[len]) one = k;
        if (k->name[len] && count > 2 && strcmp(words[1], k->name + len + 1) == 0) two = k;
    }
    if (count == 2) complete_command(c, words[0]);
    c->command = two ? two : one;
    if (c->command) complete_arguments(c, words + (two ? 2 : 1), count - (two ? 2 : 1));
}

/* bash cuts words at "=" and ":", and completes what is behind: puts them together again, in
 * `arena`, and answers how much of the last one bash keeps for itself. */
static size_t join_words(char **words, size_t *count, char *arena)
{
    size_t kept = 0, cut = 0;
    bool behind = false; /* the word before is a mark */
    for (size_t i = 0; i < *count; i++) {
        const char *word = words[i];
        bool mark = strcmp(word, "=") == 0 || strcmp(word, ":") == 0;
        if (kept > 0 && (mark || behind)) {
            arena--; /* the end of the word before */
        } else {
            words[kept++] = arena;
            cut = 0;
        }
        arena = stpcpy(arena, word) + 1;
        if (mark) cut = strlen(words[kept - 1]);
        behind = mark;
    }
    *count = kept;
    return cut;
}

static int print_words(char **operands, size_t count, bool bash)
{
    char *empty = (char *)"";
    struct completing c = {.dir = "."};
    size_t bytes = 1, kept = count ? count : 1;
    for (size_t i = 0; i < count; i++)
        bytes += strlen(operands[i]) + 1;
    char **words = calloc(kept, sizeof *words), *arena = malloc(bytes);
    if (words && arena) {
        memcpy(words, count ? operands : &empty, kept * sizeof *words);
        if (bash) c.candidates.cut = join_words(words, &kept, arena);
        c.candidates.typed = words[kept - 1];
        complete(&c, words, kept);
        if (c.files) puts(":files");
        if (c.directories) puts(":directories");
        for (size_t i = 0; i < c.candidates.count; i++)
            puts(c.candidates.items[i] + c.candidates.cut);
        candidates_done(&c.candidates);
    }
    free(arena);
    free(words);
    return 0;
}

int command_completion(const struct arguments *arguments)
{
    static const char *const shells[] = {"bash", "zsh", "fish", NULL};
    const char *word = arguments->operands[0];
    bool bash = strcmp(word, "bash-words") == 0;
    if (bash || strcmp(word, "words") == 0)
        return print_words(arguments->operands + 1, arguments->operand_count - 1, bash);
    char name[64];
    snprintf(name, sizeof name, "completion_%s", word);
    const struct prelude_file *script = prelude_find(name);
    if (!script || arguments->operand_count > 1) {
        const char *near = nearest_name(word, shells);
        fprintf(stderr, "moontide completion: bash, zsh or fish, not: %s", word);
        if (near) fprintf(stderr, " (did you mean '%s'?)", near);
        fputs("\n", stderr);
        return 1;
    }
    fwrite(script->source, 1, script->len, stdout);
    return 0;
}
