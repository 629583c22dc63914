/* bind/script_state.h - the inside of a script, for those who add to what it offers. */
#ifndef MOONTIDE_BIND_SCRIPT_STATE_H
#define MOONTIDE_BIND_SCRIPT_STATE_H

#include "moontide/bind/script.h"

/* To where echoed values go. */
void script_write(struct script *script, const char *text, size_t len);

#endif
