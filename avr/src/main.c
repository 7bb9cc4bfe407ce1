// The sensor board: takes what the interrupts have gathered, counts it, keeps it safe and sends it.
#include <avr/io.h>
#include <avr/pgmspace.h>

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

// Seconds after which a counter that does not move is told again, with the same numbers: a daemon that starts later knows every
// counter soon, and a line that was garbled is made good. The original daemon takes such a line for no news at all.
#define REPEAT_S 10U

// A function of its own: inlined, its variables would lie on the stack for ever.
#define NOT_INLINED __attribute__((noinline))

#define BLOCKS_PER_SECOND (TICK_HZ / BLOCK_TICKS)
#define BLOCK_MS (1000U / BLOCKS_PER_SECOND)

enum message { MESSAGE_NO_IDS, MESSAGE_WATCHDOG, MESSAGE_BROWN_OUT, MESSAGE_HELD_BACK, MESSAGE_COUNT };
#define MESSAGE_LONGEST 25 // with its ending zero
static const char message_text[MESSAGE_COUNT][MESSAGE_LONGEST] PROGMEM = {
    [MESSAGE_NO_IDS] = "NO SENSOR IDS",
    [MESSAGE_WATCHDOG] = "WDT",
    [MESSAGE_BROWN_OUT] = "BROWN-OUT",
    [MESSAGE_HELD_BACK] = "COUNTERS FROM CHECKPOINT",
};

static struct survivor_store store __attribute__((section(".noinit")));
static struct survivor life; // the counters
static struct factory factory;
static struct counter_log counters_log;
static struct checkpoint checkpoint;
static struct power_fail power;
static struct outbox outbox;
static struct readings second[CLAMP_COUNT]; // of the running second, without what creeps
static uint32_t watts[CLAMP_COUNT];
static uint32_t pulse_ms[PULSE_COUNT];
static uint8_t untold_s[SENSOR_COUNT]; // since the counter was last sent
static uint8_t blocks;
static uint16_t silent_s = POWER_UP_SILENCE_S;

static void say(uint8_t message)
{
    outbox.messages |= (uint8_t)(1U << message);
}

static void take_clamps(void)
{
    for (uint8_t i = 0; i < CLAMP_COUNT; i++) {
        const struct readings readings = tick_take_clamp(i);
        second[i].samples += readings.samples;
        if (clamp_creeps(&readings)) {
            continue;
        }
        second[i].sum += readings.sum;
        if (counter_add_nano(&life.counter[i], clamp_energy(&readings, factory.sensor[i].weight))) {
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
        watts[i] = clamp_watts(&second[i], factory.sensor[i].weight);
        second[i].sum = 0;
        second[i].samples = 0;
        outbox.powers |= (uint8_t)(1U << i);
    }
    for (uint8_t i = 0; i < SENSOR_COUNT; i++) {
        if (++untold_s[i] >= REPEAT_S) {
            untold_s[i] = 0;
            outbox.counters |= (uint8_t)(1U << i);
        }
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

static NOT_INLINED void save_at_power_loss(void)
{
    adc_off();
    led(false);
    take_clamps();
    take_pulses();
    life.brown_outs++;
    begin_record(true);
    while (counter_log_writing(&counters_log)) {
        work_on_eeprom();
    }
    adc_on(); // saved: should it only have been a dip, nothing more is missed
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

static NOT_INLINED void send(void)
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
        if (item.kind == OUTBOX_COUNTER) {
            untold_s[item.index] = 0;
            led(true); // off again at the next tenth of a second
        }
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

static NOT_INLINED void recover(uint8_t cause)
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
            say(MESSAGE_HELD_BACK);
        }
    }
    if (cause & _BV(WDRF)) {
        life.watchdogs++;
        say(MESSAGE_WATCHDOG);
    } else if ((cause & _BV(BORF)) && !(cause & _BV(PORF))) {
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
    for (uint8_t i = 0; i < PULSE_COUNT; i++) {
        pulse_ms[i] = 1; // the line of a pulse input has a time even before its first pulse, and never 0
    }
    for (uint8_t i = 0; i < SENSOR_COUNT; i++) {
        untold_s[i] = REPEAT_S - 1U; // every counter is told a second after power-up
    }
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
                say(MESSAGE_BROWN_OUT);
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
