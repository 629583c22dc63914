/* vm/lines.c - reads the lines out of a compiled chunk, in the format of Lua 5.4.
 *
 *   header: "\x1bLua" 0x54 0x00 "\x19\x93\r\n\x1a\n" sizes of instruction, integer, number, then
 *           two samples; then the number of upvalues, then the main function
 *   function: source, linedefined, lastlinedefined, 3 bytes, code, constants, upvalues, functions,
 *             line differences (a byte an instruction), absolute lines, local names, upvalue names
 *
 * Only what our own Lua has just written is read; the bounds are checked all the same. */
#include "moontide/vm/lines.h"

#include "moontide/base/strbuf.h"
#include "state.h"

#include <string.h>

enum {
    DUMP_BYTES_MAX = 64 * 1024 * 1024,
    CODE_BYTES = 4, /* of an instruction, the opcode in the low bits of the first */
    OPCODE_MASK = 0x7f,
    TAILCALL = 69,       /* OP_TAILCALL; the return behind it never runs */
    ABSOLUTE_LINE = -128 /* ABSLINEINFO: the line stands in the table of absolute ones */
};

struct dump {
    const unsigned char *at, *end;
    void (*each)(void *data, int line);
    void *data;
    bool bad;
};

static const unsigned char *take(struct dump *d, size_t n)
{
    const unsigned char *at = d->at;
    if (d->bad || (size_t)(d->end - d->at) < n) {
        d->bad = true;
        return NULL;
    }
    d->at += n;
    return at;
}

/* Seven bits a byte, the highest first; the last has its top bit set. */
static size_t take_size(struct dump *d)
{
    size_t value = 0;
    for (;;) {
        const unsigned char *byte = take(d, 1);
        if (!byte || value > (SIZE_MAX >> 7)) {
            d->bad = true;
            return 0;
        }
        value = value << 7 | (*byte & 0x7f);
        if (*byte & 0x80) return value;
    }
}

static void skip_string(struct dump *d)
{
    size_t size = take_size(d);
    if (size > 1) (void)take(d, size - 1);
}

static void skip_constants(struct dump *d)
{
    size_t count = take_size(d);
    for (size_t i = 0; i < count && !d->bad; i++) {
        const unsigned char *type = take(d, 1);
        if (!type) return;
        switch (*type) {
        case 0x13: (void)take(d, sizeof(lua_Number)); break;  /* LUA_VNUMFLT */
        case 0x03: (void)take(d, sizeof(lua_Integer)); break; /* LUA_VNUMINT */
        case 0x04:                                            /* LUA_VSHRSTR */
        case 0x14: skip_string(d); break;                     /* LUA_VLNGSTR */
        default: break;                                       /* nil, false, true */
        }
    }
}

struct absolute {
    size_t pc;
    int line;
};

/* Whether nobody wrote the instruction: what prepares varargs, the return behind a tail call, the
 * return at the end. */
static bool is_made_up(const unsigned char *code, size_t pc, size_t count, bool is_vararg)
{
    if ((pc == 0 && is_vararg) || pc + 1 == count) return true;
    return pc > 0 && (code[(pc - 1) * CODE_BYTES] & OPCODE_MASK) == TAILCALL;
}

/* The absolute lines follow the differences, so these are kept by where they stand. */
static void tell_lines(struct dump *d, const unsigned char *code, const unsigned char *differences,
                       size_t count, int line, bool is_vararg)
{
    size_t left = take_size(d);
    struct absolute next = {SIZE_MAX, 0};
    for (size_t pc = 0; pc < count && !d->bad; pc++) {
        if ((signed char)differences[pc] == ABSOLUTE_LINE) {
            if (left == 0) d->bad = true;
            next.pc = take_size(d);
            next.line = (int)take_size(d);
            left = left ? left - 1 : 0;
            if (next.pc != pc) d->bad = true;
            line = next.line;
        } else {
            line += (signed char)differences[pc];
        }
        if (!d->bad && !is_made_up(code, pc, count, is_vararg)) d->each(d->data, line);
    }
    for (; left > 0 && !d->bad; left--) {
        (void)take_size(d);
        (void)take_size(d);
    }
}

