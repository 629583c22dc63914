/* app/check_live.c - see check_live.h. */
#include "moontide/app/check_live.h"

void check_live(const char *dir, struct evaluator *const *policies, size_t count,
                struct faults *faults)
{
    (void)dir;
    (void)policies;
    (void)count;
    (void)faults;
}
