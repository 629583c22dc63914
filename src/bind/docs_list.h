/* bind/docs_list.h - the documentation that each binding's file (and vm's) has beside its table. */
#ifndef MOONTIDE_BIND_DOCS_LIST_H
#define MOONTIDE_BIND_DOCS_LIST_H

#include "moontide/vm/docs.h"

/* vm */
extern const struct vm_docs json_docs, json_null_docs, json_encode_docs, async_docs, coroutine_docs,
    random_docs, protect_docs, pairs_docs, table_docs, string_docs, sandbox_docs;

#endif
