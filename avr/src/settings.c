#include "settings.h"

#include <string.h>

#include "crc16.h"
#include "eeprom.h"

#define PLACE_BYTES ((uint8_t)sizeof(struct settings))

_Static_assert(SETTINGS_START + 2U * sizeof(struct settings) <= LOG_START, "the settings do not fit their place in the EEPROM");

static uint16_t address_of(uint8_t place, uint8_t at)
{
    return (uint16_t)(SETTINGS_START + (place ? PLACE_BYTES : 0U) + at);
}

static uint16_t crc_of(const struct settings *settings)
{
    return crc16(settings, PLACE_BYTES - sizeof settings->crc) ^ SETTINGS_LAYOUT;
}

static bool same(const struct settings *settings, uint8_t place)
{
    const uint8_t *bytes = (const uint8_t *)settings;
    for (uint8_t i = 0; i < PLACE_BYTES; i++) {
        if (eeprom_byte(address_of(place, i)) != bytes[i]) {
            return false;
        }
    }
    return true;
}

static void set_defaults(struct settings *settings)
{
    memset(settings, 0, sizeof *settings);
    settings->hardware[1] = BOARD_HW_MAJOR;
    settings->hardware[2] = BOARD_HW_MINOR;
    settings->software[0] = 1;
    settings->config[0] = 1;
    settings->led = 0xFF;
    settings->debounce_ms = DEBOUNCE_MS;
    memset(settings->port, PORT_UNUSED, sizeof settings->port);
}

static bool read_place(struct settings *settings, uint8_t place)
{
    uint8_t *bytes = (uint8_t *)settings;
    for (uint8_t i = 0; i < PLACE_BYTES; i++) {
        bytes[i] = eeprom_byte(address_of(place, i));
    }
    return settings->crc == crc_of(settings);
}

void settings_read(struct settings *settings, struct settings_commit *commit)
{
    commit->writing = false;
    const bool first = read_place(settings, 0);
    const uint8_t sequence = settings->sequence;
    commit->place = 1;
    if (read_place(settings, 1) && (!first || (int8_t)(uint8_t)(settings->sequence - sequence) > 0)) {
        return;
    }
    commit->place = 0;
    if (!read_place(settings, 0)) {
        set_defaults(settings);
    }
}

void settings_begin(struct settings *settings, struct settings_commit *commit)
{
    settings->crc = crc_of(settings);
    if (same(settings, commit->place)) {
        return;
    }
    settings->sequence++;
    settings->crc = crc_of(settings);
    commit->at = 0;
    commit->writing = true;
}

struct eeprom_step settings_step(const struct settings *settings, struct settings_commit *commit)
{
    struct eeprom_step step = {.action = EEPROM_NOTHING, .value = 0, .address = SETTINGS_START};
    const uint8_t other = commit->place ^ 1U;
    while (commit->writing) {
        const uint8_t at = commit->at++;
        if (at == PLACE_BYTES) {
            commit->writing = false;
            if (same(settings, other)) {
                commit->place = other;
            }
            break;
        }
        step.value = ((const uint8_t *)settings)[at];
        step.address = address_of(other, at);
        if (eeprom_byte(step.address) != step.value) {
            step.action = EEPROM_REPLACE;
            break;
        }
    }
    return step;
}

bool settings_durable(const struct settings *settings, const struct settings_commit *commit)
{
    return !commit->writing && same(settings, commit->place);
}
