/* bench/services_json.h - an answer of ECS DescribeServices, made up: `count` services of about
 * 2.5 KB each, with the fields, in the order, and with the kinds of values that ECS sends. */
#ifndef MOONTIDE_BENCH_SERVICES_JSON_H
#define MOONTIDE_BENCH_SERVICES_JSON_H

#include "moontide/base/strbuf.h"

#include <stdint.h>

static inline uint32_t services_random(uint32_t *state)
{
    *state = *state * 1664525U + 1013904223U;
    return *state >> 8;
}

static inline void services_uuid(struct strbuf *out, uint32_t *state)
{
    strbuf_addf(out, "%06x%02x-%04x-4%03x-9%03x-%06x%06x", services_random(state),
                services_random(state) & 255, services_random(state) & 0xFFFF,
                services_random(state) & 0xFFF, services_random(state) & 0xFFF,
                services_random(state), services_random(state));
}

static inline void services_time(struct strbuf *out, uint32_t *state)
{
    strbuf_addf(out, "%u.%03u", 1700000000U + services_random(state) % 50000000U,
                services_random(state) % 1000U);
}

static inline void services_network(struct strbuf *out, uint32_t *state)
{
    strbuf_addf(out,
                "\"networkConfiguration\":{\"awsvpcConfiguration\":{\"subnets\":["
                "\"subnet-0%06x%06x\",\"subnet-0%06x%06x\"],\"securityGroups\":[\"sg-0%06x%06x\"],"
                "\"assignPublicIp\":\"DISABLED\"}}",
                services_random(state), services_random(state), services_random(state),
                services_random(state), services_random(state), services_random(state));
}

static inline void services_deployment(struct strbuf *out, uint32_t *state, int n)
{
    uint32_t tasks = services_random(state) % 20;
    strbuf_addf(out,
                "{\"id\":\"ecs-svc/%06u%06u\",\"status\":\"PRIMARY\",\"taskDefinition\":"
                "\"arn:aws:ecs:eu-west-1:123456789012:task-definition/api-%d:%u\","
                "\"desiredCount\":%u,\"pendingCount\":0,\"runningCount\":%u,\"failedTasks\":0,"
                "\"createdAt\":",
                services_random(state), services_random(state), n, services_random(state) % 100,
                tasks, tasks);
    services_time(out, state);
    strbuf_adds(out, ",\"updatedAt\":");
    services_time(out, state);
    strbuf_adds(out, ",\"launchType\":\"FARGATE\",\"platformVersion\":\"1.4.0\","
                     "\"platformFamily\":\"Linux\",");
    services_network(out, state);
    strbuf_addf(out,
                ",\"rolloutState\":\"COMPLETED\",\"rolloutStateReason\":"
                "\"ECS deployment ecs-svc/%06u%06u completed.\"}",
                services_random(state), services_random(state));
}

static inline void services_one(struct strbuf *out, uint32_t *state, int n)
{
    uint32_t tasks = services_random(state) % 20;
    strbuf_addf(out,
                "{\"serviceArn\":\"arn:aws:ecs:eu-west-1:123456789012:service/gm-tool-prod/api-%d\""
                ",\"serviceName\":\"api-%d\",\"clusterArn\":"
                "\"arn:aws:ecs:eu-west-1:123456789012:cluster/gm-tool-prod\",\"loadBalancers\":[{"
                "\"targetGroupArn\":\"arn:aws:elasticloadbalancing:eu-west-1:123456789012:"
                "targetgroup/api-%d/%06x%06x\",\"containerName\":\"api\",\"containerPort\":8080}],"
                "\"serviceRegistries\":[],\"status\":\"ACTIVE\",\"desiredCount\":%u,"
                "\"runningCount\":%u,\"pendingCount\":0,\"launchType\":\"FARGATE\","
                "\"platformVersion\":\"LATEST\",\"platformFamily\":\"Linux\",\"taskDefinition\":"
                "\"arn:aws:ecs:eu-west-1:123456789012:task-definition/api-%d:%u\","
                "\"deploymentConfiguration\":{\"deploymentCircuitBreaker\":{\"enable\":true,"
                "\"rollback\":true},\"maximumPercent\":200,\"minimumHealthyPercent\":100},"
                "\"deployments\":[",
                n, n, n, services_random(state), services_random(state), tasks, tasks, n,
                services_random(state) % 100);
    services_deployment(out, state, n);
    strbuf_adds(out, "],\"roleArn\":\"arn:aws:iam::123456789012:role/aws-service-role/"
                     "ecs.amazonaws.com/AWSServiceRoleForECS\",\"events\":[");
    for (int i = 0; i < 3; i++) {
        strbuf_adds(out, i ? ",{\"id\":\"" : "{\"id\":\"");
        services_uuid(out, state);
        strbuf_adds(out, "\",\"createdAt\":");
        services_time(out, state);
        strbuf_addf(out, ",\"message\":\"(service api-%d) has reached a steady state.\"}", n);
    }
    strbuf_adds(out, "],\"createdAt\":");
    services_time(out, state);
    strbuf_adds(out, ",\"placementConstraints\":[],\"placementStrategy\":[],");
    services_network(out, state);
    strbuf_addf(out,
                ",\"healthCheckGracePeriodSeconds\":60,\"schedulingStrategy\":\"REPLICA\","
                "\"deploymentController\":{\"type\":\"ECS\"},\"createdBy\":"
                "\"arn:aws:iam::123456789012:role/deploy\",\"enableECSManagedTags\":true,"
                "\"propagateTags\":\"SERVICE\",\"enableExecuteCommand\":false,\"tags\":["
                "{\"key\":\"Environment\",\"value\":\"prod\"},{\"key\":\"Team\",\"value\":"
                "\"team-%u\"}]}",
                services_random(state) % 10);
}

static inline void services_json(struct strbuf *out, int count)
{
    uint32_t state = 1;
    strbuf_adds(out, "{\"services\":[");
    for (int i = 0; i < count; i++) {
        if (i) strbuf_addc(out, ',');
        services_one(out, &state, i);
    }
    strbuf_adds(out, "],\"failures\":[]}");
}

#endif
