// The v1 link: lines of text over the UART, one way.
#include <avr/pgmspace.h>

#include "events.h"
#include "factory.h"
#include "hardware.h"
#include "line.h"
#include "link.h"
#include "outbox.h"
#include "state.h"

// Seconds of silence after power-up, while counting. The original router's boot loader stops at characters on its serial line,
// so boards for it are built with 20.
#ifndef POWER_UP_SILENCE_S
#define POWER_UP_SILENCE_S 0
#endif

// Seconds after which a counter that does not move is told again, with the same numbers: a daemon that starts later knows every
// counter soon, and a line that was garbled is made good. The original daemon takes such a line for no news at all.
#define REPEAT_S 10U

#define TEXT_LONGEST 25 // with its ending zero
static const char message_text[MESSAGE_COUNT][TEXT_LONGEST] PROGMEM = {
    [MESSAGE_NO_IDS] = "NO SENSOR IDS",
    [MESSAGE_WATCHDOG] = "WDT",
    [MESSAGE_BROWN_OUT] = "BROWN-OUT",
    [MESSAGE_HELD_BACK] = "COUNTERS FROM CHECKPOINT",
};

static struct factory factory;
static struct outbox outbox;
static uint32_t watts[CLAMP_COUNT];
static uint32_t pulse_ms[PULSE_COUNT];
static uint8_t untold_s[SENSOR_COUNT]; // since the counter was last sent
static uint16_t silent_s = POWER_UP_SILENCE_S;

void link_read_settings(void)
{
    factory_read(&factory);
}

void link_start(void)
{
    for (uint8_t i = 0; i < PULSE_COUNT; i++) {
        pulse_ms[i] = 1; // the line of a pulse input has a time even before its first pulse, and never 0
    }
    for (uint8_t i = 0; i < SENSOR_COUNT; i++) {
        untold_s[i] = REPEAT_S - 1U; // every counter is told a second after power-up
    }
    uart_start();
    (void)ring_write(&uart_ring, "\n", 1); // ends whatever a reset may have torn
}

uint8_t link_debounce_ms(void)
{
    return factory.debounce_ms;
}

uint8_t link_sensor(uint8_t port)
{
    return port;
}

struct weight link_weight(uint8_t sensor)
{
    return (struct weight){.units = factory.sensor[sensor].weight, .milli = factory.sensor[sensor].milli};
}

void link_counted(uint8_t sensor)
{
    outbox.counters |= (uint8_t)(1U << sensor);
}

void link_pulse(uint8_t sensor, uint32_t ms)
{
    pulse_ms[sensor - CLAMP_COUNT] = ms;
    link_counted(sensor);
}

void link_power(uint8_t sensor, uint32_t mean_watts)
{
    watts[sensor] = mean_watts;
    outbox.powers |= (uint8_t)(1U << sensor);
}

void link_second(void)
{
    for (uint8_t i = 0; i < SENSOR_COUNT; i++) {
        if (++untold_s[i] >= REPEAT_S) {
            untold_s[i] = 0;
            link_counted(i);
        }
    }
    if (!factory.ids) {
        link_say(MESSAGE_NO_IDS);
    }
    if (silent_s) {
        silent_s--;
    }
}

void link_say(enum link_message message)
{
    outbox.messages |= (uint8_t)(1U << message);
}

static uint8_t make_line(char *line, struct outbox_item item)
{
    if (item.kind == OUTBOX_MESSAGE) {
        strcpy_P(line + LINE_MESSAGE_START, message_text[item.index]);
        return line_message(line);
    }
    uint8_t id[SENSOR_ID_BYTES];
    factory_read_id(item.index, id);
    if (item.kind == OUTBOX_POWER) {
        return line_power(line, id, watts[item.index]);
    }
    if (item.index < CLAMP_COUNT) {
        return line_counter(line, id, life.counter[item.index].units);
    }
    return line_pulse(line, id, life.counter[item.index].units, pulse_ms[item.index - CLAMP_COUNT]);
}

void link_work(void)
{
    if (silent_s) {
        return;
    }
    uint8_t may_send = 0;
    for (uint8_t i = 0; i < SENSOR_COUNT; i++) {
        if (checkpoint_may_send(&checkpoint, &life, i)) {
            may_send |= (uint8_t)(1U << i);
        }
    }
    if (!factory.ids) { // without ids there is nothing to say but that
        outbox.powers = 0;
        may_send = 0;
    }
    while (ring_room(&uart_ring) >= LINE_LONGEST) {
        const struct outbox_item item = outbox_take(&outbox, may_send);
        if (item.kind == OUTBOX_NOTHING) {
            break;
        }
        char line[LINE_LONGEST];
        (void)ring_write(&uart_ring, line, make_line(line, item)); // fits: there is room for the longest line
        if (item.kind == OUTBOX_COUNTER) {
            untold_s[item.index] = 0;
            led(true); // off again at the next tenth of a second
        }
    }
    uart_send();
}

void link_block(void)
{
    led(false);
}

bool link_take_wish(void)
{
    return false;
}

void link_durable(void)
{
}

struct eeprom_step link_eeprom_step(void)
{
    return (struct eeprom_step){.action = EEPROM_NOTHING, .value = 0, .address = 0};
}
