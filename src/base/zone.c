/* base/zone.c - TZif files, versions 1 to 4. Source: RFC 8536, and its successor RFC 9636.
 *
 *   header (44 bytes): "TZif", version, 15 reserved, six counts of 32 bits, big-endian
 *   data:  transition times [timecnt], their types [timecnt], types [typecnt] of (offset 4, is_dst
 *          1, index of the name 1), names [charcnt], leap seconds, indicators
 *   version 2 and up: the same again with times of 64 bits, and "\n<TZ>\n", the rule for later
 *
 * The file is whoever's who may write below /usr/share: every count is held against the length
 * before it is used. */
#include "moontide/base/zone.h"

#include "civil.h"
#include "moontide/base/fs.h"
#include "zone_rule.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define ZONES_DIR "/usr/share/zoneinfo"

enum {
    ZONE_BYTES_MAX = 256 * 1024, /* the largest of tzdata has 4,000 */
    NAME_MAX_LEN = 64,
    HEADER_LEN = 44,
    TYPES_MAX = 256,
    OFFSET_LOW = -89999, /* RFC 8536, section 3.2 */
    OFFSET_HIGH = 93599,
};

static const int64_t TIME_LIMIT_S = 1000000000000000; /* the year 31 million */

struct zone {
    char name[NAME_MAX_LEN + 1];
    int64_t *times; /* shape [count], ascending */
    uint8_t *types; /* shape [count] */
    size_t count;
    int32_t offsets[TYPES_MAX];
    bool ruled; /* the rule holds after the last transition */
    struct zone_rule rule;
};

/* ---- reading ---- */

struct header {
    char version;
    size_t isut, isstd, leaps, times, types, chars;
};

struct bytes {
    const unsigned char *at;
    size_t left;
};

static int64_t big_endian(const unsigned char *at, size_t size)
{
    uint64_t value = at[0] & 0x80u ? UINT64_MAX : 0;
    for (size_t i = 0; i < size; i++)
        value = value << 8 | at[i];
    return (int64_t)value;
}

static const unsigned char *take(struct bytes *b, size_t n)
{
    if (n > b->left) return NULL;
    const unsigned char *at = b->at;
    b->at += n;
    b->left -= n;
    return at;
}

static int read_header(struct bytes *b, struct header *out, const char **why)
{
    const unsigned char *at = take(b, HEADER_LEN);
    *why = "it is no TZif file";
    if (!at || memcmp(at, "TZif", 4) != 0) return ERR_CORRUPT;
    *why = "its version is not one of 1 to 4";
    if (at[4] != 0 && (at[4] < '2' || at[4] > '4')) return ERR_UNSUPPORTED;
    uint32_t counts[6];
    for (size_t i = 0; i < COUNT_OF(counts); i++)
        counts[i] = (uint32_t)big_endian(at + 20 + 4 * i, 4);
    *out = (struct header){.version = (char)at[4],
                           .isut = counts[0],
                           .isstd = counts[1],
                           .leaps = counts[2],
                           .times = counts[3],
                           .types = counts[4],
                           .chars = counts[5]};
    *why = "its counts contradict each other";
    if (out->types == 0 || out->types > TYPES_MAX || out->chars == 0 ||
        (out->isut != 0 && out->isut != out->types) ||
        (out->isstd != 0 && out->isstd != out->types))
        return ERR_CORRUPT;
    return OK;
}

/* All counts have 32 bits, so this does not overflow 64. */
static uint64_t data_len(const struct header *h, size_t time_size)
{
    return (uint64_t)h->times * (time_size + 1) + (uint64_t)h->types * 6 + h->chars +
           (uint64_t)h->leaps * (time_size + 4) + h->isstd + h->isut;
}

