// The blocks that somebody else writes into the EEPROM: factory block and calibration, with right CRCs and with wrong ones.
//   byte 0: bit 0 the factory block gets a right CRC, bit 1 the calibration; then the EEPROM's content, the rest erased
#include <stdlib.h>
#include <string.h>

#include "calibration.h"
#include "crc16.h"
#include "eeprom_array.h"
#include "factory.h"

#define MUST(what) \
    do { \
        if (!(what)) { \
            abort(); \
        } \
    } while (0)

static void validate(uint16_t start, uint16_t length)
{
    const uint16_t crc = crc16(eeprom_array + start, (uint8_t)(length - 2U));
    eeprom_array[start + length - 2U] = (uint8_t)(crc & 0xFFU);
    eeprom_array[start + length - 1U] = (uint8_t)(crc >> 8);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    eeprom_array_erase();
    memcpy(eeprom_array, data + 1, size - 1 < EEPROM_BYTES ? size - 1 : EEPROM_BYTES);
    if (data[0] & 1U) {
        validate(FACTORY_START, FACTORY_LENGTH);
    }
    if (data[0] & 2U) {
        validate(CALIBRATION_START, CALIBRATION_LENGTH);
    }

    struct factory factory;
    factory_read(&factory);
    MUST(factory.debounce_ms != 0);
    MUST(!factory.ids || eeprom_array[FACTORY_START] == FACTORY_MAGIC);
    for (uint8_t i = 0; i < SENSOR_COUNT; i++) {
        uint8_t id[SENSOR_ID_BYTES];
        factory_read_id(i, id);
        MUST(memcmp(id, eeprom_array + FACTORY_START + FACTORY_HEAD + FACTORY_SENSOR * i, sizeof id) == 0);
        MUST(factory.sensor[i].milli <= 999);
    }

    struct calibration calibration[CLAMP_COUNT];
    calibration_read(calibration);
    if (data[0] & 2U) {
        MUST((uint16_t)calibration[0].trim ==
             (uint16_t)(eeprom_array[CALIBRATION_START] | (uint16_t)(eeprom_array[CALIBRATION_START + 1U] << 8)));
    }
    return 0;
}
