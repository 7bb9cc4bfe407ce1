#include "survivor.h"

#include <stddef.h>
#include <string.h>

#include "crc16.h"

#define COVERED ((uint8_t)offsetof(struct survivor, crc))
#define FARTHEST 65535U // units a life can have counted since its newest record

_Static_assert(offsetof(struct survivor, crc) < 256, "the CRC covers at most 255 bytes");

static bool intact(const struct survivor *survivor)
{
    return survivor->crc == crc16(survivor, COVERED);
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

void survivor_keep(struct survivor *life, struct survivor *spare)
{
    life->crc = crc16(life, COVERED);
    __asm__ volatile("" ::: "memory"); // the counters are whole again before the spare copy is not
    memcpy(spare, life, sizeof *spare);
}

bool survivor_recover(struct survivor *life, const struct survivor *spare, const struct counter_record *record,
                      uint8_t sequence)
{
    if (!intact(life)) {
        memcpy(life, spare, sizeof *life);
    }
    return intact(life) && belongs_to(life, record, sequence);
}