static int read_transitions(struct zone *zone, struct bytes *b, const struct header *h,
                            size_t time_size, const char **why)
{
    const unsigned char *times = take(b, h->times * time_size), *types = take(b, h->times);
    if (h->times == 0) return OK;
    zone->times = calloc(h->times, sizeof *zone->times);
    zone->types = malloc(h->times);
    *why = "out of memory";
    if (!zone->times || !zone->types) return ERR_NOMEM;
    for (size_t i = 0; i < h->times; i++) {
        zone->times[i] = big_endian(times + i * time_size, time_size);
        zone->types[i] = types[i];
        *why = "its transitions are not in order";
        if (i > 0 && zone->times[i] <= zone->times[i - 1]) return ERR_CORRUPT;
        *why = "a transition leads to a type that is not there";
        if (types[i] >= h->types) return ERR_CORRUPT;
    }
    zone->count = h->times;
    return OK;
}

static int read_data(struct zone *zone, struct bytes *b, const struct header *h, size_t time_size,
                     const char **why)
{
    *why = "it is cut short";
    if (data_len(h, time_size) > b->left) return ERR_CORRUPT;
    *why = "it counts leap seconds, which UTC here does not";
    if (h->leaps > 0) return ERR_UNSUPPORTED;
    int code = read_transitions(zone, b, h, time_size, why);
    if (code < 0) return code;
    const unsigned char *types = take(b, h->types * 6);
    *why = "a type of local time is out of range";
    for (size_t i = 0; i < h->types; i++, types += 6) {
        int64_t offset = big_endian(types, 4);
        if (offset < OFFSET_LOW || offset > OFFSET_HIGH || types[4] > 1 || types[5] >= h->chars)
            return ERR_CORRUPT;
        zone->offsets[i] = (int32_t)offset;
    }
    (void)take(b, h->chars + h->isstd + h->isut);
    return OK;
}

static int read_footer(struct zone *zone, struct bytes *b, const char **why)
{
    *why = "the rule at its end is not as in POSIX";
    const char *text = (const char *)take(b, 1);
    if (!text || *text != '\n') return ERR_CORRUPT;
    text++;
    const char *end = b->left ? memchr(text, '\n', b->left) : NULL;
    if (!end) return ERR_CORRUPT;
    if (end == text) return OK; /* no rule: the last type stays */
    zone->ruled = zone_rule_parse(text, (size_t)(end - text), &zone->rule);
    return zone->ruled ? OK : ERR_CORRUPT;
}

static int read_zone(struct zone *zone, struct bytes *b, const char **why)
{
    struct header h;
    int code = read_header(b, &h, why);
    if (code < 0) return code;
    if (h.version == 0) return read_data(zone, b, &h, 4, why);
    *why = "it is cut short";
    if (data_len(&h, 4) > b->left || !take(b, (size_t)data_len(&h, 4))) return ERR_CORRUPT;
    if ((code = read_header(b, &h, why)) < 0) return code;
    if ((code = read_data(zone, b, &h, 8, why)) < 0) return code;
    return read_footer(zone, b, why);
}

static struct zone *make_zone(const char *name)
{
    struct zone *zone = calloc(1, sizeof *zone);
    if (zone) strncat(zone->name, name, NAME_MAX_LEN);
    return zone;
}

int zone_read(const char *name, const void *bytes, size_t len, struct zone **out,
              struct fault *fault)
{
    const char *why = "";
    struct bytes b = {bytes, len};
    struct zone *zone = make_zone(name);
    if (!zone) return fault_set(fault, ERR_NOMEM, "out of memory");
    int code = read_zone(zone, &b, &why);
    if (code < 0) {
        zone_free(zone);
        return fault_set(fault, code, "time zone '%s': %s", name, why);
    }
    *out = zone;
    return OK;
}

void zone_free(struct zone *zone)
{
    if (!zone) return;
    free(zone->times);
    free(zone->types);
    free(zone);
}

/* ---- finding ---- */

