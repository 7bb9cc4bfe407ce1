#include "factory.h"

#include "crc16.h"
#include "eeprom.h"

#if FACTORY_LENGTH > FACTORY_BYTES
#error "the factory block does not fit its place in the EEPROM"
#endif

static uint16_t eeprom_word(uint16_t address)
{
    return (uint16_t)(eeprom_byte(address) | (uint16_t)((uint16_t)eeprom_byte((uint16_t)(address + 1U)) << 8));
}

static bool block_is_valid(void)
{
    uint16_t crc = CRC16_START;
    for (uint16_t i = 0; i < FACTORY_LENGTH - 2U; i++) {
        crc = crc16_byte(crc, eeprom_byte((uint16_t)(FACTORY_START + i)));
    }
    return eeprom_byte(FACTORY_START) == FACTORY_MAGIC && eeprom_byte(FACTORY_START + 1U) == FACTORY_LAYOUT &&
           eeprom_byte(FACTORY_START + 2U) == SENSOR_COUNT && eeprom_word(FACTORY_START + FACTORY_LENGTH - 2U) == crc;
}

void factory_read(struct factory *factory)
{
    factory->ids = block_is_valid();
    factory->debounce_ms = factory->ids ? eeprom_byte(FACTORY_START + 3U) : 0U;
    if (factory->debounce_ms == 0U) {
        factory->debounce_ms = DEBOUNCE_MS;
    }
    for (uint8_t i = 0; i < SENSOR_COUNT; i++) {
        struct factory_sensor *sensor = &factory->sensor[i];
        const uint16_t start = (uint16_t)(FACTORY_START + FACTORY_HEAD + FACTORY_SENSOR * i);
        if (!factory->ids) {
            sensor->weight = i < CLAMP_COUNT ? METERCONST_DEFAULT : PULSE_WEIGHT_DEFAULT;
            sensor->milli = 0;
            continue;
        }
        for (uint8_t k = 0; k < SENSOR_ID_BYTES; k++) {
            sensor->id[k] = eeprom_byte((uint16_t)(start + k));
        }
        sensor->weight = eeprom_word((uint16_t)(start + SENSOR_ID_BYTES));
        sensor->milli = eeprom_word((uint16_t)(start + SENSOR_ID_BYTES + 2U));
        if (sensor->milli > 999U) {
            sensor->milli = 0;
        }
    }
}
