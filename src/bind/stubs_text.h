/* bind/stubs_text.h - what the files made of the list of documentation share. Private to the layer.
 */
#ifndef MOONTIDE_BIND_STUBS_TEXT_H
#define MOONTIDE_BIND_STUBS_TEXT_H

#include "moontide/bind/docs.h"
#include "moontide/bind/kinds.h"
#include "moontide/bind/stubs.h"

/* Whether both tell of one module, class or alias, or of globals. */
bool docs_same(const struct vm_docs *a, const struct vm_docs *b);
/* The first part that tells of it. */
const struct vm_docs *docs_first(const struct vm_docs *docs);
/* "" for globals. */
const char *docs_name(const struct vm_docs *docs);
/* Whether there is a module of this name. */
bool docs_has_module(const char *name, size_t len);

/* Lines of at most `width` bytes, each with the prefix before and a newline behind it. */
void put_wrapped(struct strbuf *out, const char *prefix, const char *text, size_t width);
/* "policies and scripts" */
void put_where(struct strbuf *out, unsigned where);
/* "aws.application_autoscaling": the class of a service's client. */
void stubs_service_class(const char *service, char out[64]);
/* The type of a kind's field as LuaCATS has it. */
const char *kind_type_name(enum kind_type type);
/* Without the "?" that says that a field may be left out. */
size_t field_type_len(const struct vm_field *field);
bool field_is_optional(const struct vm_field *field);

#endif
