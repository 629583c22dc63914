/* bind/docs_lua.c - Lua's own library as far as moontide leaves it as it is, so that help(x) and
 * .luacheckrc know all of a state. What is changed stands with its code in vm.
 *
 * Size: lists only. */
#include "moontide/vm/docs.h"

#include <stddef.h>

static const struct vm_function base_functions[] = {
    {"error", NULL, "(message: any, level?: integer)",
     "Throws; with a text the place at the level (1: here, 2: the caller, 0: none) stands before "
     "it."},
    {"ipairs", NULL, "(t: table): function, table, integer",
     "Goes over t[1], t[2], ... up to the first nil."},
    {"rawequal", NULL, "(a: any, b: any): boolean", "Equality past metatables."},
    {"rawget", NULL, "(t: table, key: any): any", "A field past the metatable."},
    {"rawlen", NULL, "(v: table|string): integer", "The length past the metatable."},
    {"select", NULL, "(n: integer|\"#\", ...: any): ...: any",
     "The arguments from the n-th on, or with \"#\" how many there are."},
    {"tostring", NULL, "(v: any): string", "A value as text, by its __tostring where it has one."},
    {"tonumber", NULL, "(v: any, base?: integer): number?",
     "A text as a number; nil when it is none."},
    {"type", NULL, "(v: any): string",
     "\"nil\", \"number\", \"string\", \"boolean\", \"table\", \"function\", \"thread\" or "
     "\"userdata\"."},
    {"require", NULL, "(name: string): any",
     "A module, loaded once a state: in policies lib/x.lua of their directory as \"lib.x\"; in "
     "scripts beside the script, in the policies and in the project, then as Lua does. Its own "
     "code may wait."},
    {NULL, NULL, NULL, NULL}};

static const struct vm_function assert_functions[] = {
    {"assert", NULL, "(v: any, message?: any, ...: any): ...: any",
     "Its arguments when the first is true; else throws the message."},
    {NULL, NULL, NULL, NULL}};

static const struct vm_function script_base_functions[] = {
    {"dofile", NULL, "(path?: string): ...: any", "Runs a Lua file."},
    {"loadfile", NULL, "(path?: string, mode?: string, env?: table): function?, string?",
     "Compiles a Lua file; nil and why not."},
    {"warn", NULL, "(message: string, ...: string)",
     "Writes a warning to standard error, when warnings are on (\"@on\")."},
    {NULL, NULL, NULL, NULL}};

static const struct vm_function math_functions[] = {
    {"abs", NULL, "(x: number): number", "Without its sign."},
    {"acos", NULL, "(x: number): number", "In radians."},
    {"asin", NULL, "(x: number): number", "In radians."},
    {"atan", NULL, "(y: number, x?: number): number", "Of y/x in radians, in the right quadrant."},
    {"ceil", NULL, "(x: number): integer", "The smallest whole number that is not less."},
    {"cos", NULL, "(x: number): number", "Of radians."},
    {"deg", NULL, "(x: number): number", "Radians in degrees."},
    {"exp", NULL, "(x: number): number", "e to the x."},
    {"floor", NULL, "(x: number): integer", "The largest whole number that is not more."},
    {"fmod", NULL, "(x: number, y: number): number",
     "The remainder of x / y, rounded towards zero."},
    {"log", NULL, "(x: number, base?: number): number", "The logarithm; natural without a base."},
    {"max", NULL, "(x: number, ...: number): number", "The largest."},
    {"min", NULL, "(x: number, ...: number): number", "The smallest."},
    {"modf", NULL, "(x: number): number, number", "The whole part and the fraction."},
    {"rad", NULL, "(x: number): number", "Degrees in radians."},
    {"sin", NULL, "(x: number): number", "Of radians."},
    {"sqrt", NULL, "(x: number): number", "The square root."},
    {"tan", NULL, "(x: number): number", "Of radians."},
    {"tointeger", NULL, "(x: any): integer?", "The integer of this value; nil when there is none."},
    {"type", NULL, "(x: any): string?", "\"integer\" or \"float\"; nil for what is no number."},
    {"ult", NULL, "(m: integer, n: integer): boolean",
     "Whether m is below n, both taken as unsigned."},
    {NULL, NULL, NULL, NULL}};

static const struct vm_function string_functions[] = {
    {"byte", NULL, "(s: string, i?: integer, j?: integer): ...: integer",
     "The codes of the bytes from i to j."},
    {"char", NULL, "(...: integer): string", "The string of these bytes."},
    {"format", NULL, "(format: string, ...: any): string",
     "Arguments by a format of printf: %d %s %5.2f %q ..."},
    {"len", NULL, "(s: string): integer", "Bytes."},
    {"lower", NULL, "(s: string): string", "In lower case letters (ASCII)."},
    {"pack", NULL, "(format: string, ...: any): string", "Values in binary form."},
    {"packsize", NULL, "(format: string): integer", "How many bytes pack gives."},
    {"reverse", NULL, "(s: string): string", "The bytes backwards."},
    {"sub", NULL, "(s: string, i: integer, j?: integer): string",
     "The bytes from i to j; negative ones count from the end."},
    {"unpack", NULL, "(format: string, s: string, at?: integer): ...: any",
     "What pack packed, and where the rest begins."},
    {"upper", NULL, "(s: string): string", "In upper case letters (ASCII)."},
    {NULL, NULL, NULL, NULL}};