/* "Europe/Berlin", "Etc/GMT+3": no way out of the directory, nothing hidden in it. */
static bool name_is_safe(const char *name)
{
    size_t len = strlen(name);
    if (len == 0 || len > NAME_MAX_LEN) return false;
    for (size_t i = 0; i < len; i++) {
        bool begins = i == 0 || name[i - 1] == '/';
        if (begins && !isalnum((unsigned char)name[i])) return false;
        if (!isalnum((unsigned char)name[i]) && !strchr("_+-/", name[i])) return false;
    }
    return name[len - 1] != '/';
}

static int read_below(const char *dir, const char *name, struct zone **out, struct fault *fault)
{
    char *path = fs_join(dir, name), *bytes = NULL;
    size_t len = 0;
    if (!path) return fault_set(fault, ERR_NOMEM, "out of memory");
    int code = fs_read_file(path, ZONE_BYTES_MAX, &bytes, &len, fault);
    if (code == OK) code = zone_read(name, bytes, len, out, fault);
    free(path);
    free(bytes);
    return code;
}

static int not_found(const char *name, const char *other, struct fault *fault)
{
    struct stat st;
    bool installed = stat(ZONES_DIR, &st) == 0;
    return fault_set(fault, ERR_NOT_FOUND,
                     "time zone '%s' is neither UTC nor in %s%s" ZONES_DIR "%s", name,
                     other ? other : "", other ? " or " : "",
                     installed ? "" : ", which is not there: install the package tzdata");
}

int zone_open(const char *name, struct zone **out, struct fault *fault)
{
    const char *other = getenv("TZDIR");
    if (other && !*other) other = NULL;
    if (!name_is_safe(name))
        return fault_set(fault, ERR_INVALID,
                         "'%.80s' is no name of a time zone (\"UTC\", \"Europe/Berlin\")", name);
    if (strcmp(name, "UTC") == 0) {
        *out = make_zone(name);
        return *out ? OK : fault_set(fault, ERR_NOMEM, "out of memory");
    }
    int code = other ? read_below(other, name, out, fault) : ERR_NOT_FOUND;
    if (code == ERR_NOT_FOUND) code = read_below(ZONES_DIR, name, out, fault);
    return code == ERR_NOT_FOUND ? not_found(name, other, fault) : code;
}

const char *zone_name(const struct zone *zone)
{
    return zone ? zone->name : "UTC";
}

/* ---- asking ---- */

static int64_t within_limits(int64_t epoch_s)
{
    if (epoch_s > TIME_LIMIT_S) return TIME_LIMIT_S;
    return epoch_s < -TIME_LIMIT_S ? -TIME_LIMIT_S : epoch_s;
}

int32_t zone_offset_s(const struct zone *zone, int64_t epoch_s)
{
    if (!zone) return 0;
    epoch_s = within_limits(epoch_s);
    if (zone->count == 0 || epoch_s >= zone->times[zone->count - 1]) {
        if (zone->ruled) return zone_rule_offset(&zone->rule, epoch_s);
        return zone->offsets[zone->count ? zone->types[zone->count - 1] : 0];
    }
    if (epoch_s < zone->times[0]) return zone->offsets[0]; /* RFC 8536, section 3.2 */
    size_t low = 0, high = zone->count - 1;                /* times[low] <= epoch_s < times[high] */
    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        if (zone->times[middle] <= epoch_s)
            low = middle;
        else
            high = middle;
    }
    return zone->offsets[zone->types[low]];
}

void zone_local(const struct zone *zone, int64_t epoch_s, struct local_time *out)
{
    epoch_s = within_limits(epoch_s);
    int64_t local_s = epoch_s + zone_offset_s(zone, epoch_s);
    struct civil c = civil_from_s(local_s);
    *out = (struct local_time){.year = (int)c.year,
                               .month = c.month,
                               .day = c.day,
                               .hour = c.hour,
                               .minute = c.minute,
                               .second = c.second,
                               .weekday = weekday_from_days(floor_div(local_s, 86400))};
}
