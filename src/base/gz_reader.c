/* base/gz_reader.c - isa-l's inflate over a file, block by block.
 *
 *   gz_open ---> PLAIN ------------------------> END
 *      |
 *      +-------> MEMBER <--- more bytes --- BETWEEN ---> END (nothing or zeros follow)
 *                   +------ trailer ok -------^
 *
 * Any state may end in FAILED, which keeps its fault. */
#include "moontide/base/gz_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <isa-l/igzip_lib.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { IN_BYTES = 128 * 1024 };

enum state { PLAIN, MEMBER, BETWEEN, END, FAILED };

struct gz_reader {
    enum state state;
    int fd;
    uint64_t taken, total; /* bytes of the file */
    char *path;
    struct fault fault; /* when FAILED */
    struct inflate_state inflate;
    unsigned char in[IN_BYTES]; /* what inflate.next_in looks into */
    char out[GZ_BLOCK_BYTES];
};

static int failed(struct gz_reader *reader, int code, const char *why)
{
    reader->state = FAILED;
    return fault_set(&reader->fault, code, "%s: %s, after %llu of %llu bytes%s", reader->path, why,
                     (unsigned long long)gz_done_bytes(reader), (unsigned long long)reader->total,
                     code == ERR_CORRUPT ? "; what it gave before is good" : "");
}

/* Reads until size or the end of the file; negative: failed. */
static int read_some(struct gz_reader *reader, void *out, size_t size, size_t *len)
{
    for (*len = 0; *len < size;) {
        ssize_t got = read(reader->fd, (char *)out + *len, size - *len);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return failed(reader, ERR_IO, strerror(errno));
        if (got == 0) break;
        *len += (size_t)got;
        reader->taken += (uint64_t)got;
    }
    return OK;
}

static int fill(struct gz_reader *reader)
{
    size_t len;
    int code = read_some(reader, reader->in, IN_BYTES, &len);
    if (code < 0) return code;
    reader->inflate.next_in = reader->in;
    reader->inflate.avail_in = (uint32_t)len;
    return OK;
}

static void begin_member(struct gz_reader *reader)
{
    isal_inflate_reset(&reader->inflate);
    reader->inflate.crc_flag = ISAL_GZIP;
    reader->state = MEMBER;
}

/* After a member: the next one, padding, or the end. */
static int between(struct gz_reader *reader)
{
    struct inflate_state *inflate = &reader->inflate;
    for (;;) {
        if (inflate->avail_in == 0) {
            int code = fill(reader);
            if (code < 0) return code;
            if (inflate->avail_in == 0) {
                reader->state = END;
                return OK;
            }
        }
        if (*inflate->next_in != 0) break;
        inflate->next_in++;
        inflate->avail_in--;
    }
    if (*inflate->next_in != 0x1f)
        return failed(reader, ERR_CORRUPT, "what follows the last member is no gzip");
    begin_member(reader);
    return OK;
}

static const char *inflate_text(int rc)
{
    switch (rc) {
    case ISAL_INCORRECT_CHECKSUM: return "the checksum of the gzip is wrong";
    case ISAL_INVALID_WRAPPER: return "the header of the gzip is damaged";
    case ISAL_UNSUPPORTED_METHOD: return "a gzip of an unknown method";
    default: return "the gzip is damaged";
    }
}

/* Goes on with the member; what came out of it is in the block even when it failed. */
static int inflate_some(struct gz_reader *reader)
{
    struct inflate_state *inflate = &reader->inflate;
    if (inflate->avail_in == 0) {
        int code = fill(reader);
        if (code < 0) return code;
    }
    bool last = inflate->avail_in == 0;
    uint32_t room = inflate->avail_out;
    int rc = isal_inflate(inflate);
    if (rc != ISAL_DECOMP_OK) return failed(reader, ERR_CORRUPT, inflate_text(rc));
    if (inflate->block_state == ISAL_BLOCK_FINISH)
        reader->state = BETWEEN;
    else if (last && inflate->avail_out == room) /* nothing goes in, nothing comes out */
        return failed(reader, ERR_CORRUPT, "the gzip ends early");
    return OK;
}

/* Fills the block from as many members as it takes. */
static size_t next_block(struct gz_reader *reader)
{
    struct inflate_state *inflate = &reader->inflate;
    inflate->next_out = (uint8_t *)reader->out;
    inflate->avail_out = GZ_BLOCK_BYTES;
    int code = OK;
    while (code == OK && inflate->avail_out > 0 && reader->state != END)
        code = reader->state == MEMBER ? inflate_some(reader) : between(reader);
    return GZ_BLOCK_BYTES - inflate->avail_out;
}

static size_t next_plain(struct gz_reader *reader)
{
    size_t len = 0;
    if (read_some(reader, reader->out, GZ_BLOCK_BYTES, &len) == OK && len == 0) reader->state = END;
    return len;
}

int gz_next(struct gz_reader *reader, const char **bytes, size_t *len, struct fault *fault)
{
    size_t got = 0;
    if (reader->state == PLAIN)
        got = next_plain(reader);
    else if (reader->state != END && reader->state != FAILED)
        got = next_block(reader);
    if (got > 0) {
        *bytes = reader->out;
        *len = got;
        return 1;
    }
    if (reader->state != FAILED) return 0;
    if (fault) *fault = reader->fault;
    return reader->fault.code;
}

/* Opens and looks at the first bytes: gzip begins with 1f 8b. */
static int start(struct gz_reader *reader, struct fault *fault)
{
    struct stat st;
    const char *path = reader->path;
    reader->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not hang us */
    if (reader->fd < 0 || fstat(reader->fd, &st) < 0)
        return fault_set(fault, err_from_errno(errno), "%s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode)) return fault_set(fault, ERR_INVALID, "%s: not a regular file", path);
    reader->total = (uint64_t)st.st_size;
    unsigned char magic[2] = {0};
    ssize_t got = pread(reader->fd, magic, sizeof magic, 0);
    if (got < 0) return fault_set(fault, ERR_IO, "%s: %s", path, strerror(errno));
    isal_inflate_init(&reader->inflate);
    reader->inflate.avail_in = 0;
    if (got == 2 && magic[0] == 0x1f && magic[1] == 0x8b) begin_member(reader);
    return OK;
}

int gz_open(const char *path, struct gz_reader **out, struct fault *fault)
{
    struct gz_reader *reader = malloc(sizeof *reader);
    if (!reader) return fault_set(fault, ERR_NOMEM, "%s: out of memory", path);
    reader->state = PLAIN;
    reader->fd = -1;
    reader->taken = 0;
    reader->path = strdup(path);
    int code = reader->path ? start(reader, fault)
                            : fault_set(fault, ERR_NOMEM, "%s: out of memory", path);
    if (code < 0) {
        gz_close(reader);
        return code;
    }
    *out = reader;
    return OK;
}

void gz_close(struct gz_reader *reader)
{
    if (!reader) return;
    if (reader->fd >= 0) close(reader->fd);
    free(reader->path);
    free(reader);
}

uint64_t gz_done_bytes(const struct gz_reader *reader)
{
    return reader->taken - reader->inflate.avail_in;
}

uint64_t gz_total_bytes(const struct gz_reader *reader)
{
    return reader->total;
}
