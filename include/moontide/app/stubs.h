/* app/stubs.h - what an editor needs in a project directory: types/moontide/ (LuaCATS stubs and the
 * globals for luacheck, always written anew) and .luarc.json and .luacheckrc, which belong to the
 * project: written once, then only said what to add to them. */
#ifndef MOONTIDE_APP_STUBS_H
#define MOONTIDE_APP_STUBS_H

#include "moontide/base/compiler.h"
#include "moontide/base/err.h"

/* Says on standard output what it wrote and kept. The operator's own kinds are those in the
 * policies of dir's moontide.lua; one that cannot be loaded is left out. */
MUST_CHECK int stubs_write(const char *dir, struct fault *fault);

#endif
