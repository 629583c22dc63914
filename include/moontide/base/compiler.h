/* base/compiler.h - the few compiler attributes that the headers use. */
#ifndef MOONTIDE_BASE_COMPILER_H
#define MOONTIDE_BASE_COMPILER_H

#define MUST_CHECK                      __attribute__((warn_unused_result))
#define PRINTF_LIKE(format_at, args_at) __attribute__((format(printf, format_at, args_at)))
#define COLD                            __attribute__((cold, noinline))
#define COUNT_OF(array)                 (sizeof(array) / sizeof((array)[0]))

#endif
