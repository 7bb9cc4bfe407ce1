// The sensor board: takes what the interrupts have gathered, counts it, keeps it safe and sends it.
#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/wdt.h>

#include "accumulate.h"
#include "checkpoint.h"
#include "counter_log.h"
#include "events.h"
#include "factory.h"
#include "hardware.h"
#include "line.h"
#include "outbox.h"
#include "power_fail.h"
#include "survivor.h"

// Seconds of silence after power-up, while counting. The original router's boot loader stops at characters on its serial line,
// so boards for it are built with 20.
#ifndef POWER_UP_SILENCE_S
#define POWER_UP_SILENCE_S 0
#endif

#define BLOCKS_PER_SECOND (TICK_HZ / BLOCK_TICKS)
#define BLOCK_MS (1000U / BLOCKS_PER_SECOND)

enum message { MESSAGE_NO_IDS, MESSAGE_WATCHDOG, MESSAGE_BROWN_OUT, MESSAGE_RESUMED, MESSAGE_COUNT };
static const char *const message_text[MESSAGE_COUNT] = {
    [MESSAGE_NO_IDS] = "NO SENSOR IDS",
    [MESSAGE_WATCHDOG] = "WDT",
    [MESSAGE_BROWN_OUT] = "BROWN-OUT",
    [MESSAGE_RESUMED] = "COUNTERS FROM CHECKPOINT",
};

static struct survivor_store store __attribute__((section(".noinit")));
static struct survivor life; // the counters
static struct factory factory;
static struct counter_log counters_log;
static struct checkpoint checkpoint;
static struct power_fail power;
static struct outbox outbox;
static struct clamp_second second[CLAMP_COUNT];
static uint32_t watts[CLAMP_COUNT];
static uint32_t pulse_ms[PULSE_COUNT];
static uint8_t blocks;
static uint16_t silent_s = POWER_UP_SILENCE_S;

static void say(uint8_t message)
{
    outbox.messages |= (uint8_t)(1U << message);
}

static void take_clamps(void)
{
    for (uint8_t i = 0; i < CLAMP_COUNT; i++) {
        uint32_t sum;
        uint16_t samples;
        tick_take_clamp(i, &sum, &samples);
        const uint64_t nano = clamp_energy(sum, samples, factory.sensor[i].weight);
        second[i].nano += nano;
        second[i].samples += samples;
        if (counter_add_nano(&life.counter[i], nano)) {
            outbox.counters |= (uint8_t)(1U << i);
        }
    }
}

static void take_pulses(void)
{
    for (uint8_t i = 0; i < PULSE_COUNT; i++) {
        const uint8_t sensor = (uint8_t)(CLAMP_COUNT + i);
        uint32_t ms;
        const uint8_t pulses = tick_take_pulses(i, &ms);
        if (pulses) {
            counter_add_pulses(&life.counter[sensor], pulses, factory.sensor[sensor].weight, factory.sensor[sensor].milli);
            pulse_ms[i] = ms;
            outbox.counters |= (uint8_t)(1U << sensor);
        }
    }
}

static void end_second(void)
{
    for (uint8_t i = 0; i < CLAMP_COUNT; i++) {
        watts[i] = clamp_watts(&second[i]);
        second[i].nano = 0;
        second[i].samples = 0;
        outbox.powers |= (uint8_t)(1U << i);
    }
    if (!factory.ids) {
        say(MESSAGE_NO_IDS);
    }
    checkpoint_second(&checkpoint);
    if (silent_s) {
        silent_s--;
    }
}

static void begin_record(bool exact)
{
    struct counter_record record;
    checkpoint_record(&checkpoint, life.counter, exact, &record);
    record.watchdogs = life.watchdogs;
    record.brown_outs = life.brown_outs;
    counter_log_begin(&counters_log, &record);
}

static void work_on_eeprom(void)
{
    if (!eeprom_ready()) {
        return;
    }
    const bool was_writing = counter_log_writing(&counters_log);
    const struct eeprom_step step = counter_log_step(&counters_log);
    if (was_writing && !counter_log_writing(&counters_log)) {
        if (counters_log.durable_sequence == counters_log.sequence) {
            checkpoint_durable(&checkpoint);
        }
    }
    if (step.action != EEPROM_NOTHING) {
        eeprom_begin(step);
    }
}

