// The checkpoints of months in seconds: the firmware's own counter_log.c and checkpoint.c, compiled for the host, write to an array
// that counts what is done to each byte. Python feeds it counters (fluksosim/eeprom_life.py).
#include <stdint.h>
#include <string.h>

#include "checkpoint.h"
#include "counter_log.h"
#include "eeprom.h"

#define API __attribute__((visibility("default")))

static uint8_t cells[EEPROM_BYTES];
static uint32_t erased[EEPROM_BYTES], written[EEPROM_BYTES];
static struct counter_log counters_log;
static struct checkpoint checkpoint;
static struct survivor living;
static uint32_t records;

uint8_t eeprom_byte(uint16_t address)
{
    return cells[address];
}

static void work(void)
{
    for (struct eeprom_step step; (step = counter_log_step(&counters_log)).action != EEPROM_NOTHING;) {
        erased[step.address] += step.action != EEPROM_WRITE;
        written[step.address] += step.action != EEPROM_ERASE;
        cells[step.address] = step.action == EEPROM_ERASE ? 0xFF : step.value;
    }
}

// Starts with an erased log and these counters.
API void life_begin(const uint32_t *units)
{
    memset(cells, 0xFF, sizeof cells);
    memset(erased, 0, sizeof erased);
    memset(written, 0, sizeof written);
    records = 0;
    (void)counter_log_open(&counters_log);
    memcpy(counters_log.record.units, units, sizeof counters_log.record.units);
    checkpoint_restore(&checkpoint, &counters_log.record);
    (void)checkpoint_begin_life(&checkpoint, &counters_log.record, &living);
}

// Lets `seconds` pass in which the counters go evenly to `units`, and saves as main.c does.
API void life_run(const uint32_t *units, uint32_t seconds)
{
    uint32_t from[SENSOR_COUNT];
    for (uint8_t i = 0; i < SENSOR_COUNT; i++) {
        from[i] = living.counter[i].units;
    }
    for (uint32_t second = 1; second <= seconds; second++) {
        for (uint8_t i = 0; i < SENSOR_COUNT; i++) {
            living.counter[i].units = from[i] + (uint32_t)((uint64_t)(units[i] - from[i]) * second / seconds);
        }
        checkpoint_second(&checkpoint);
        if (checkpoint_due(&checkpoint, &living, &counters_log.record)) {
            checkpoint_record(&checkpoint, &living, false, &counters_log.record);
            counter_log_begin(&counters_log);
            work();
            checkpoint_durable(&checkpoint, &counters_log.record);
            records++;
        }
    }
}

API uint32_t life_records(void)
{
    return records;
}

// Erasures and writes of each byte since life_begin().
API void life_wear(uint32_t *erasures, uint32_t *writes)
{
    memcpy(erasures, erased, sizeof erased);
    memcpy(writes, written, sizeof written);
}
