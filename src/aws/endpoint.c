/* aws/endpoint.c - where a service answers.
 *
 * Order: the caller's, AWS_ENDPOINT_URL_<SERVICE>, AWS_ENDPOINT_URL, the profile's `services`
 * section, the profile's endpoint_url, the partition's rule. Source: AWS SDKs and Tools Reference
 * Guide, "Service-specific endpoints" and "Dual-stack and FIPS endpoints". */
#include "moontide/aws/endpoint.h"

#include "moontide/base/strbuf.h"

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

static bool is_true(const char *name)
{
    const char *value = environment(name);
    return value && strcasecmp(value, "true") == 0;
}

/* cloudwatch -> AWS_ENDPOINT_URL_CLOUDWATCH */
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

/* The profile's `services = x` names [services x], which holds "cloudwatch =" and, nested,
 * "endpoint_url = ...". OK and NULL when there is none. */
static int from_profile(const char *profile, const char *service_id, char **out,
                        struct fault *fault)
{
    struct profile p;
    struct strbuf section, key;
    int code = profile_read(&p, profile, fault);
    if (code < 0) return code;
    strbuf_init(&section, INI_BYTES_MAX);
    strbuf_init(&key, 256);
    const char *services = profile_get(&p, "services", NULL), *url = NULL;
    if (services) {
        strbuf_addf(&section, "services %s", services);
        strbuf_addf(&key, "%s.endpoint_url", service_id);
        url = ini_get(p.config, strbuf_cstr(&section), strbuf_cstr(&key));
    }
    if (!url || !url[0]) url = profile_get(&p, "endpoint_url", NULL);
    if (url) code = take_url(url, "endpoint_url in the shared config file", out, fault);
    strbuf_done(&section);
    strbuf_done(&key);
    profile_done(&p);
    return code;
}

static const struct partition {
    const char *prefix, *suffix, *dual_suffix;
} partitions[] = {
    {"cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn"},
    {"us-iso-", "c2s.ic.gov", "c2s.ic.gov"},
    {"us-isob-", "sc2s.sgov.gov", "sc2s.sgov.gov"},
    {"us-isof-", "csp.hci.ic.gov", "csp.hci.ic.gov"},
    {"eu-isoe-", "cloud.adc-e.uk", "cloud.adc-e.uk"},
    {"eusc-", "amazonaws.eu", "api.amazonwebservices.eu"},
    {"", "amazonaws.com", "api.aws"}, /* aws, and aws-us-gov */
};

static int from_region(const char *prefix, const char *region, char **out, struct fault *fault)
{
    if (!region || !region[0])
        return fault_set(fault, ERR_INVALID,
                         "no region: set `region` in moontide.lua, AWS_REGION, or region in the "
                         "profile");
    if (strlen(region) > NAME_MAX_BYTES ||
        strspn(region, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(region))
        return fault_set(fault, ERR_INVALID, "\"%.80s\" is not the name of a region", region);
    const struct partition *p = partitions;
    while (strncmp(region, p->prefix, strlen(p->prefix)) != 0)
        p++;
    bool dual = is_true("AWS_USE_DUALSTACK_ENDPOINT");
    struct strbuf url;
    strbuf_init(&url, URL_MAX);
    strbuf_addf(&url, "https://%s%s.%s.%s", prefix, is_true("AWS_USE_FIPS_ENDPOINT") ? "-fips" : "",
                region, dual ? p->dual_suffix : p->suffix);
    *out = strbuf_take(&url, NULL);
    if (*out) return OK;
    strbuf_done(&url);
    return fault_set(fault, ERR_NOMEM, "out of memory");
}

int endpoint_resolve(const char *service_id, const char *prefix, const char *region,
                     const char *profile, const char *configured, char **out, struct fault *fault)
{
    char name[128];
    *out = NULL;
    if (configured && configured[0])
        return take_url(configured, "endpoint in the configuration", out, fault);
    if (!is_true("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")) {
        const char *url = service_variable(service_id, name, sizeof name);
        if (url) return take_url(url, name, out, fault);
        url = environment("AWS_ENDPOINT_URL");
        if (url) return take_url(url, "AWS_ENDPOINT_URL", out, fault);
        int code = from_profile(profile, service_id, out, fault);
        if (code < 0 || *out) return code;
    }
    return from_region(prefix, region, out, fault);
}
