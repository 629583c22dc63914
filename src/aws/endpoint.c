/* aws/endpoint.c - where a service answers: what is configured, else the partition's rule. The
 * facts that the rule looks up are in endpoint_table.c. */
#include "moontide/aws/endpoint.h"

#include "moontide/base/strbuf.h"

#include "endpoint_table.h"
#include "profile.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { URL_MAX = 2048, NAME_MAX_BYTES = 64 };

static bool host_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_';
}

/* host[:port], or [ipv6][:port] */
static bool is_authority(const char *at, size_t len)
{
    size_t i = 0;
    if (len > 0 && at[0] == '[') {
        while (i < len && at[i] != ']')
            i++;
        if (i++ == len) return false;
    } else {
        while (i < len && host_char(at[i]))
            i++;
    }
    if (i == 0) return false;
    if (i == len) return true;
    size_t digits = strspn(at + i + 1, "0123456789");
    return at[i] == ':' && digits >= 1 && digits <= 5 && i + 1 + digits == len;
}

/* Takes a URL over, without its trailing slashes. */
static int take_url(const char *url, const char *source, char **out, struct fault *fault)
{
    size_t scheme = strncmp(url, "https://", 8) == 0 ? 8 : strncmp(url, "http://", 7) == 0 ? 7 : 0;
    size_t len = strlen(url), host = strcspn(url + scheme, "/");
    bool clean = len <= URL_MAX && !strpbrk(url, "?#@ \\\"<>");
    for (const char *c = url; *c && clean; c++)
        if ((unsigned char)*c <= ' ' || *c == 127) clean = false;
    if (scheme == 0 || !clean || !is_authority(url + scheme, host))
        return fault_set(fault, ERR_INVALID,
                         "%s: an endpoint is http:// or https://, a host, perhaps a port and a "
                         "path",
                         source);
    while (len > scheme + host && url[len - 1] == '/')
        len--;
    *out = strndup(url, len);
    return *out ? OK : fault_set(fault, ERR_NOMEM, "out of memory");
}

/* A setting of the environment, else of the profile; *out is NULL when there is none. Both are
 * borrowed. */
static const char *setting(const struct profile *profile, const char *variable, const char *key)
{
    const char *value = environment(variable);
    return value ? value : profile_get(profile, key, NULL);
}

static bool flag(const struct profile *profile, const char *variable, const char *key)
{
    const char *value = setting(profile, variable, key);
    return value && strcasecmp(value, "true") == 0;
}

/* Elastic Beanstalk -> AWS_ENDPOINT_URL_ELASTIC_BEANSTALK */
static const char *service_variable(const char *service_id, char *name, size_t size)
{
    static const char prefix[] = "AWS_ENDPOINT_URL_";
    if (strlen(service_id) + sizeof prefix > size) return NULL;
    memcpy(name, prefix, sizeof prefix);
    char *to = name + sizeof prefix - 1;
    for (const char *c = service_id; *c; c++)
        *to++ = *c >= 'a' && *c <= 'z' ? (char)(*c - 32) : (*c == ' ' || *c == '-') ? '_' : *c;
    *to = '\0';
    return environment(name);
}

/* The profile's `services = x` names [services x], which holds "elastic_beanstalk =" and, nested,
 * "endpoint_url = ...". OK and NULL when there is none. */
static int from_profile(const struct profile *profile, const char *service_id, char **out,
                        struct fault *fault)
{
    struct strbuf section, key;
    int code = OK;
    strbuf_init(&section, INI_BYTES_MAX);
    strbuf_init(&key, 256);
    const char *services = profile_get(profile, "services", NULL), *url = NULL;
    if (services) {
        strbuf_addf(&section, "services %s", services);
        for (const char *c = service_id; *c; c++)
            strbuf_addc(&key, *c >= 'A' && *c <= 'Z'     ? (char)(*c + 32)
                              : (*c == ' ' || *c == '-') ? '_'
                                                         : *c);
        strbuf_adds(&key, ".endpoint_url");
        url = ini_get(profile->config, strbuf_cstr(&section), strbuf_cstr(&key));
    }
    if (!url || !url[0]) url = profile_get(profile, "endpoint_url", NULL);
    if (url) code = take_url(url, "endpoint_url in the shared config file", out, fault);
    strbuf_done(&section);
    strbuf_done(&key);
    return code;
}

