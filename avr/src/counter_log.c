#include "counter_log.h"

#include <string.h>

#include "crc16.h"
#include "eeprom.h"

#define ERASED 0xFFU

static uint16_t slot_address(uint8_t slot, uint8_t at)
{
    return (uint16_t)(LOG_START + (uint16_t)((uint16_t)slot * LOG_RECORD_BYTES) + at);
}

static uint8_t slot_after(uint8_t slot)
{
    return slot + 1U < LOG_SLOTS ? (uint8_t)(slot + 1U) : 0U;
}

static uint8_t *image(struct counter_log *log)
{
    return (uint8_t *)&log->record;
}

static uint16_t crc_of(const struct counter_record *record)
{
    return crc16(record, LOG_RECORD_BYTES - sizeof record->crc);
}

// False when the fields are out of range: then the slot is not one of ours, whatever its CRC says.
static bool good(const struct counter_record *record)
{
    for (uint8_t i = 0; i < SENSOR_COUNT; i++) {
        if (record_milli(record, i) > 999U || record_reserve(record, i) > RECORD_RESERVE_LARGEST) {
            return false;
        }
    }
    return record->crc == crc_of(record);
}

static void read_slot(struct counter_log *log, uint8_t slot)
{
    for (uint8_t i = 0; i < LOG_RECORD_BYTES; i++) {
        image(log)[i] = eeprom_byte(slot_address(slot, i));
    }
}

static void start_clearing(struct counter_log *log)
{
    log->phase = LOG_CLEARING;
    log->target = slot_after(log->newest);
    log->at = 0;
}

bool counter_log_open(struct counter_log *log)
{
    memset(log, 0, sizeof *log); // at rest
    log->newest = LOG_NO_SLOT;
    for (uint8_t slot = 0; slot < LOG_SLOTS; slot++) {
        read_slot(log, slot);
        // All good records lie within a few laps of each other, so the signed difference tells older from newer.
        if (good(&log->record) &&
            (log->newest == LOG_NO_SLOT || (int8_t)(uint8_t)(log->record.sequence - log->durable_sequence) > 0)) {
            log->newest = slot;
            log->durable_sequence = log->record.sequence;
        }
    }
    if (log->newest == LOG_NO_SLOT) {
        memset(&log->record, 0, sizeof log->record);
        return false;
    }
    read_slot(log, log->newest);
    start_clearing(log);
    return true;
}

static void aim_after(struct counter_log *log, uint8_t slot)
{
    log->target = slot_after(slot);
    if (log->target == log->newest) { // only after a whole lap of slots that do not hold what is written
        log->target = slot_after(log->target);
    }
    log->at = 0;
}

void counter_log_begin(struct counter_log *log)
{
    if (log->phase == LOG_WRITING) {
        aim_after(log, log->target);
    } else if (log->newest == LOG_NO_SLOT) {
        log->target = 0;
        log->at = 0;
    } else {
        aim_after(log, log->newest);
    }
    log->phase = LOG_WRITING;
    log->failures = 0;
    log->record.sequence++;
    log->record.crc = crc_of(&log->record);
}

bool counter_log_writing(const struct counter_log *log)
{
    return log->phase == LOG_WRITING;
}

static bool reads_back(struct counter_log *log)
{
    for (uint8_t i = 0; i < LOG_RECORD_BYTES; i++) {
        if (eeprom_byte(slot_address(log->target, i)) != image(log)[i]) {
            return false;
        }
    }
    return true;
}

static void finish_record(struct counter_log *log)
{
    if (reads_back(log)) {
        log->newest = log->target;
        log->durable_sequence = log->record.sequence;
        start_clearing(log);
    } else if (++log->failures < LOG_SLOTS) {
        aim_after(log, log->target); // a worn cell: try the next slot
    } else {
        log->phase = LOG_IDLE; // the whole EEPROM is worn out; the counters go on in SRAM, the next checkpoint tries again
    }
}

static struct eeprom_step step_to(uint8_t old, uint8_t new, uint16_t address)
{
    struct eeprom_step step = {.action = EEPROM_REPLACE, .value = new, .address = address};
    if (new == ERASED) {
        step.action = EEPROM_ERASE;
    } else if (old == ERASED) {
        step.action = EEPROM_WRITE;
    }
    return step;
}

static bool next_change(struct counter_log *log, struct eeprom_step *step)
{
    while (log->at < LOG_RECORD_BYTES) {
        const uint8_t at = log->at++;
        const uint16_t address = slot_address(log->target, at);
        const uint8_t old = eeprom_byte(address);
        const uint8_t new = log->phase == LOG_WRITING ? image(log)[at] : ERASED;
        if (old != new) {
            *step = step_to(old, new, address);
            return true;
        }
    }
    return false;
}

struct eeprom_step counter_log_step(struct counter_log *log)
{
    struct eeprom_step step = {.action = EEPROM_NOTHING, .value = ERASED, .address = LOG_START};
    while (log->phase != LOG_IDLE) {
        if (next_change(log, &step)) {
            return step;
        }
        if (log->phase == LOG_WRITING) {
            finish_record(log);
        } else if (log->target == slot_after(log->newest)) {
            log->target = slot_after(log->target);
            log->at = 0;
        } else {
            log->phase = LOG_IDLE;
        }
    }
    return step;
}
