#include "factory.h"

#include "eeprom.h"
#include "eeprom_block.h"

#if FACTORY_LENGTH > FACTORY_BYTES
#error "the factory block does not fit its place in the EEPROM"
#endif

static bool block_is_valid(void)
{
    return eeprom_byte(FACTORY_START) == FACTORY_MAGIC && eeprom_byte(FACTORY_START + 1U) == FACTORY_LAYOUT &&
           eeprom_byte(FACTORY_START + 2U) == SENSOR_COUNT && eeprom_block_intact(FACTORY_START, FACTORY_LENGTH);
}

static uint16_t sensor_address(uint8_t sensor)
{
    return (uint16_t)(FACTORY_START + FACTORY_HEAD + FACTORY_SENSOR * sensor);
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
        if (factory->ids) {
            sensor->weight = eeprom_word((uint16_t)(sensor_address(i) + SENSOR_ID_BYTES));
            sensor->milli = eeprom_word((uint16_t)(sensor_address(i) + SENSOR_ID_BYTES + 2U));
        } else {
            sensor->weight = i < CLAMP_COUNT ? METERCONST_DEFAULT : PULSE_WEIGHT_DEFAULT;
            sensor->milli = 0;
        }
        if (sensor->milli > 999U) {
            sensor->milli = 0;
        }
    }
}

void factory_read_id(uint8_t sensor, uint8_t *id)
{
    for (uint8_t i = 0; i < SENSOR_ID_BYTES; i++) {
        id[i] = eeprom_byte((uint16_t)(sensor_address(sensor) + i));
    }
}
