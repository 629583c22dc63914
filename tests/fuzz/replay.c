/* fuzz/replay.c - runs a fuzz target without libFuzzer: on every file of a corpus, then on simple
 * mutations of them, the same ones each time. So the inputs that once broke something, and the
 * targets themselves, are part of the ordinary tests with any compiler.
 *
 *   replay RUNS DIRECTORY        RUNS mutated inputs in all, after the files as they are */
#include "target.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

enum { INPUT_MAX = 1 << 16, FILES_MAX = 10000 };

struct input {
    uint8_t *bytes;
    size_t len;
};

static struct input inputs[FILES_MAX];
static size_t input_count;
static uint64_t random_state = 0x9E3779B97F4A7C15u;

/* xorshift64*, Vigna 2016 */
static size_t below(size_t n)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return n ? (size_t)((random_state * 0x2545F4914F6CDD1Du) >> 32) % n : 0;
}

static void read_input(const char *path)
{
    FILE *file = fopen(path, "rb");
    fuzz_require(file != NULL && input_count < FILES_MAX);
    struct input *input = &inputs[input_count++];
    fuzz_require((input->bytes = malloc(INPUT_MAX)) != NULL);
    input->len = fread(input->bytes, 1, INPUT_MAX, file);
    fuzz_require(fclose(file) == 0);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void read_directory(const char *directory)
{
    struct dirent **entries = NULL;
    int n = scandir(directory, &entries, NULL, by_name);
    for (int i = 0; i < n; i++) {
        char path[4096];
        struct stat st;
        snprintf(path, sizeof path, "%s/%s", directory, entries[i]->d_name);
        if (stat(path, &st) == 0 && S_ISREG(st.st_mode)) read_input(path);
        free(entries[i]);
    }
    free(entries);
}

/* One small change at a random place. */
static void mutate(struct input *m)
{
    size_t at = below(m->len), n = 1 + below(16);
    if (n > m->len - at) n = m->len - at;
    switch (below(6)) {
    case 0: m->bytes[at] ^= (uint8_t)(1u << below(8)); break;
    case 1: m->bytes[at] = (uint8_t)below(256); break;
    case 2: m->len = at; break;
    case 3:
        memmove(m->bytes + at, m->bytes + at + n, m->len - at - n);
        m->len -= n;
        break;
    case 4:
        if (m->len + n > INPUT_MAX) break;
        memmove(m->bytes + at + n, m->bytes + at, m->len - at);
        m->len += n;
        break;
    default: {
        const struct input *other = &inputs[below(input_count)];
        size_t from = below(other->len);
        if (n > other->len - from) n = other->len - from;
        memcpy(m->bytes + at, other->bytes + from, n);
    }
    }
}

int main(int argc, char **argv)
{
    static uint8_t bytes[INPUT_MAX];
    if (argc != 3) {
        fprintf(stderr, "usage: %s RUNS DIRECTORY\n", argv[0]);
        return 1;
    }
    read_directory(argv[2]);
    if (input_count == 0) {
        fprintf(stderr, "no inputs in %s\n", argv[2]);
        return 1;
    }
    for (size_t i = 0; i < input_count; i++)
        LLVMFuzzerTestOneInput(inputs[i].bytes, inputs[i].len);
    long runs = strtol(argv[1], NULL, 10);
    for (long run = 0; run < runs; run++) {
        const struct input *from = &inputs[below(input_count)];
        struct input mutant = {bytes, from->len};
        memcpy(bytes, from->bytes, from->len);
        for (size_t i = 0, changes = 1 + below(4); i < changes && mutant.len > 0; i++)
            mutate(&mutant);
        LLVMFuzzerTestOneInput(mutant.bytes, mutant.len);
    }
    for (size_t i = 0; i < input_count; i++)
        free(inputs[i].bytes);
    printf("%zu inputs, %ld mutations\n", input_count, runs);
    return 0;
}