/* Endpoints that somebody named; *out stays NULL when nobody did. */
static int from_settings(const struct endpoint_question *q, const struct profile *profile,
                         char **out, struct fault *fault)
{
    char name[128];
    if (flag(profile, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "ignore_configured_endpoint_urls"))
        return OK;
    const char *url = service_variable(q->service_id, name, sizeof name);
    if (url) return take_url(url, name, out, fault);
    url = environment("AWS_ENDPOINT_URL");
    if (url) return take_url(url, "AWS_ENDPOINT_URL", out, fault);
    return from_profile(profile, q->service_id, out, fault);
}

/* ---- the partition's rule ---- */

static const struct partition *partition_of(const char *region)
{
    const struct partition *p = partitions;
    while (strncmp(region, p->region_prefix, strlen(p->region_prefix)) != 0)
        p++;
    return p;
}

const char *region_partition(const char *region)
{
    return partition_of(region)->name;
}

static unsigned service_flags(const char *prefix)
{
    for (const struct endpoint_service *s = endpoint_services; s->prefix; s++)
        if (strcmp(s->prefix, prefix) == 0) return s->flags;
    return 0;
}

static const struct endpoint_fixed *fixed_of(const char *partition, const char *prefix)
{
    for (const struct endpoint_fixed *f = endpoints_fixed; f->prefix; f++)
        if (strcmp(f->partition, partition) == 0 && strcmp(f->prefix, prefix) == 0) return f;
    return NULL;
}

/* The regions in which `sts_regional_endpoints = legacy` still means the one global host. */
static bool sts_was_global(const char *region)
{
    static const char *const legacy[] = {
        "ap-northeast-1", "ap-south-1", "ap-southeast-1", "ap-southeast-2", "ca-central-1",
        "eu-central-1",   "eu-north-1", "eu-west-1",      "eu-west-2",      "eu-west-3",
        "sa-east-1",      "us-east-1",  "us-east-2",      "us-west-1",      "us-west-2"};
    for (size_t i = 0; i < COUNT_OF(legacy); i++)
        if (strcmp(region, legacy[i]) == 0) return true;
    return false;
}

/* What can stand in a signature's scope. A server of somebody else's may call its region anything
 * ("RegionOne"). */
