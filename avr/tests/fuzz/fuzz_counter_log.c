// counter_log_open() on any EEPROM content whatsoever, and saves after it with the power cut in between.
//   byte 0: bit i set: slot i is given a valid CRC (8 slots at most), so that more than noise is read
//   byte 1: power is cut before this operation of a save (0: never); byte 2: what the cut leaves in the byte; byte 3: a stuck byte
//   then the EEPROM's log; what is missing is erased
#include <stdlib.h>
#include <string.h>

#include "checkpoint.h"
#include "counter_log.h"
#include "crc16.h"
#include "eeprom_array.h"

#define HEAD 4U
#define MUST(what) \
    do { \
        if (!(what)) { \
            abort(); \
        } \
    } while (0)

static void validate(uint8_t slot)
{
    uint8_t *at = eeprom_array + LOG_START + (size_t)slot * LOG_RECORD_BYTES;
    const uint16_t crc = crc16(at, LOG_RECORD_BYTES - 2U);
    at[LOG_RECORD_BYTES - 2U] = (uint8_t)(crc & 0xFFU);
    at[LOG_RECORD_BYTES - 1U] = (uint8_t)(crc >> 8);
}

static void must_be_sound(const struct counter_record *record)
{
    for (uint8_t i = 0; i < SENSOR_COUNT; i++) {
        MUST(record_milli(record, i) <= 999 && record_reserve(record, i) <= RECORD_RESERVE_LARGEST);
    }
}

// The firmware's own records are at most a few laps apart. Noise with right CRCs may hold sequence numbers all around the circle;
// then there is no newest one, and only memory safety and rest are asked for.
static bool in_order(const struct counter_log *log)
{
    for (uint8_t slot = 0; slot < LOG_SLOTS; slot++) {
        const uint8_t *at = eeprom_array + LOG_START + (size_t)slot * LOG_RECORD_BYTES;
        const uint16_t crc = crc16(at, LOG_RECORD_BYTES - 2U);
        const bool good = at[LOG_RECORD_BYTES - 2U] == (crc & 0xFFU) && at[LOG_RECORD_BYTES - 1U] == crc >> 8;
        if (good && (uint8_t)(log->durable_sequence - at[0]) > 100U) {
            return false;
        }
    }
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < HEAD) {
        return 0;
    }
    eeprom_array_erase();
    const size_t length = size - HEAD < LOG_BYTES ? size - HEAD : LOG_BYTES;
    memcpy(eeprom_array + LOG_START, data + HEAD, length);
    for (uint8_t slot = 0; slot < 8 && slot < LOG_SLOTS; slot++) {
        if (data[0] & (1U << slot)) {
            validate(slot);
        }
    }

    struct counter_log log;
    const bool any = counter_log_open(&log);
    must_be_sound(&log.record);
    const struct counter_record found = log.record;
    MUST(any == (log.newest != LOG_NO_SLOT));
    const bool promised = any && in_order(&log);
    const bool worn = data[3] != 0;
    if (worn) {
        eeprom_stuck_at = (uint16_t)(LOG_START + (uint16_t)(data[3] * 2U) % LOG_BYTES);
    }

    struct checkpoint checkpoint;
    struct survivor life;
    checkpoint_restore(&checkpoint, &log.record);
    (void)checkpoint_begin_life(&checkpoint, &log.record, &life);
    for (uint8_t i = 0; i < SENSOR_COUNT; i++) {
        life.counter[i].units++;
    }
    checkpoint_record(&checkpoint, &life, false, &log.record);
    const struct counter_record saved = log.record;
    counter_log_begin(&log);
    const bool complete = eeprom_work(&log, data[1], data[2]);

    const bool survived = counter_log_open(&log);
    must_be_sound(&log.record);
    if (promised) { // whatever was cut: what was there before, or the new record, and never anything else
        MUST(survived);
        const bool is_new = memcmp(log.record.units, saved.units, sizeof saved.units) == 0;
        const bool is_old = memcmp(log.record.units, found.units, sizeof found.units) == 0;
        MUST(is_new || is_old || worn);
        MUST(is_new || !complete || worn);
    }
    for (int laps = 0; laps < 3; laps++) { // it rests in the end, also on a worn EEPROM
        MUST(eeprom_work(&log, 0, 0));
        counter_log_begin(&log);
    }
    return 0;
}
