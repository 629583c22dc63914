/* base/err.c - the table of error codes, and faults. */
#include "moontide/base/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

struct entry {
    int code;
    const char *name;
    const char *text;
    bool retryable;
};

static const struct entry table[] = {
#define X(name, number, text, retryable) {number, #name, text, retryable},
    ERR_TABLE(X)
#undef X
};

static const struct entry *find(int code)
{
    for (size_t i = 0; i < COUNT_OF(table); i++)
        if (table[i].code == code) return &table[i];
    return NULL;
}

const char *err_text(int code)
{
    if (code >= 0) return "ok";
    const struct entry *e = find(code);
    return e ? e->text : "unknown error";
}

const char *err_name(int code)
{
    if (code >= 0) return "OK";
    const struct entry *e = find(code);
    return e ? e->name : "ERR_UNKNOWN";
}

bool err_retryable(int code)
{
    const struct entry *e = find(code);
    return e && e->retryable;
}

int err_from_errno(int errnum)
{
    switch (errnum) {
    case 0: return OK;
    case ENOMEM: return ERR_NOMEM;
    case ENOENT:
    case ENOTDIR: return ERR_NOT_FOUND;
    case EACCES:
    case EPERM:
    case EROFS: return ERR_DENIED;
    case ENOSPC:
    case EDQUOT: return ERR_FULL;
    case ETIMEDOUT: return ERR_TIMEOUT;
    case ECONNREFUSED:
    case ECONNRESET:
    case ECONNABORTED:
    case EHOSTUNREACH:
    case ENETDOWN:
    case ENETUNREACH: return ERR_CONNECT;
    case EEXIST:
    case EADDRINUSE: return ERR_EXISTS;
    case EINVAL: return ERR_INVALID;
    case EAGAIN:
    case EBUSY: return ERR_BUSY;
    default: return ERR_IO;
    }
}

int err_from_uv(int status)
{
    if (status >= 0) return OK;
    if (status == UV_ECANCELED) return ERR_CANCELED;
    if (status == UV_EOF) return ERR_CLOSED;
    if (status == UV_EAI_MEMORY) return ERR_NOMEM;
    if (status <= UV_EAI_ADDRFAMILY && status >= UV_EAI_PROTOCOL) return ERR_CONNECT; /* names */
    return err_from_errno(-status); /* on Unix libuv's codes are negated errno values */
}

int fault_vset(struct fault *fault, int code, const char *format, va_list args)
{
    if (!fault) return code;
    char text[FAULT_TEXT_MAX]; /* an argument may be this fault's own text */
    int n = vsnprintf(text, sizeof text, format, args);
    if (n < 0) text[0] = '\0';
    if (n >= (int)sizeof text) {
        size_t end = sizeof text - 4;
        while (end > 0 && ((unsigned char)text[end] & 0xC0) == 0x80)
            end--;
        memcpy(text + end, "...", 4);
    }
    fault->code = code;
    fault->line = 0;
    fault->column = 0;
    fault->end_column = 0;
    fault->id = NULL;
    fault->file[0] = '\0';
    fault->hint[0] = '\0';
    memcpy(fault->text, text, strlen(text) + 1);
    return code;
}

int fault_set(struct fault *fault, int code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fault_vset(fault, code, format, args);
    va_end(args);
    return code;
}

void fault_at(struct fault *fault, const char *file, int line, int column)
{
    if (!fault) return;
    snprintf(fault->file, sizeof fault->file, "%s", file ? file : "");
    fault->line = line;
    fault->column = column;
}

void fault_explain(struct fault *fault, const char *id, const char *hint)
{
    if (!fault) return;
    fault->id = id;
    snprintf(fault->hint, sizeof fault->hint, "%s", hint ? hint : "");
}

void fault_print(const struct fault *fault, char *out, unsigned long size)
{
    if (fault->file[0] && fault->line && fault->column)
        snprintf(out, size, "%s:%d:%d: %s", fault->file, fault->line, fault->column, fault->text);
    else if (fault->file[0] && fault->line)
        snprintf(out, size, "%s:%d: %s", fault->file, fault->line, fault->text);
    else if (fault->file[0])
        snprintf(out, size, "%s: %s", fault->file, fault->text);
    else
        snprintf(out, size, "%s", fault->text);
}
