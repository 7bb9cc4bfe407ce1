#include "counter_log.h"

#include <string.h>

#include "crc16.h"
#include "eeprom.h"

#define MILLI_MASK 0x03FFU
#define RESERVE_SHIFT 10U
#define RESERVE_LARGEST 31U
#define CRC_AT (LOG_RECORD_BYTES - 2U)
#define ERASED 0xFFU

static uint16_t slot_address(uint8_t slot, uint8_t at)
{
    return (uint16_t)(LOG_START + (uint16_t)((uint16_t)slot * LOG_RECORD_BYTES) + at);
}

static uint8_t slot_after(uint8_t slot)
{
    return slot + 1U < LOG_SLOTS ? (uint8_t)(slot + 1U) : 0U;
}

static void put_u16(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)(value & 0xFFU);
    at[1] = (uint8_t)(value >> 8);
}

static void put_u32(uint8_t *at, uint32_t value)
{
    put_u16(at, (uint16_t)(value & 0xFFFFU));
    put_u16(at + 2, (uint16_t)(value >> 16));
}

static uint16_t get_u16(const uint8_t *at)
{
    return (uint16_t)(at[0] | (uint16_t)((uint16_t)at[1] << 8));
}

static uint32_t get_u32(const uint8_t *at)
{
    return get_u16(at) | ((uint32_t)get_u16(at + 2) << 16);
}

static void encode(uint8_t *image, uint8_t sequence, const struct counter_record *record)
{
    uint8_t *at = image;
    *at++ = sequence;
    for (uint8_t i = 0; i < SENSOR_COUNT; i++, at += 4) {
        put_u32(at, record->units[i]);
    }
    for (uint8_t i = 0; i < SENSOR_COUNT; i++, at += 2) {
        put_u16(at, (uint16_t)((record->milli[i] & MILLI_MASK) | (uint16_t)((uint16_t)record->reserve[i] << RESERVE_SHIFT)));
    }
    put_u16(at, record->watchdogs);
    put_u16(at + 2, record->brown_outs);
    put_u16(image + CRC_AT, crc16(image, CRC_AT));
}

// False when the fields are out of range: then the slot is not one of ours, whatever its CRC says.
static bool decode(const uint8_t *image, struct counter_record *record)
{
    const uint8_t *at = image + 1;
    bool plausible = true;
    for (uint8_t i = 0; i < SENSOR_COUNT; i++, at += 4) {
        record->units[i] = get_u32(at);
    }
    for (uint8_t i = 0; i < SENSOR_COUNT; i++, at += 2) {
        const uint16_t packed = get_u16(at);
        record->milli[i] = packed & MILLI_MASK;
        record->reserve[i] = (uint8_t)(packed >> RESERVE_SHIFT);
        plausible = plausible && record->milli[i] <= 999U && record->reserve[i] <= RESERVE_LARGEST;
    }
    record->watchdogs = get_u16(at);
    record->brown_outs = get_u16(at + 2);
    return plausible && get_u16(image + CRC_AT) == crc16(image, CRC_AT);
}

static void read_slot(uint8_t slot, uint8_t *image)
{
    for (uint8_t i = 0; i < LOG_RECORD_BYTES; i++) {
        image[i] = eeprom_byte(slot_address(slot, i));
    }
}

static void start_clearing(struct counter_log *log)
{
    log->phase = LOG_CLEARING;
    log->target = slot_after(log->newest);
    log->at = 0;
}

bool counter_log_open(struct counter_log *log, struct counter_record *record)
{
    memset(log, 0, sizeof *log);
    log->newest = LOG_NO_SLOT;
    for (uint8_t slot = 0; slot < LOG_SLOTS; slot++) {
        read_slot(slot, log->image);
        if (!decode(log->image, record)) {
            continue;
        }
        // All good records lie within a few laps of each other, so the signed difference tells older from newer.
        if (log->newest == LOG_NO_SLOT || (int8_t)(uint8_t)(log->image[0] - log->sequence) > 0) {
            log->newest = slot;
            log->sequence = log->image[0];
        }
    }
    log->durable_sequence = log->sequence;
    if (log->newest == LOG_NO_SLOT) {
        memset(record, 0, sizeof *record);
        log->phase = LOG_IDLE;
        return false;
    }
    read_slot(log->newest, log->image);
    (void)decode(log->image, record);
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

void counter_log_begin(struct counter_log *log, const struct counter_record *record)
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
    log->sequence = (uint8_t)(log->sequence + 1U);
    encode(log->image, log->sequence, record);
}

bool counter_log_writing(const struct counter_log *log)
{
    return log->phase == LOG_WRITING;
}

static bool reads_back(const struct counter_log *log)
{
    for (uint8_t i = 0; i < LOG_RECORD_BYTES; i++) {
        if (eeprom_byte(slot_address(log->target, i)) != log->image[i]) {
            return false;
        }
    }
    return true;
}

static void finish_record(struct counter_log *log)
{
    if (reads_back(log)) {
        log->newest = log->target;
        log->durable_sequence = log->sequence;
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
        const uint8_t new = log->phase == LOG_WRITING ? log->image[at] : ERASED;
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