static void save_at_power_loss(void)
{
    adc_off();
    led(false);
    take_clamps();
    take_pulses();
    begin_record(true);
    while (counter_log_writing(&counters_log)) {
        work_on_eeprom();
    }
}

static void resume(void)
{
    life.brown_outs++;
    adc_on();
    say(MESSAGE_BROWN_OUT);
}

static uint8_t make_line(char *line, struct outbox_item item)
{
    switch (item.kind) {
    case OUTBOX_MESSAGE:
        return line_message(line, message_text[item.index]);
    case OUTBOX_POWER:
        return line_power(line, factory.sensor[item.index].id, watts[item.index]);
    default:
        break;
    }
    const uint8_t *id = factory.sensor[item.index].id;
    if (item.index < CLAMP_COUNT) {
        return line_counter(line, id, life.counter[item.index].units);
    }
    return line_pulse(line, id, life.counter[item.index].units, pulse_ms[item.index - CLAMP_COUNT]);
}

static void send(void)
{
    if (silent_s || power.state != POWER_GOOD) {
        return;
    }
    uint8_t may_send = 0;
    for (uint8_t i = 0; i < SENSOR_COUNT; i++) {
        if (checkpoint_may_send(&checkpoint, i, life.counter[i].units)) {
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
        led(item.kind == OUTBOX_COUNTER);
    }
    uart_send();
}

static void keep(void)
{
    for (uint8_t i = 0; i < SENSOR_COUNT; i++) {
        life.floor[i] = checkpoint.floor[i];
    }
    life.sequence = counters_log.durable_sequence;
    survivor_keep(&store, &life);
}

static void recover(uint8_t cause)
{
    struct counter_record record;
    const bool found = counter_log_open(&counters_log, &record);
    checkpoint_restore(&checkpoint, &record);
    if (survivor_recover(&store, &record, counters_log.durable_sequence, &life)) {
        for (uint8_t i = 0; i < SENSOR_COUNT; i++) {
            checkpoint.floor[i] = life.floor[i];
        }
    } else {
        bool held_back = false;
        for (uint8_t i = 0; i < SENSOR_COUNT; i++) {
            life.counter[i].units = record.units[i];
            life.counter[i].nano = record.milli[i] * NANO_PER_MILLI;
            held_back = held_back || record.reserve[i];
        }
        life.watchdogs = record.watchdogs;
        life.brown_outs = record.brown_outs;
        if (found && held_back) {
            say(MESSAGE_RESUMED);
        }
    }
    if (cause & _BV(WDRF)) {
        life.watchdogs++;
        say(MESSAGE_WATCHDOG);
    } else if ((cause & _BV(BORF)) && !(cause & _BV(PORF))) {
        life.brown_outs++;
        say(MESSAGE_BROWN_OUT);
    }
}

int main(void)
{
    const uint8_t cause = MCUSR;
    MCUSR = 0;
    watchdog_start();
    board_start();
    factory_read(&factory);
    recover(cause);
    power_fail_start(&power);
    uart_start();
    tick_start(factory.debounce_ms);
    supply_start();
    (void)ring_write(&uart_ring, "\n", 1); // ends whatever a reset may have torn
    work_on_eeprom();
    for (;;) {
        const uint8_t happened = wait_for_events();
        if (happened & EVENT_SUPPLY) {
            if (power_fail_edge(&power) == POWER_SAVE) {
                save_at_power_loss();
            }
        }
        if (happened & (EVENT_BLOCK | EVENT_PULSE)) {
            take_pulses();
        }
        if (happened & EVENT_BLOCK) {
            watchdog_feed(); // only here: it proves that the tick and this loop both run
            led(false);
            take_clamps();
            if (++blocks >= BLOCKS_PER_SECOND) {
                blocks = 0;
                end_second();
            }
            if (power_fail_wait(&power, supply_low(), BLOCK_MS) == POWER_RESUME) {
                resume();
            }
        }
        if (power.state == POWER_GOOD && !counter_log_writing(&counters_log) &&
            checkpoint_due(&checkpoint, life.counter)) {
            begin_record(false);
        }
        work_on_eeprom();
        keep();
        send();
    }
}
