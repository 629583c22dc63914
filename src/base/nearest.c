/* base/nearest.c - "did you mean": optimal string alignment distance. */
#include "moontide/base/nearest.h"

#include <ctype.h>
#include <string.h>

enum { NAME_MAX_LEN = 64 };

static int min3(int a, int b, int c)
{
    int m = a < b ? a : b;
    return m < c ? m : c;
}

/* Three rows of the dynamic programme are enough: the transposition looks two back. */
static int distance(const char *a, size_t an, const char *b, size_t bn)
{
    int rows[3][NAME_MAX_LEN + 1];
    for (size_t j = 0; j <= bn; j++)
        rows[0][j] = (int)j;
    for (size_t i = 1; i <= an; i++) {
        int *now = rows[i % 3], *before = rows[(i + 2) % 3], *two = rows[(i + 1) % 3];
        now[0] = (int)i;
        for (size_t j = 1; j <= bn; j++) {
            int ca = tolower((unsigned char)a[i - 1]), cb = tolower((unsigned char)b[j - 1]);
            now[j] = min3(before[j] + 1, now[j - 1] + 1, before[j - 1] + (ca != cb));
            if (i > 1 && j > 1 && ca == tolower((unsigned char)b[j - 2]) &&
                tolower((unsigned char)a[i - 2]) == cb && two[j - 2] + 1 < now[j])
                now[j] = two[j - 2] + 1;
        }
    }
    return rows[an % 3][bn];
}

const char *nearest_name(const char *name, const char *const *candidates)
{
    size_t len = strlen(name);
    const char *best = NULL;
    if (len == 0 || len > NAME_MAX_LEN) return NULL;
    int limit = len / 3 > 1 ? (int)(len / 3) : 1;
    for (; *candidates; candidates++) {
        size_t n = strlen(*candidates);
        if (n == 0 || n > NAME_MAX_LEN) continue;
        if ((n > len ? n - len : len - n) > (size_t)limit) continue; /* d is at least that */
        int d = distance(name, len, *candidates, n);
        if (d <= limit) {
            limit = d - 1;
            best = *candidates;
            if (d == 0) break;
        }
    }
    return best;
}
