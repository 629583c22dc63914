/* store/reader.h - the connection that reads, apart from the one that a worker thread writes with.
 */
#ifndef MOONTIDE_STORE_READER_H
#define MOONTIDE_STORE_READER_H

#include "moontide/store/store.h"

#include "database.h"

/* Opened at the first read; belongs to the store. */
MUST_CHECK int store_reader(struct store *store, struct database **out, struct fault *fault);

#endif
