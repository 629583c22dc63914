/* fuzz/fuzz_cbor.c - any bytes as CBOR: read item by item, and passed over; both must agree on
 * whether it is well formed and where it ends. */
#include "moontide/aws/cbor.h"
#include "target.h"

static void read_item(struct cbor_reader *r, int depth);

static void read_container(struct cbor_reader *r, enum cbor_major major, int depth)
{
    struct cbor_items items;
    double doubles[3];
    if (cbor_open(r, major, &items) < 0) return;
    if (major == CBOR_ARRAY) (void)cbor_doubles(r, &items, doubles, 3);
    size_t before = cbor_offset(r);
    while (cbor_more(r, &items) > 0) {
        read_item(r, depth + 1);
        if (major == CBOR_MAP) read_item(r, depth + 1);
        if (r->status < 0) return;
        fuzz_require(cbor_offset(r) > before);
        before = cbor_offset(r);
    }
}

static void read_item(struct cbor_reader *r, int depth)
{
    struct cbor_text text;
    double number;
    size_t sum = 0;
    int major = cbor_peek(r);
    fuzz_require(depth <= CBOR_DEPTH_MAX);
    switch (major) {
    case CBOR_ARRAY:
    case CBOR_MAP: read_container(r, (enum cbor_major)major, depth); break;
    case CBOR_TEXT:
        if (cbor_text(r, &text) < 0) break;
        for (size_t i = 0; i < text.len; i++)
            sum += (unsigned char)text.at[i];
        fuzz_require(text.len == 0 || sum <= text.len * 255);
        break;
    case CBOR_UINT:
    case CBOR_NEGATIVE: fuzz_require(cbor_number(r, &number) == r->status); break;
    default:
        if (major >= 0) fuzz_require(cbor_skip(r) == r->status);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char *body = fuzz_copy(bytes, len);
    struct cbor_reader read, skip;
    cbor_reader_init(&read, body, len);
    cbor_reader_init(&skip, body, len);
    /* Reading may refuse more (a text too long for its chunks), but never takes what skip refuses.
     * The depth is bounded by skip alone: other readers know how deep their answers are. */
    int skipped = cbor_skip(&skip);
    if (skipped != ERR_LIMIT) {
        read_item(&read, 0);
        fuzz_require(read.status < 0 ||
                     (skipped == OK && cbor_offset(&read) == cbor_offset(&skip)));
    }
    fuzz_require(cbor_offset(&read) <= len && cbor_offset(&skip) <= len);
    fuzz_require(read.status == OK || read.error != NULL);
    fuzz_require(cbor_finish(&read) == read.status);
    cbor_reader_done(&read);
    cbor_reader_done(&skip);
    free(body);
    return 0;
}
