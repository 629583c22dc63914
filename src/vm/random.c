/* vm/random.c - math.random of a policy state: the same numbers for the same (policy, target,
 * tick).
 *
 * xoshiro256** (Blackman and Vigna, 2018), seeded through splitmix64. vm_seed() only notes the
 * seed; the state is filled by the first use. */
#include "state.h"

#include "moontide/vm/docs.h"

static uint64_t rotl(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}

static void fill(struct vm *vm)
{
    uint64_t x = vm->seed;
    for (int i = 0; i < 4; i++) { /* splitmix64 */
        uint64_t z = (x += 0x9e3779b97f4a7c15u);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        vm->random[i] = z ^ (z >> 31);
    }
    vm->seeded = true;
}

static uint64_t next(struct vm *vm)
{
    if (!vm->seeded) fill(vm);
    uint64_t *s = vm->random;
    uint64_t result = rotl(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return result;
}

/* Uniform in 0..range: draws of as many bits as range has, until one fits. */
static uint64_t below(struct vm *vm, uint64_t range)
{
    uint64_t mask = range;
    for (int shift = 1; shift < 64; shift *= 2)
        mask |= mask >> shift;
    uint64_t value;
    do
        value = next(vm) & mask;
    while (value > range);
    return value;
}

static int host_random(lua_State *L)
{
    struct vm *vm = vm_of(L);
    lua_Integer low = 1;
    lua_Integer high;
    switch (lua_gettop(L)) {
    case 0: lua_pushnumber(L, (lua_Number)(next(vm) >> 11) * 0x1p-53); return 1;
    case 1:
        high = luaL_checkinteger(L, 1);
        if (high == 0) {
            lua_pushinteger(L, (lua_Integer)next(vm));
            return 1;
        }
        break;
    case 2:
        low = luaL_checkinteger(L, 1);
        high = luaL_checkinteger(L, 2);
        break;
    default: return luaL_error(L, "wrong number of arguments");
    }
    luaL_argcheck(L, low <= high, lua_gettop(L), "interval is empty");
    uint64_t value = below(vm, (uint64_t)high - (uint64_t)low) + (uint64_t)low;
    lua_pushinteger(L, (lua_Integer)value);
    return 1;
}

static int host_randomseed(lua_State *L)
{
    lua_Number n = luaL_optnumber(L, 1, 0);
    lua_Integer seed;
    if (!lua_numbertointeger(n, &seed))
        seed = (lua_Integer)(n > 0 ? LUA_MAXINTEGER : LUA_MININTEGER);
    if (lua_isinteger(L, 1)) seed = lua_tointeger(L, 1);
    vm_seed(vm_of(L), (uint64_t)seed);
    return 0;
}

static const struct vm_function functions[] = {
    {"random", host_random, "(): number\n(m: integer): integer\n(m: integer, n: integer): integer",
     "A number from 0 up to 1, a whole number from 1 to m or from m to n, all with equal chance; "
     "with 0 any integer. In a policy the numbers are the same for the same policy, target and "
     "tick. An error when the interval is empty."},
    {"randomseed", host_randomseed, "(seed?: number)",
     "Starts the numbers of math.random anew; in a policy until the evaluation ends."},
    {NULL, NULL, NULL, NULL}};

const struct vm_docs random_docs = {DOCS_MODULE, "math",    DOCS_ALL | DOCS_STANDARD,
                                    NULL,        functions, NULL};

void sandbox_random(lua_State *L)
{
    vm_set_functions(L, functions);
}
