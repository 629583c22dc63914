/* fuzz/fuzz_url.c - any bytes as a URL: whoever is asked directly must be whom curl would ask, or a
 * proxy could be given what is for the metadata services alone. */
#include "../../src/io/http_internal.h"
#include "moontide/base/err.h"
#include "target.h"

#include <arpa/inet.h>
#include <strings.h>

/* The host as curl takes it, without the brackets of an IPv6 address; NULL when it refuses. */
static char *host_of(const char *url)
{
    CURLU *parts = curl_url();
    char *host = NULL;
    fuzz_require(parts != NULL);
    if (curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK)
        if (curl_url_get(parts, CURLUPART_HOST, &host, 0) != CURLUE_OK) host = NULL;
    curl_url_cleanup(parts);
    return host;
}

/* Curl writes an IPv6 address in its shortest form. */
static bool same_host(const char *curls, const char *ours)
{
    struct in6_addr a, b;
    char inside[HTTP_HOST_BYTES_MAX];
    if (curls[0] != '[') return strcasecmp(curls, ours) == 0;
    size_t len = strcspn(curls + 1, "]");
    fuzz_require(len < sizeof inside);
    memcpy(inside, curls + 1, len);
    inside[len] = '\0';
    return inet_pton(AF_INET6, inside, &a) == 1 && inet_pton(AF_INET6, ours, &b) == 1 &&
           memcmp(&a, &b, sizeof a) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char *url = fuzz_text(bytes, len);
    struct http_place place;
    if (http_place_parse(url, &place) == OK) {
        fuzz_require(place.host[0] && memchr(place.host, '\0', sizeof place.host));
        fuzz_require(place.port >= 0 && place.port <= 65535);
        char *host = host_of(url);
        if (http_place_is_direct(&place) && host) fuzz_require(same_host(host, place.host));
        curl_free(host);
    }
    free(url);
    return 0;
}
