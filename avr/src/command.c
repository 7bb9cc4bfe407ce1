#include "command.h"

#include <stddef.h>
#include <string.h>

#include "hex.h"
#include "state.h"

#define RECORD_BYTES 11U
#define MOST_BYTES 6U

// A table in flash costs no RAM.
#ifdef __AVR__
#define IN_FLASH __flash
#else
#define IN_FLASH
#endif

// What a letter names: `bytes` bytes at `at`, of the counters that survive a reset or of the settings.
struct field {
    char letter;
    uint8_t at;
    uint8_t bytes;
    uint8_t stride;  // from one sensor's to the next one's; 0 where there is only one
    bool is_number;  // its lowest byte comes first in memory; else the bytes stand as they are on the wire
    bool of_life;
};

#define SETTING(letter, name, stride, is_number, bytes) {letter, offsetof(struct settings, name), bytes, stride, is_number, false}
#define LIFE(letter, name, stride, bytes) {letter, offsetof(struct survivor, name), bytes, stride, true, true}

static const IN_FLASH struct field fields[] = {
    SETTING('h', hardware, 0, false, 3),
    SETTING('s', software, 0, false, 2),
    SETTING('p', port, 0, false, PORT_COUNT),
    SETTING('k', config, 0, false, 3),
    SETTING('i', led, 0, false, 1),
    SETTING('t', debounce_ms, 0, false, 1),
    SETTING('e', enabled, 1, false, 1),
    SETTING('m', meterconst, 2, true, 2),
    SETTING('f', fraction, 2, true, 2),
    LIFE('w', watchdogs, 0, 2),
    LIFE('b', brown_outs, 0, 2),
    LIFE('c', counter, sizeof(struct counter), 4),
};
#define FIELDS (sizeof fields / sizeof fields[0])
_Static_assert(offsetof(struct counter, units) == 0, "a counter's units come first");

typedef const IN_FLASH struct field *field_pointer;

// NULL for a letter that names nothing.
static field_pointer find(char letter)
{
    for (field_pointer field = fields; field < fields + FIELDS; field++) {
        if (field->letter == letter) {
            return field;
        }
    }
    return NULL;
}

static uint8_t *place_of(field_pointer field, uint8_t sensor)
{
    uint8_t *base = field->of_life ? (uint8_t *)&life : (uint8_t *)&settings;
    return base + field->at + (uint8_t)(sensor * field->stride);
}

// Where byte `i` on the wire is in memory.
static uint8_t index_of(field_pointer field, uint8_t i)
{
    return field->is_number ? (uint8_t)(field->bytes - 1U - i) : i;
}

// The byte of two digits at `at`; what is missing reads as 0. False at a character that is no hex digit.
static __attribute__((noinline)) bool argument(const struct message *message, uint8_t at, uint8_t *value)
{
    *value = 0;
    if (at + 2U > message->length) {
        return true;
    }
    const uint8_t high = hex_value(message->text[at]);
    const uint8_t low = hex_value(message->text[at + 1U]);
    *value = (uint8_t)(high << 4 | low);
    return high != HEX_INVALID && low != HEX_INVALID;
}

// Appends a number, whose lowest byte comes first in memory.
static __attribute__((noinline)) void put(struct reply *reply, const void *number, uint8_t bytes)
{
    const uint8_t *from = (const uint8_t *)number + bytes;
    while (bytes--) {
        reply->bytes[reply->length++] = *--from;
    }
}

static __attribute__((noinline)) void begin_reply(struct reply *reply, const struct message *message)
{
    const char first = message->text[0];
    const char second = message->text[1];
    reply->command[0] = first;
    reply->command[1] = second;
    reply->length = 0;
}

