/* aws/ini.h - the shared config and credentials files of AWS: sections of "key = value" lines.
 *
 * Lines that begin with # or ; are comments, and so is what follows " #" or " ;". A line that
 * begins with white space continues the property above it; where that one is empty ("s3 =") it is a
 * nested property, kept as "s3.name". Sections of one name are merged, the later value wins. Keys
 * are kept in lower case. A byte order mark and CRLF are accepted. Source: AWS SDKs and Tools
 * Reference Guide, "Shared config and credentials files".
 *
 * Limits: 1 MiB, 10,000 properties. */
#ifndef MOONTIDE_AWS_INI_H
#define MOONTIDE_AWS_INI_H

#include "moontide/base/compiler.h"
#include "moontide/base/err.h"

#include <stdbool.h>
#include <stddef.h>

enum { INI_BYTES_MAX = 1024 * 1024, INI_PROPERTIES_MAX = 10000 };

struct ini;

/* path is only for messages. ERR_PARSE with file and line; ERR_LIMIT, ERR_NOMEM. The values are
 * wiped when freed, as some of them are secrets; so must the caller wipe `text`. */
MUST_CHECK int ini_parse(const char *text, size_t len, const char *path, struct ini **out,
                         struct fault *fault);
/* A file that does not exist is ERR_NOT_FOUND. */
MUST_CHECK int ini_read(const char *path, struct ini **out, struct fault *fault);
void ini_free(struct ini *ini); /* NULL is allowed */

/* Sections by their exact text between the brackets, white space between words made one space and
 * quotes removed: "default", "profile web". ini may be NULL: then nothing is there. */
bool ini_has(const struct ini *ini, const char *section);
const char *ini_get(const struct ini *ini, const char *section, const char *key);

#endif
