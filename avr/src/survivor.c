#include "survivor.h"

#include <stddef.h>

#include "crc16.h"

#define COVERED ((uint8_t)offsetof(struct survivor_copy, crc))
#define FARTHEST 65535U // units a life can have counted since its newest record

_Static_assert(offsetof(struct survivor_copy, crc) < 256, "the CRC covers at most 255 bytes");

static bool intact(const struct survivor_copy *copy)
{
    return copy->crc == crc16(copy, COVERED);
}

static bool belongs_to(const struct survivor *survivor, const struct counter_record *record, uint8_t sequence)
{
    if ((uint8_t)(sequence - survivor->sequence) > 1U) { // 1: the reset came just after a record became durable
        return false;
    }
    for (uint8_t i = 0; i < SENSOR_COUNT; i++) {
        if (survivor->counter[i].units - record->units[i] > FARTHEST || survivor->counter[i].nano >= NANO_PER_UNIT) {
            return false;
        }
    }
    return true;
}

void survivor_keep(struct survivor_store *store, const struct survivor *survivor)
{
    const uint8_t next = store->next & 1U;
    struct survivor_copy *copy = &store->copy[next];
    copy->survivor = *survivor;
    copy->turn = (uint8_t)(store->copy[next ^ 1U].turn + 1U);
    copy->crc = crc16(copy, COVERED);
    store->next = next ^ 1U;
}

bool survivor_recover(struct survivor_store *store, const struct counter_record *record, uint8_t sequence,
                      struct survivor *survivor)
{
    const bool first = intact(&store->copy[0]);
    const bool second = intact(&store->copy[1]);
    uint8_t newer = second ? 1U : 0U;
    if (first && second) {
        newer = (uint8_t)(store->copy[1].turn - store->copy[0].turn) == 1U ? 1U : 0U;
    }
    store->next = newer ^ 1U;
    if (!(first || second) || !belongs_to(&store->copy[newer].survivor, record, sequence)) {
        return false;
    }
    *survivor = store->copy[newer].survivor;
    return true;
}
