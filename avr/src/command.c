#include "command.h"

#include <stddef.h>

#include "hex.h"

#define RECORD_BYTES 11U
#define MOST_BYTES 6U

// Where a command's fields are: `bytes` of them, as they stand on the wire or, a number, with the lowest byte first.
struct field {
    uint8_t *at;
    uint8_t bytes;
    bool number;
    bool indexed;
};

// False for a letter that names nothing.
static __attribute__((noinline)) bool field_of(const struct sensors *sensors, char what, uint8_t sensor, struct field *field)
{
    struct settings *settings = sensors->settings;
    struct survivor *life = sensors->life;
    void *at;
    uint8_t bytes = 2;
    bool number = true;
    bool indexed = false;
    switch (what) {
    case 'w':
        at = &life->watchdogs;
        break;
    case 'b':
        at = &life->brown_outs;
        break;
    case 'c':
        at = &life->counter[sensor].units;
        bytes = 4;
        indexed = true;
        break;
    case 'm':
        at = &settings->meterconst[sensor];
        indexed = true;
        break;
    case 'f':
        at = &settings->fraction[sensor];
        indexed = true;
        break;
    default:
        number = false;
        switch (what) {
        case 'h':
            at = settings->hardware;
            bytes = sizeof settings->hardware;
            break;
        case 's':
            at = settings->software;
            break;
        case 'p':
            at = settings->port;
            bytes = sizeof settings->port;
            break;
        case 'k':
            at = settings->config;
            bytes = sizeof settings->config;
            break;
        case 'i':
            at = &settings->led;
            bytes = 1;
            break;
        case 'e':
            at = &settings->enabled[sensor];
            bytes = 1;
            indexed = true;
            break;
        default:
            return false;
        }
    }
    *field = (struct field){.at = at, .bytes = bytes, .number = number, .indexed = indexed};
    return true;
}

// Byte `i` on the wire.
static uint8_t *byte_of(const struct field *field, uint8_t i)
{
    return &field->at[field->number ? field->bytes - 1U - i : i];
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
static void was_set(const struct sensors *sensors, char what, uint8_t sensor, const struct field *field)
{
    struct counter *counter = &sensors->life->counter[sensor];
    if (what == 'c' || what == 'f') {
        counter->nano = 0;
    }
    if (what == 'c') {
        checkpoint_order(sensors->checkpoint, sensors->life, sensor);
    }
    if (what == 'k' || what == 'e') { // flags
        for (uint8_t i = 0; i < field->bytes; i++) {
            field->at[i] = field->at[i] ? 1U : 0U;
        }
    }
}

// A record with thousandths must stay below the ceiling: at it, the next life could only vouch for the whole units.
static bool may_tell(const struct sensors *sensors, uint8_t sensor)
{
    return checkpoint_may_send(sensors->checkpoint, sensors->life, sensor) &&
           sensors->life->counter[sensor].units != sensors->checkpoint->ceiling[sensor];
}

static void tell_changes(const struct sensors *sensors, struct reply *reply)
{
    struct news *news = sensors->news;
    uint8_t sensor = news->turn;
    for (uint8_t i = 0; i < SENSOR_COUNT && reply->length + RECORD_BYTES <= REPLY_BYTES; i++) {
        const uint8_t bit = (uint8_t)(1U << sensor);
        if ((news->due & bit) && may_tell(sensors, sensor)) {
            const struct counter *counter = &sensors->life->counter[sensor];
            const uint16_t milli = (uint16_t)(counter->nano / NANO_PER_MILLI);
            put(reply, &sensor, 1);
            put(reply, &counter->units, 4);
            put(reply, &milli, 2);
            put(reply, &news->extra[sensor], 4);
            news->due = (uint8_t)(news->due & ~bit);
            news->told |= bit;
        }
        sensor = sensor + 1U < SENSOR_COUNT ? (uint8_t)(sensor + 1U) : 0U;
        if (reply->length + RECORD_BYTES > REPLY_BYTES) { // the others come first next time
            news->turn = sensor;
        }
    }
}

// Parses everything before it writes: the reply may lie where the message is.
static void get_or_set(const struct message *message, const struct sensors *sensors, struct reply *reply)
{
    uint8_t value[MOST_BYTES];
    uint8_t sensor = 0;
    uint8_t at = 2;
    const bool setting = message->text[0] == 's';
    const char what = message->text[1];
    struct field field;
    bool good = (setting || message->text[0] == 'g') && field_of(sensors, what, 0, &field);
    if (good && field.indexed) {
        good = argument(message, at, &sensor) && sensor < SENSOR_COUNT;
        at = 4;
    }
    for (uint8_t i = 0; setting && good && i < field.bytes; i++, at = (uint8_t)(at + 2U)) {
        good = argument(message, at, &value[i]);
    }
    begin_reply(reply, message);
    if (!good) {
        return;
    }
    if (field.indexed) {
        (void)field_of(sensors, what, sensor, &field);
        reply->bytes[reply->length++] = sensor;
    }
    if (setting) {
        for (uint8_t i = 0; i < field.bytes; i++) {
            *byte_of(&field, i) = value[i];
        }
        was_set(sensors, what, sensor, &field);
    }
    // A counter as it may be told: never below what may have been told, never above what a record vouches for.
    uint32_t told;
    if (what == 'c') {
        told = checkpoint_nearest(sensors->checkpoint, sensors->life, sensor);
        field.at = (uint8_t *)&told;
    }
    for (uint8_t i = 0; i < field.bytes; i++) {
        reply->bytes[reply->length++] = *byte_of(&field, i);
    }
}

enum command_outcome command_run(const struct message *message, const struct sensors *sensors, struct reply *reply)
{
    const char first = message->text[0];
    const char second = message->text[1];
    sensors->news->told = 0;
    if (first == 'c' && second == 't') {
        begin_reply(reply, message);
        return COMMAND_COMMIT;
    }
    if (first == 'g' && second == 'd') {
        begin_reply(reply, message);
        tell_changes(sensors, reply);
        return COMMAND_ANSWERED;
    }
    get_or_set(message, sensors, reply);
    return COMMAND_ANSWERED;
}

void command_refuse(enum frame_fault fault, struct reply *reply)
{
    reply->length = 0;
    reply->command[0] = 'z';
    reply->command[1] = fault == FRAME_SHORT ? 'y' : 'z';
}

uint8_t command_analog_sensors(const struct settings *settings)
{
    return settings->config[0] ? 3U : 1U;
}