static const struct vm_function dump_functions[] = {
    {"dump", NULL, "(f: function, strip?: boolean): string", "The compiled form of a function."},
    {NULL, NULL, NULL, NULL}};

static const struct vm_function utf8_functions[] = {
    {"char", NULL, "(...: integer): string", "The UTF-8 of these code points."},
    {"codepoint", NULL, "(s: string, i?: integer, j?: integer, lax?: boolean): ...: integer",
     "The code points that begin from byte i to j."},
    {"codes", NULL, "(s: string, lax?: boolean): function, string, integer",
     "Goes over the positions and code points."},
    {"len", NULL, "(s: string, i?: integer, j?: integer, lax?: boolean): integer?, integer?",
     "How many characters; nil and where it is not UTF-8."},
    {"offset", NULL, "(s: string, n: integer, i?: integer): integer?",
     "Where the n-th character begins, in bytes; nil when there is none."},
    {NULL, NULL, NULL, NULL}};

static const struct vm_function os_functions[] = {
    {"clock", NULL, "(): number", "Processor seconds used by the program."},
    {"date", NULL, "(format?: string, time?: integer): any",
     "A time as text by strftime, or as a table (\"*t\"); \"!\" before it: in UTC."},
    {"difftime", NULL, "(later: number, earlier: number): number", "Seconds between two times."},
    {"execute", NULL, "(command?: string): boolean?, string?, integer?",
     "Runs a shell command, and holds the loop until it ends."},
    {"getenv", NULL, "(name: string): string?", "A variable of the environment; nil without it."},
    {"remove", NULL, "(path: string): boolean?, string?, integer?",
     "Deletes a file or an empty directory."},
    {"rename", NULL, "(from: string, to: string): boolean?, string?, integer?", "Renames a file."},
    {"setlocale", NULL, "(locale: string?, category?: string): string?",
     "Sets the locale of the program."},
    {"time", NULL, "(t?: table): integer",
     "Seconds since the epoch, of now or of a local time as a table."},
    {"tmpname", NULL, "(): string", "A name for a temporary file."},
    {NULL, NULL, NULL, NULL}};

static const struct vm_function io_functions[] = {
    {"close", NULL, "(file?: file): boolean?, string?", "Closes a file, or the default output."},
    {"flush", NULL, "()", "Writes what is buffered of the default output."},
    {"input", NULL, "(file?: file|string): file", "Sets or tells the default input."},
    {"lines", NULL, "(path?: string, ...: any): function", "Goes over the lines of a file."},
    {"open", NULL, "(path: string, mode?: string): file?, string?, integer?",
     "Opens a file; nil, why, and the system's number."},
    {"output", NULL, "(file?: file|string): file", "Sets or tells the default output."},
    {"popen", NULL, "(command: string, mode?: string): file?, string?",
     "Runs a shell command with a pipe."},
    {"read", NULL, "(...: any): ...: any", "Reads from the default input."},
    {"tmpfile", NULL, "(): file", "A temporary file that goes with the program."},
    {"type", NULL, "(v: any): string?", "\"file\", \"closed file\", or nil."},
    {"write", NULL, "(...: string|number): file?", "Writes to the default output."},
    {NULL, NULL, NULL, NULL}};

static const struct vm_function package_functions[] = {
    {"loadlib", NULL, "(path: string, name: string): function?, string?, string?",
     "A C function of a shared library."},
    {"searchpath", NULL,
     "(name: string, path: string, sep?: string, rep?: string): string?, string?",
     "Where a module's file is."},
    {NULL, NULL, NULL, NULL}};

static const struct vm_function debug_functions[] = {
    {"debug", NULL, "()", "An interactive prompt of Lua's."},
    {"gethook", NULL, "(co?: thread): function?, string?, integer?", "The hook."},
    {"getinfo", NULL, "(f: any, what?: any, more?: any): table?", "What is known of a function."},
    {"getlocal", NULL, "(level: any, n?: integer, more?: integer): string?, any",
     "A local variable."},
    {"getmetatable", NULL, "(v: any): table?", "The metatable, whatever its __metatable."},
    {"getregistry", NULL, "(): table", "Lua's registry."},
    {"getupvalue", NULL, "(f: function, n: integer): string?, any", "An upvalue."},
    {"getuservalue", NULL, "(u: userdata, n?: integer): any, boolean?", "A user value."},
    {"setcstacklimit", NULL, "(limit: integer): integer", "Does nothing any more."},
    {"sethook", NULL, "(hook?: any, mask?: any, count?: any, more?: any)", "Sets the hook."},
    {"setlocal", NULL, "(level: any, n: any, value?: any, more?: any): string?",
     "Sets a local variable."},
    {"setmetatable", NULL, "(v: any, metatable?: table): any", "Sets any value's metatable."},
    {"setupvalue", NULL, "(f: function, n: integer, value: any): string?", "Sets an upvalue."},
    {"setuservalue", NULL, "(u: userdata, value: any, n?: integer): userdata?",
     "Sets a user value."},
    {"traceback", NULL, "(co?: any, message?: any, level?: integer): any", "The stack as text."},
    {"upvalueid", NULL, "(f: function, n: integer): lightuserdata?", "What tells upvalues apart."},
    {"upvaluejoin", NULL, "(f: function, n: integer, g: function, m: integer)",
     "Makes an upvalue another's."},
    {NULL, NULL, NULL, NULL}};

