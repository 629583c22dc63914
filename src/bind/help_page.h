/* bind/help_page.h - how help is laid out: for help.c alone. */
#ifndef MOONTIDE_SRC_BIND_HELP_PAGE_H
#define MOONTIDE_SRC_BIND_HELP_PAGE_H

#include "moontide/base/strbuf.h"
#include "moontide/bind/docs.h"
#include "moontide/bind/help.h"

struct page {
    struct strbuf *out;
    int width;
    bool color;
};

/* A function with its signatures, a field with its type, or all of a module or class. */
void page_entry(struct page *page, const struct docs_entry *entry);
/* What there is, and the keys of the REPL. */
void page_overview(struct page *page);
/* Words, broken at the width; lines after the first begin at `indent`, where the first one is. */
void page_words(struct page *page, int indent, const char *text);

#endif
