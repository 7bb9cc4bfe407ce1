// The v2 link: the main board asks over SPI, see frame.h and command.h.
#include "command.h"
#include "frame.h"
#include "hardware.h"
#include "link.h"
#include "settings.h"
#include "state.h"

#define LED_FOLLOWS_LINK 0xFFU
#define COMMIT_S 2U // longer than any commit takes, unless the EEPROM is worn out

// How far a commit (`ct`) is: it is answered when both settings and counters are safe.
enum commit_stage { COMMIT_NONE, COMMIT_ASKED, COMMIT_RECORD_BEGUN, COMMIT_RECORD_DURABLE };

struct settings settings;
static struct settings_commit settings_commit;
struct news news;
static struct frame frame;
static uint8_t commit_stage; // enum commit_stage
static uint8_t commit_s;

void link_read_settings(void)
{
    settings_read(&settings, &settings_commit);
}

void link_start(void)
{
    frame_start(&frame);
    rs485_start();
    spi_start(&frame);
}

uint8_t link_debounce_ms(void)
{
    return settings.debounce_ms;
}

uint8_t link_sensor(uint8_t port)
{
    const uint8_t sensor = settings.port[port];
    const bool no_clamp = port < CLAMP_COUNT && port >= command_analog_sensors();
    if (no_clamp || sensor >= SENSOR_COUNT || !settings.enabled[sensor]) {
        return LINK_NO_SENSOR;
    }
    return sensor;
}

struct weight link_weight(uint8_t sensor)
{
    return (struct weight){.units = settings.meterconst[sensor], .milli = settings.fraction[sensor]};
}

void link_counted(uint8_t sensor)
{
    news.due |= (uint8_t)(1U << sensor);
}

void link_pulse(uint8_t sensor, uint32_t ms)
{
    if (sensor >= command_analog_sensors()) {
        news.extra[sensor] = ms;
    }
    if (settings.led < PORT_COUNT && settings.port[settings.led] == sensor) {
        led(false);
    }
    link_counted(sensor);
}

void link_second(void)
{
    for (uint8_t i = 0; i < command_analog_sensors(); i++) {
        news.extra[i] = 0;
    }
    if (commit_stage != COMMIT_NONE && ++commit_s > COMMIT_S) { // the EEPROM is worn out: no answer is better than a wrong one
        commit_stage = COMMIT_NONE;
        frame_drop(&frame);
    }
}

// Called for each clamp after link_second(): the powers of the clamps of one sensor add up.
void link_power(uint8_t sensor, uint32_t watts)
{
    if (sensor < command_analog_sensors()) {
        news.extra[sensor] += watts;
        link_counted(sensor);
    }
}

void link_say(enum link_message message)
{
    (void)message; // the main board asks for the counts of restarts itself (gw, gb)
}

void link_block(void)
{
    led(true); // off for a moment when something happens
}

static void answer(void)
{
    const enum frame_fault fault = frame_check(&frame);
    if (frame.unread) { // what the dropped reply told is news again
        frame.unread = false;
        news.due |= news.told;
    }
    if (fault != FRAME_GOOD) {
        news.told = 0;
        command_refuse(fault, &frame.reply);
    } else {
        if (command_run(&frame.message, &frame.reply) == COMMAND_COMMIT) {
            settings_begin(&settings, &settings_commit);
            commit_stage = COMMIT_ASKED;
            commit_s = 0;
            return;
        }
        tick_debounce(settings.debounce_ms);
    }
    frame_answer(&frame);
}

void link_work(void)
{
    if (spi_heard() && settings.led == LED_FOLLOWS_LINK) {
        led(false);
    }
    if (commit_stage == COMMIT_RECORD_DURABLE && settings_durable(&settings, &settings_commit)) {
        commit_stage = COMMIT_NONE;
        frame_answer(&frame);
    } else if (commit_stage == COMMIT_NONE && frame.control == FRAME_ASKED) {
        answer();
    }
}

bool link_take_wish(void)
{
    if (commit_stage != COMMIT_ASKED) {
        return false;
    }
    commit_stage = COMMIT_RECORD_BEGUN;
    return true;
}

void link_durable(void)
{
    if (commit_stage == COMMIT_RECORD_BEGUN) {
        commit_stage = COMMIT_RECORD_DURABLE;
    }
}

struct eeprom_step link_eeprom_step(void)
{
    return settings_step(&settings, &settings_commit);
}
