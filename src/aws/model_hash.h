/* aws/model_hash.h - the hash by which a structure finds its members: length, both ends, one
 * multiplication. Names of one structure rarely differ in their middle alone, and then they only
 * share a slot. */
#ifndef MOONTIDE_AWS_MODEL_HASH_H
#define MOONTIDE_AWS_MODEL_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint32_t name_hash(const char *name, size_t len)
{
    uint64_t head = 0, tail = 0;
    if (len >= 8) {
        memcpy(&head, name, 8);
        memcpy(&tail, name + len - 8, 8);
    } else if (len >= 4) {
        uint32_t a, z;
        memcpy(&a, name, 4);
        memcpy(&z, name + len - 4, 4);
        head = a;
        tail = z;
    } else if (len > 0) {
        head = (uint8_t)name[0];
        tail = (uint64_t)(uint8_t)name[len / 2] << 8 | (uint8_t)name[len - 1];
    }
    uint64_t mixed = (head ^ (tail << 29 | tail >> 35) ^ len) * 0x9E3779B97F4A7C15u;
    return (uint32_t)(mixed >> 32);
}

#endif