// What setting a field brings with it.
static void was_set(char letter, uint8_t sensor, uint8_t *bytes, uint8_t count)
{
    if (letter == 'c' || letter == 'f') {
        life.counter[sensor].nano = 0;
    }
    if (letter == 'c') {
        checkpoint_order(&checkpoint, &life, sensor);
    }
    if (letter == 'k' || letter == 'e') { // flags
        for (uint8_t i = 0; i < count; i++) {
            bytes[i] = bytes[i] ? 1U : 0U;
        }
    }
}

// A record with thousandths must stay below the ceiling: at it, the next life could only vouch for the whole units.
static bool may_tell(uint8_t sensor)
{
    return checkpoint_may_send(&checkpoint, &life, sensor) &&
           life.counter[sensor].units != checkpoint.ceiling[sensor];
}

static void tell_changes(struct reply *reply)
{
    uint8_t sensor = news.turn;
    for (uint8_t i = 0; i < SENSOR_COUNT && reply->length + RECORD_BYTES <= REPLY_BYTES; i++) {
        const uint8_t bit = (uint8_t)(1U << sensor);
        if ((news.due & bit) && may_tell(sensor)) {
            const struct counter *counter = &life.counter[sensor];
            const uint16_t milli = (uint16_t)(counter->nano / NANO_PER_MILLI);
            put(reply, &sensor, 1);
            put(reply, &counter->units, 4);
            put(reply, &milli, 2);
            put(reply, &news.extra[sensor], 4);
            news.due = (uint8_t)(news.due & ~bit);
            news.told |= bit;
        }
        sensor = sensor + 1U < SENSOR_COUNT ? (uint8_t)(sensor + 1U) : 0U;
        if (reply->length + RECORD_BYTES > REPLY_BYTES) { // the others come first next time
            news.turn = sensor;
        }
    }
}

// Parses everything before it writes: the reply may lie where the message is.
static void get_or_set(const struct message *message, struct reply *reply)
{
    uint8_t value[MOST_BYTES];
    uint8_t sensor = 0;
    uint8_t at = 2;
    const bool setting = message->text[0] == 's';
    const char letter = message->text[1];
    const field_pointer field = find(letter);
    bool good = field && (setting || message->text[0] == 'g');
    if (good && field->stride) {
        good = argument(message, at, &sensor) && sensor < SENSOR_COUNT;
        at = 4;
    }
    for (uint8_t i = 0; setting && good && i < field->bytes; i++, at = (uint8_t)(at + 2U)) {
        good = argument(message, at, &value[i]);
    }
    begin_reply(reply, message);
    if (!good) {
        return;
    }
    if (field->stride) {
        reply->bytes[reply->length++] = sensor;
    }
    uint8_t *place = place_of(field, sensor);
    if (setting) {
        for (uint8_t i = 0; i < field->bytes; i++) {
            place[index_of(field, i)] = value[i];
        }
        was_set(letter, sensor, place, field->bytes);
    }
    // A counter as it may be told: never below what may have been told, never above what a record vouches for.
    if (letter == 'c') {
        const uint32_t told = checkpoint_nearest(&checkpoint, &life, sensor);
        memcpy(value, &told, sizeof told);
        place = value;
    }
    for (uint8_t i = 0; i < field->bytes; i++) {
        reply->bytes[reply->length++] = place[index_of(field, i)];
    }
}

enum command_outcome command_run(const struct message *message, struct reply *reply)
{
    const char first = message->text[0];
    const char second = message->text[1];
    news.told = 0;
    if (first == 'c' && second == 't') {
        begin_reply(reply, message);
        return COMMAND_COMMIT;
    }
    if (first == 'g' && second == 'd') {
        begin_reply(reply, message);
        tell_changes(reply);
        return COMMAND_ANSWERED;
    }
    get_or_set(message, reply);
    return COMMAND_ANSWERED;
}

void command_refuse(enum frame_fault fault, struct reply *reply)
{
    reply->length = 0;
    reply->command[0] = 'z';
    reply->command[1] = fault == FRAME_SHORT ? 'y' : 'z';
}

uint8_t command_analog_sensors(void)
{
    return settings.config[0] ? 3U : 1U;
}