static void read_function(struct dump *d, int depth)
{
    if (depth > VM_DEPTH_MAX + 10) d->bad = true;
    skip_string(d);
    int defined = (int)take_size(d);
    (void)take_size(d);
    const unsigned char *flags = take(d, 3); /* parameters, vararg, stack */
    bool is_vararg = flags && flags[1];
    size_t code_count = take_size(d);
    const unsigned char *code =
        take(d, code_count > SIZE_MAX / CODE_BYTES ? SIZE_MAX : code_count * CODE_BYTES);
    skip_constants(d);
    size_t upvalues = take_size(d);
    (void)take(d, upvalues > SIZE_MAX / 3 ? SIZE_MAX : upvalues * 3);
    size_t functions = take_size(d);
    for (size_t i = 0; i < functions && !d->bad; i++)
        read_function(d, depth + 1);
    size_t count = take_size(d);
    const unsigned char *differences = take(d, count);
    if (d->bad || (count > 0 && count != code_count)) {
        d->bad = true;
        return;
    }
    tell_lines(d, code, differences, count, defined, is_vararg);
    size_t locals = take_size(d);
    for (size_t i = 0; i < locals && !d->bad; i++) {
        skip_string(d);
        (void)take_size(d);
        (void)take_size(d);
    }
    size_t names = take_size(d);
    for (size_t i = 0; i < names && !d->bad; i++)
        skip_string(d);
}

static void read_header(struct dump *d)
{
    static const unsigned char begin[] = "\x1bLua\x54\x00\x19\x93\r\n\x1a\n";
    const unsigned char *header = take(d, sizeof begin - 1);
    if (!header || memcmp(header, begin, sizeof begin - 1) != 0) d->bad = true;
    const unsigned char *sizes = take(d, 3);
    if (!sizes || sizes[0] != CODE_BYTES || sizes[1] != sizeof(lua_Integer) ||
        sizes[2] != sizeof(lua_Number))
        d->bad = true;
    (void)take(d, sizeof(lua_Integer) + sizeof(lua_Number) + 1);
}

static int write_dump(lua_State *L, const void *bytes, size_t len, void *data)
{
    struct strbuf *out = data;
    (void)L;
    strbuf_add(out, bytes, len);
    return strbuf_status(out) < 0;
}

static int read_dump(struct vm *vm, void (*each)(void *data, int line), void *data,
                     struct fault *fault)
{
    struct strbuf dump;
    strbuf_init(&dump, DUMP_BYTES_MAX);
    int failed = lua_dump(vm_lua(vm), write_dump, &dump, 0);
    int code = strbuf_status(&dump);
    if (failed || code < 0) {
        strbuf_done(&dump);
        return fault_set(fault, code < 0 ? code : ERR_NOMEM, "out of memory");
    }
    const unsigned char *bytes = (const unsigned char *)strbuf_cstr(&dump);
    struct dump d = {.at = bytes, .end = bytes + dump.len, .each = each, .data = data};
    read_header(&d);
    read_function(&d, 0);
    if (d.at != d.end) d.bad = true;
    strbuf_done(&dump);
    if (!d.bad) return OK;
    return fault_set(fault, ERR_VERSION,
                     "the lines of compiled Lua cannot be read: this Lua writes another format");
}

int lines_active(const char *source, size_t len, const char *chunkname,
                 void (*each)(void *data, int line), void *data, struct fault *fault)
{
    struct vm *vm = NULL;
    int code = vm_new(&(struct vm_options){.sandboxed = true}, &vm);
    if (code < 0) return fault_set(fault, code, "%s", err_text(code));
    code = vm_load(vm, source, len, chunkname, fault);
    if (code == OK) code = read_dump(vm, each, data, fault);
    vm_free(vm);
    return code;
}