static int check_configured(const char *region, struct fault *fault)
{
    if (strlen(region) <= NAME_MAX_BYTES &&
        strspn(region, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.") ==
            strlen(region))
        return OK;
    return fault_set(fault, ERR_INVALID, "\"%.80s\" is not the name of a region", region);
}

static int check_region(const char *region, struct fault *fault)
{
    if (!region || !region[0])
        return fault_set(fault, ERR_INVALID,
                         "no region: set `region` in moontide.lua, AWS_REGION, or region in the "
                         "profile");
    if (strlen(region) > NAME_MAX_BYTES ||
        strspn(region, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(region))
        return fault_set(fault, ERR_INVALID, "\"%.80s\" is not the name of a region", region);
    return OK;
}

static void add_host(struct strbuf *url, const char *prefix, unsigned flags,
                     const struct partition *p, const char *region, bool fips, bool dual)
{
    strbuf_addf(url, "https://%s%s", prefix, fips ? "-fips" : "");
    if (flags & ENDPOINT_GLOBAL) {
        if (dual) strbuf_adds(url, ".global");
    } else {
        strbuf_addf(url, "%s.%s", dual && flags & ENDPOINT_S3_DUAL ? ".dualstack" : "", region);
    }
    if (flags & (ENDPOINT_S3_DUAL | ENDPOINT_DUAL_PLAIN)) dual = false;
    strbuf_addf(url, ".%s", dual || flags & ENDPOINT_DUAL_ONLY ? p->dual_suffix : p->suffix);
}

/* *region: in, the caller's; out, the one to sign for. */
static int from_rule(const char *prefix, const struct profile *profile, const char **region,
                     char **out, struct fault *fault)
{
    unsigned flags = service_flags(prefix);
    bool home = flags & (ENDPOINT_HOME | ENDPOINT_GLOBAL);
    if (home && (!*region || !**region)) *region = partition_of("")->home;
    int code = check_region(*region, fault);
    if (code < 0) return code;
    const struct partition *p = partition_of(*region);
    const struct endpoint_fixed *fixed = fixed_of(p->name, prefix);
    bool fips = flag(profile, "AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint");
    bool dual = flag(profile, "AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint");
    const char *sts = setting(profile, "AWS_STS_REGIONAL_ENDPOINTS", "sts_regional_endpoints");
    if (fips && flags & ENDPOINT_GOV_FIPS_PLAIN && strcmp(p->name, "aws-us-gov") == 0) fips = false;
    if (strcmp(prefix, "sts") == 0 && sts && strcasecmp(sts, "legacy") == 0 && !fips && !dual &&
        sts_was_global(*region)) {
        flags |= ENDPOINT_GLOBAL;
        home = true;
    }
    struct strbuf url;
    strbuf_init(&url, URL_MAX);
    if (fixed) {
        *region = fixed->region;
        strbuf_addf(&url, "https://%s", fixed->host);
    } else {
        if (home) *region = p->home;
        add_host(&url, prefix, flags, p, *region, fips, dual);
    }
    *out = strbuf_take(&url, NULL);
    if (*out) return OK;
    strbuf_done(&url);
    return fault_set(fault, ERR_NOMEM, "out of memory");
}

/* Whom a configured endpoint is signed for: the caller's region, else a global service's home. */
static const char *configured_region(const struct endpoint_question *q)
{
    if (q->region && q->region[0]) return q->region;
    bool home = service_flags(q->prefix) & (ENDPOINT_HOME | ENDPOINT_GLOBAL);
    return home ? partition_of("")->home : NULL;
}

/* Reads the profile, which may be broken: so only when nobody named the endpoint. */
static int look_up(const struct endpoint_question *question, const char **region, char **url,
                   struct fault *fault)
{
    struct profile profile;
    int code = profile_read(&profile, question->profile, fault);
    if (code < 0) return code;
    code = from_settings(question, &profile, url, fault);
    if (code == OK && *url)
        *region = configured_region(question);
    else if (code == OK)
        code = from_rule(question->prefix, &profile, region, url, fault);
    profile_done(&profile);
    return code;
}

int endpoint_find(const struct endpoint_question *question, struct endpoint *out,
                  struct fault *fault)
{
    struct endpoint found = {0};
    const char *region = configured_region(question);
    *out = found;
    int code =
        question->configured && question->configured[0]
            ? take_url(question->configured, "endpoint in the configuration", &found.url, fault)
            : look_up(question, &region, &found.url, fault);
    if (code == OK && region) code = check_configured(region, fault);
    if (code == OK && region && !(found.region = strdup(region)))
        code = fault_set(fault, ERR_NOMEM, "out of memory");
    if (code < 0)
        endpoint_done(&found);
    else
        *out = found;
    return code;
}

void endpoint_done(struct endpoint *endpoint)
{
    free(endpoint->url);
    free(endpoint->region);
    *endpoint = (struct endpoint){0};
}

int endpoint_resolve(const char *service_id, const char *prefix, const char *region,
                     const char *profile, const char *configured, char **out, struct fault *fault)
{
    struct endpoint_question question = {service_id, prefix, region, profile, configured};
    struct endpoint found;
    *out = NULL;
    int code = endpoint_find(&question, &found, fault);
    if (code < 0) return code;
    free(found.region);
    *out = found.url;
    return OK;
}
