/* bind/docs.c - the list of all that is documented, in the order in which it is shown. */
#include "moontide/bind/docs.h"

#include "docs_list.h"

#include <stddef.h>

const struct vm_docs *const docs_modules[] = {
    &json_docs,    &json_null_docs, &json_encode_docs, &async_docs,  &coroutine_docs, &random_docs,
    &protect_docs, &pairs_docs,     &table_docs,       &string_docs, &sandbox_docs,   NULL,
};
