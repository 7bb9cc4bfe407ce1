// The counters in the EEPROM: a ring of records, each with a sequence number and a CRC.
//
// A record goes to the slot after the newest good one, byte by byte, its CRC last: a cut at any byte leaves a slot that is not
// valid and all older records untouched. The two slots ahead are kept erased, so that the save at power loss needs no erase
// (1.8 ms a byte instead of 3.4 ms) even when it interrupts a record on its way. A record is read back before it counts.
//
// This file does no I/O but eeprom_byte(): the caller carries out one step after the other, at its own pace.
//
//   0              sequence number, +1 for each record begun
//   1 + 4 i        u32 counter of sensor i
//   1 + 4 n + 2 i  bits 0-9 thousandths, bits 10-15 reserve exponent of sensor i
//   1 + 6 n        u16 watchdog resets, u16 brown-outs
//   5 + 6 n        CRC-16 of everything before
//   (n sensors; all little endian)
#ifndef COUNTER_LOG_H
#define COUNTER_LOG_H

#include <stdbool.h>
#include <stdint.h>

#define LOG_RECORD_BYTES (7U + 6U * SENSOR_COUNT)
#define LOG_SLOTS (LOG_BYTES / LOG_RECORD_BYTES)
#define LOG_NO_SLOT 0xFFU

#if LOG_BYTES / (7U + 6U * SENSOR_COUNT) < 4
#error "the counter log needs at least four slots: the newest record, one being written, two erased ahead"
#endif

// A record as it stands in the EEPROM: the AVR and the machines that test it are little endian.
struct __attribute__((packed)) counter_record {
    uint8_t sequence;
    uint32_t units[SENSOR_COUNT];
    uint16_t milli_reserve[SENSOR_COUNT]; // see record_milli() and record_reserve()
    uint16_t watchdogs;
    uint16_t brown_outs;
    uint16_t crc;
};
_Static_assert(sizeof(struct counter_record) == LOG_RECORD_BYTES, "a record has no gaps");

#define RECORD_RESERVE_SHIFT 10U
#define RECORD_RESERVE_LARGEST 31U

// Thousandths, 0 to 999.
static inline uint16_t record_milli(const struct counter_record *record, uint8_t sensor)
{
    return record->milli_reserve[sensor] & ((1U << RECORD_RESERVE_SHIFT) - 1U);
}

// 0: exact. e: counters up to units + 2^e may have been sent before the next record (e to RECORD_RESERVE_LARGEST).
static inline uint8_t record_reserve(const struct counter_record *record, uint8_t sensor)
{
    return (uint8_t)(record->milli_reserve[sensor] >> RECORD_RESERVE_SHIFT);
}

static inline void record_set_milli_reserve(struct counter_record *record, uint8_t sensor, uint16_t milli, uint8_t reserve)
{
    record->milli_reserve[sensor] = (uint16_t)(milli | (uint16_t)((uint16_t)reserve << RECORD_RESERVE_SHIFT));
}

enum eeprom_action {
    EEPROM_NOTHING, // the log is at rest
    EEPROM_ERASE,   // set the byte to 0xFF (1.8 ms)
    EEPROM_WRITE,   // the byte is 0xFF: only clear bits (1.8 ms)
    EEPROM_REPLACE, // erase and write (3.4 ms)
};

struct eeprom_step {
    uint8_t action; // enum eeprom_action
    uint8_t value;
    uint16_t address;
};

enum log_phase { LOG_IDLE, LOG_WRITING, LOG_CLEARING };

struct counter_log {
    uint8_t phase;  // enum log_phase
    uint8_t newest; // slot of the newest good record, LOG_NO_SLOT without one
    uint8_t target; // slot being written or cleared
    uint8_t at;     // next byte in it
    uint8_t durable_sequence; // of the newest good record
    uint8_t failures;         // slots in a row that did not read back
    struct counter_record record; // the last one begun
};

// Finds the newest good record, which is then in log->record; false when there is none (it is then all zero).
// Afterwards the log may want to clear the slots ahead: take its steps.
bool counter_log_open(struct counter_log *log);

// Begins to write log->record, whose counters and counts the caller has just put there; sequence and CRC are the log's own.
// A record still on its way is given up; its slot stays invalid and another one is used.
void counter_log_begin(struct counter_log *log);

// True while a begun record is not yet durable.
bool counter_log_writing(const struct counter_log *log);

// What to do to the EEPROM next. Call it again only after that action is complete.
struct eeprom_step counter_log_step(struct counter_log *log);

#endif
