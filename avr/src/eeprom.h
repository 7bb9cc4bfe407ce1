// Reading the EEPROM, as the pure files see it. eeprom_hw.c implements it on the chip, an array in the host tests.
#ifndef EEPROM_H
#define EEPROM_H

#include <stdint.h>

uint8_t eeprom_byte(uint16_t address);

#endif
