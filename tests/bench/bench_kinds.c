/* bench/bench_kinds.c - decisions with nothing to change: how long a tick's comparisons take, the
 * first time (in Lua) and when they are remembered; and what the state of the kinds costs. */
#include "moontide/base/clock.h"
#include "moontide/bind/kinds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { DECISIONS = 10000, ROUNDS = 20 };

static double cpu_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void stop(const char *why)
{
    fprintf(stderr, "bench_kinds: %s\n", why);
    exit(1);
}

static void compare_all(struct actor *actor, const struct subject *subjects)
{
    for (int i = 0; i < DECISIONS; i++) {
        struct comparison comparison;
        if (actor->vtable->compare(actor, &subjects[i], NULL, 0, &comparison, NULL) < 0)
            stop("compare failed");
        if (comparison.changes || comparison.capacity_count != 2) stop("something differs");
        comparison_done(&comparison);
    }
}

static const char wanted_text[] =
    "{\"cluster\":\"gm-tool-%d\",\"max\":20,\"metric\":\"ECSServiceAverageCPUUtilization\","
    "\"min\":2,\"scale_in_cooldown\":300,\"scale_out_cooldown\":60,\"service\":\"api\","
    "\"target\":50}";
static const char current_text[] =
    "{\"disable_scale_in\":false,\"max\":20,\"metric\":\"ECSServiceAverageCPUUtilization\","
    "\"min\":2,\"policy\":\"TargetTrackingScaling\",\"scale_in_cooldown\":300,"
    "\"scale_out_cooldown\":60,\"status\":\"ACTIVE\",\"target\":50.0}";

static char *copy(const char *text)
{
    char *made = strdup(text);
    if (!made) stop("out of memory");
    return made;
}

static void make_subject(struct subject *out, int i)
{
    char resource[64], wanted[sizeof wanted_text + 16];
    snprintf(resource, sizeof resource, "service/gm-tool-%d/api", i);
    snprintf(wanted, sizeof wanted, wanted_text, i);
    *out = (struct subject){.kind = "ecs_autoscaling",
                            .resource = copy(resource),
                            .wanted = copy(wanted),
                            .current = copy(current_text)};
}

int main(void)
{
    static struct subject subjects[DECISIONS];
    struct clock clock;
    struct kinds *kinds = NULL;
    clock_init_real(&clock);
    struct host host = {.clock = &clock, .world_name = "bench"};
    if (kinds_new(&host, &kinds) < 0) stop("no kinds");
    struct actor *actor = kinds_actor(kinds);
    for (int i = 0; i < DECISIONS; i++)
        make_subject(&subjects[i], i);
    double at = cpu_ms();
    if (!actor->vtable->kind(actor, "ecs_autoscaling")) stop("no kind");
    printf("the state of the kinds, made              %7.2f ms\n", cpu_ms() - at);
    at = cpu_ms();
    compare_all(actor, subjects);
    printf("10,000 comparisons, the first time        %7.2f ms\n", cpu_ms() - at);
    at = cpu_ms();
    for (int i = 0; i < ROUNDS; i++)
        compare_all(actor, subjects);
    printf("10,000 comparisons, remembered            %7.2f ms\n", (cpu_ms() - at) / ROUNDS);
    for (int i = 0; i < DECISIONS; i++) {
        free((char *)(uintptr_t)subjects[i].resource);
        free((char *)(uintptr_t)subjects[i].wanted);
        free(subjects[i].current);
    }
    kinds_free(kinds);
    return 0;
}
