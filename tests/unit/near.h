/* unit/near.h - doubles that must agree; cmocka only has this for floats. */
#ifndef MOONTIDE_TESTS_NEAR_H
#define MOONTIDE_TESTS_NEAR_H

#include <math.h>

#define assert_near(got, wanted, within)                                                           \
    do {                                                                                           \
        double near_got = (got), near_wanted = (wanted);                                           \
        if (!(fabs(near_got - near_wanted) <= (within)))                                           \
            fail_msg("%s is %.17g, not %.17g", #got, near_got, near_wanted);                       \
    } while (0)

#endif
