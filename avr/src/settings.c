#include "settings.h"

#include <string.h>

#include "crc16.h"
#include "eeprom.h"

_Static_assert(SETTINGS_START + 2U * SETTINGS_PLACE <= LOG_START, "the settings do not fit their place in the EEPROM");

static uint16_t address_of(uint8_t place, uint8_t at)
{
    return (uint16_t)(SETTINGS_START + (place ? SETTINGS_PLACE : 0U) + at);
}

static uint8_t image_byte(const struct settings *settings, uint16_t crc, uint8_t at)
{
    if (at < SETTINGS_LENGTH) {
        return ((const uint8_t *)settings)[at]; // both the AVR and the machines that test it are little endian
    }
    return (uint8_t)(at == SETTINGS_LENGTH ? crc & 0xFFU : crc >> 8);
}

static uint16_t crc_of(const struct settings *settings)
{
    uint16_t crc = crc16_byte(CRC16_START, SETTINGS_LAYOUT);
    for (uint8_t i = 0; i < SETTINGS_LENGTH; i++) {
        crc = crc16_byte(crc, image_byte(settings, 0, i));
    }
    return crc;
}

static bool same(const struct settings *settings, uint8_t place, uint16_t crc)
{
    for (uint8_t i = 0; i < SETTINGS_PLACE; i++) {
        if (eeprom_byte(address_of(place, i)) != image_byte(settings, crc, i)) {
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
    memset(settings->port, PORT_UNUSED, sizeof settings->port);
}

static bool read_place(struct settings *settings, uint8_t place)
{
    for (uint8_t i = 0; i < SETTINGS_LENGTH; i++) {
        ((uint8_t *)settings)[i] = eeprom_byte(address_of(place, i));
    }
    return same(settings, place, crc_of(settings));
}

void settings_read(struct settings *settings, struct settings_commit *commit)
{
    commit->writing = false;
    commit->place = 0;
    if (read_place(settings, 0)) {
        const uint8_t sequence = settings->sequence;
        if (read_place(settings, 1) && (int8_t)(uint8_t)(settings->sequence - sequence) > 0) {
            commit->place = 1;
        } else {
            (void)read_place(settings, 0);
        }
    } else if (read_place(settings, 1)) {
        commit->place = 1;
    } else {
        set_defaults(settings);
    }
}

void settings_begin(struct settings *settings, struct settings_commit *commit)
{
    commit->crc = crc_of(settings);
    if (same(settings, commit->place, commit->crc)) {
        return;
    }
    settings->sequence++;
    commit->crc = crc_of(settings);
    commit->at = 0;
    commit->writing = true;
}

struct eeprom_step settings_step(const struct settings *settings, struct settings_commit *commit)
{
    struct eeprom_step step = {.action = EEPROM_NOTHING, .value = 0, .address = SETTINGS_START};
    while (commit->writing) {
        const uint8_t at = commit->at++;
        const uint8_t other = commit->place ^ 1U;
        if (at == SETTINGS_PLACE) {
            commit->writing = false;
            if (same(settings, other, commit->crc)) {
                commit->place = other;
            }
            break;
        }
        const uint8_t value = image_byte(settings, commit->crc, at);
        if (eeprom_byte(address_of(other, at)) != value) {
            step.action = EEPROM_REPLACE;
            step.value = value;
            step.address = address_of(other, at);
            break;
        }
    }
    return step;
}

bool settings_durable(const struct settings *settings, const struct settings_commit *commit)
{
    return !commit->writing && same(settings, commit->place, commit->crc);
}
