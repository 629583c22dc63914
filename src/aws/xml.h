/* aws/xml.h - an XML answer from its first byte to its last, by expat: what a reader of one sees
 * are elements and texts. Document types are refused, as without them there are no entities to
 * expand. */
#ifndef MOONTIDE_AWS_XML_H
#define MOONTIDE_AWS_XML_H

#include "moontide/base/compiler.h"
#include "moontide/base/err.h"

#include <expat.h>
#include <stddef.h>

/* The first member of whoever reads: the handlers get it as their `data`, and find themselves. */
struct xml_reading {
    XML_StartElementHandler begins;
    XML_EndElementHandler ends; /* after xml_stop() too, for the element at hand */
    XML_CharacterDataHandler text_comes;
    XML_Parser parser; /* NULL outside xml_read() */
    int code;
    const char *error; /* lives for ever */
    long long at;      /* the byte where it ended */
};

/* Reads no further; the first reason counts. */
void xml_stop(struct xml_reading *reading, int code, const char *error);
/* OK, what xml_stop() was told, ERR_PARSE, or ERR_NOMEM; so is reading->code. */
MUST_CHECK int xml_read(struct xml_reading *reading, const char *body, size_t len);

#endif
