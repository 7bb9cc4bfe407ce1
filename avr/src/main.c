// The sensor board: takes what the interrupts have gathered, counts it, keeps it safe and sends it.
#include <avr/io.h>

#include "accumulate.h"
#include "calibration.h"
#include "checkpoint.h"
#include "clamp.h"
#include "counter_log.h"
#include "events.h"
#include "hardware.h"
#include "link.h"
#include "power_fail.h"
#include "state.h"
#include "survivor.h"

// A function of its own: inlined, its variables would lie on the stack for ever.
#define NOT_INLINED __attribute__((noinline))

#define BLOCKS_PER_SECOND (TICK_HZ / BLOCK_TICKS)
#define BLOCK_MS (1000U / BLOCKS_PER_SECOND)

struct survivor life __attribute__((section(".noinit")));
static struct survivor spare __attribute__((section(".noinit")));
struct checkpoint checkpoint;
static struct counter_log counters_log;
static struct power_fail power;
static struct clamp clamps[CLAMP_COUNT];
static struct calibration calibration[CLAMP_COUNT];
static uint8_t blocks;

static void take_clamps(void)
{
    for (uint8_t i = 0; i < CLAMP_COUNT; i++) {
        const struct readings readings = tick_take_clamp(i);
        const uint8_t sensor = link_sensor(i);
        const bool used = sensor != LINK_NO_SENSOR;
        const uint64_t nano = clamp_block(&clamps[i], &readings, used ? link_weight(sensor).units : 0U, &calibration[i]);
        if (used && counter_add_nano(&life.counter[sensor], nano)) {
            link_counted(sensor);
        }
    }
}

static void take_pulses(void)
{
    for (uint8_t i = 0; i < PULSE_COUNT; i++) {
        const uint8_t sensor = link_sensor((uint8_t)(CLAMP_COUNT + i));
        uint32_t ms;
        const uint8_t pulses = tick_take_pulses(i, &ms);
        if (pulses && sensor != LINK_NO_SENSOR) {
            const struct weight weight = link_weight(sensor);
            counter_add_pulses(&life.counter[sensor], pulses, weight.units, weight.milli);
            link_pulse(sensor, ms);
        }
    }
}

static void end_second(void)
{
    link_second();
    for (uint8_t i = 0; i < CLAMP_COUNT; i++) {
        const uint8_t sensor = link_sensor(i);
        const bool used = sensor != LINK_NO_SENSOR;
        const uint32_t watts = clamp_second(&clamps[i], used ? link_weight(sensor).units : 0U, &calibration[i]);
        if (used) {
            link_power(sensor, watts);
        }
    }
    checkpoint_second(&checkpoint);
}

static void begin_record(bool exact)
{
    checkpoint_record(&checkpoint, &life, exact, &counters_log.record);
    counter_log_begin(&counters_log);
}

static void work_on_eeprom(void)
{
    if (!eeprom_ready()) {
        return;
    }
    const bool was_writing = counter_log_writing(&counters_log);
    struct eeprom_step step = {.action = EEPROM_NOTHING, .value = 0, .address = 0};
    if (!was_writing) {
        step = link_eeprom_step();
    }
    if (step.action == EEPROM_NOTHING) {
        step = counter_log_step(&counters_log);
    }
    if (was_writing && !counter_log_writing(&counters_log)) {
        if (counters_log.durable_sequence == counters_log.record.sequence) {
            checkpoint_durable(&checkpoint, &counters_log.record);
            link_durable();
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

static void keep(void)
{
    life.sequence = counters_log.durable_sequence;
    survivor_keep(&life, &spare);
}

static NOT_INLINED void recover(uint8_t cause)
{
    (void)counter_log_open(&counters_log);
    checkpoint_restore(&checkpoint, &counters_log.record);
    if (!survivor_recover(&life, &spare, &counters_log.record, counters_log.durable_sequence) &&
        checkpoint_begin_life(&checkpoint, &counters_log.record, &life)) {
        link_say(MESSAGE_HELD_BACK);
    }
    if (cause & _BV(WDRF)) {
        life.watchdogs++;
        link_say(MESSAGE_WATCHDOG);
    } else if ((cause & _BV(BORF)) && !(cause & _BV(PORF))) {
        link_say(MESSAGE_BROWN_OUT);
    }
}

int main(void)
{
    const uint8_t cause = MCUSR;
    MCUSR = 0;
    watchdog_start();
    board_start();
    link_read_settings();
    calibration_read(calibration);
    recover(cause);
    power_fail_start(&power);
    link_start();
    tick_start(link_debounce_ms());
    supply_start();
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
            link_block();
            take_clamps();
            if (++blocks >= BLOCKS_PER_SECOND) {
                blocks = 0;
                end_second();
                if (power_fail_sags(&power, supply_low()) && !counter_log_writing(&counters_log)) {
                    begin_record(false);
                }
            }
            if (power_fail_wait(&power, supply_low(), BLOCK_MS) == POWER_RESUME) {
                link_say(MESSAGE_BROWN_OUT);
            }
        }
        if (power.state == POWER_GOOD && !counter_log_writing(&counters_log)) {
            const bool wished = link_take_wish();
            if (wished || checkpoint_due(&checkpoint, &life, &counters_log.record)) {
                begin_record(false);
            }
        }
        work_on_eeprom();
        keep();
        if (power.state == POWER_GOOD) {
            link_work();
        }
    }
}