static const struct vm_function file_functions[] = {
    {"close", NULL, "(): boolean?, string?", "Closes it."},
    {"flush", NULL, "(): file", "Writes what is buffered."},
    {"lines", NULL, "(...: any): function", "Goes over its lines."},
    {"read", NULL, "(...: any): ...: any",
     "Reads a line, \"a\" all, \"n\" a number, or so many bytes; nil at the end."},
    {"seek", NULL, "(whence?: string, offset?: integer): integer?, string?",
     "Moves, and tells where it is."},
    {"setvbuf", NULL, "(mode: string, size?: integer): boolean?", "How it is buffered."},
    {"write", NULL, "(...: string|number): file?, string?", "Writes; answers the file."},
    {NULL, NULL, NULL, NULL}};

static const struct vm_field base_fields[] = {
    {"_G", "table", "The globals."}, {"_VERSION", "string", "\"Lua 5.4\"."}, {NULL, NULL, NULL}};
static const struct vm_field math_fields[] = {{"huge", "number", "Infinity."},
                                              {"maxinteger", "integer", "2^63 - 1."},
                                              {"mininteger", "integer", "-2^63."},
                                              {"pi", "number", "3.14159..."},
                                              {NULL, NULL, NULL}};
static const struct vm_field utf8_fields[] = {
    {"charpattern", "string", "A pattern that fits one character."}, {NULL, NULL, NULL}};
static const struct vm_field io_fields[] = {{"stdin", "file", "Standard input."},
                                            {"stdout", "file", "Standard output."},
                                            {"stderr", "file", "Standard error."},
                                            {NULL, NULL, NULL}};
static const struct vm_field package_fields[] = {
    {"config", "string", "Separators, a line each."},
    {"cpath", "string", "Where modules in C are looked for."},
    {"path", "string", "Where modules are looked for."},
    {"loaded", "table", "What require has loaded."},
    {"preload", "table", "Loaders by name."},
    {"searchers", "table", "How require looks."},
    {NULL, NULL, NULL}};

const struct vm_docs lua_base_docs = {DOCS_GLOBALS, NULL,           DOCS_ALL | DOCS_STANDARD,
                                      NULL,         base_functions, base_fields};
const struct vm_docs lua_script_docs = {
    DOCS_GLOBALS, NULL, DOCS_SCRIPT | DOCS_TEST | DOCS_STANDARD, NULL, script_base_functions, NULL};
const struct vm_docs lua_math_docs = {
    DOCS_MODULE,          "math",         DOCS_ALL | DOCS_STANDARD,
    "Lua's mathematics.", math_functions, math_fields};
const struct vm_docs lua_string_docs = {DOCS_MODULE, "string",         DOCS_ALL | DOCS_STANDARD,
                                        NULL,        string_functions, NULL};
const struct vm_docs lua_dump_docs = {
    DOCS_MODULE, "string", DOCS_SCRIPT | DOCS_TEST | DOCS_STANDARD, NULL, dump_functions, NULL};
const struct vm_docs lua_utf8_docs = {DOCS_MODULE,    "utf8",         DOCS_ALL | DOCS_STANDARD,
                                      "Lua's UTF-8.", utf8_functions, utf8_fields};
const struct vm_docs lua_os_docs = {DOCS_MODULE,
                                    "os",
                                    DOCS_SCRIPT | DOCS_TEST | DOCS_STANDARD,
                                    "Lua's operating system functions.",
                                    os_functions,
                                    NULL};
const struct vm_docs lua_io_docs = {DOCS_MODULE,
                                    "io",
                                    DOCS_SCRIPT | DOCS_TEST | DOCS_STANDARD,
                                    "Lua's files. They hold the loop while they work.",
                                    io_functions,
                                    io_fields};
const struct vm_docs lua_file_docs = {
    DOCS_CLASS,      "file",         DOCS_SCRIPT | DOCS_TEST | DOCS_STANDARD,
    "An open file.", file_functions, NULL};
const struct vm_docs lua_package_docs = {
    DOCS_MODULE,      "package",         DOCS_SCRIPT | DOCS_TEST | DOCS_STANDARD,
    "Lua's modules.", package_functions, package_fields};
const struct vm_docs lua_debug_docs = {
    DOCS_MODULE,     "debug", DOCS_SCRIPT | DOCS_TEST | DOCS_STANDARD, "Lua's look at itself.",
    debug_functions, NULL};
const struct vm_docs lua_assert_docs = {DOCS_GLOBALS,     NULL, DOCS_WAITING | DOCS_STANDARD, NULL,
                                        assert_functions, NULL};
