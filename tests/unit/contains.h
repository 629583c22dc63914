/* unit/contains.h - a text that must hold another. */
#ifndef MOONTIDE_TESTS_CONTAINS_H
#define MOONTIDE_TESTS_CONTAINS_H

#include <string.h>

#define assert_contains(text, part)                                                                \
    do {                                                                                           \
        const char *contains_text = (text);                                                        \
        if (!strstr(contains_text, part)) fail_msg("no '%s' in: %s", part, contains_text);         \
    } while (0)

#endif
