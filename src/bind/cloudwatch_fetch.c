/* bind/cloudwatch_fetch.c - cloudwatch.fetch: the declared series, asked at once and waited for. */
#include "moontide/bind/declaration.h"

int cloudwatch_fetch(lua_State *L)
{
    return luaL_error(L, "cloudwatch.fetch is not available here");
}
