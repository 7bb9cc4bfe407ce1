#include "calibration.h"

#include <stdbool.h>

#include "eeprom_block.h"

_Static_assert(CALIBRATION_START + CALIBRATION_LENGTH <= LOG_START || CALIBRATION_START >= LOG_START + LOG_BYTES,
               "the calibration lies in the counter log");
_Static_assert(CALIBRATION_START + CALIBRATION_LENGTH <= EEPROM_BYTES, "the calibration does not fit the EEPROM");

void calibration_read(struct calibration calibration[CLAMP_COUNT])
{
    const bool valid = eeprom_block_intact(CALIBRATION_START, CALIBRATION_LENGTH);
    for (uint8_t i = 0; i < CLAMP_COUNT; i++) {
        const uint16_t address = (uint16_t)(CALIBRATION_START + CALIBRATION_CLAMP * i);
        calibration[i].trim = valid ? (int16_t)eeprom_word(address) : 0;
        calibration[i].floor256 = valid ? eeprom_word((uint16_t)(address + 2U)) : FLOOR256_DEFAULT;
    }
}
