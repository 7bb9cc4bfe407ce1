// Blocks in the EEPROM that end with a CRC-16 of everything before, little endian.
#ifndef EEPROM_BLOCK_H
#define EEPROM_BLOCK_H

#include <stdbool.h>
#include <stdint.h>

// The two bytes from `address` on, little endian.
uint16_t eeprom_word(uint16_t address);

// True when the block of `length` bytes at `start` ends with the CRC of the rest.
bool eeprom_block_intact(uint16_t start, uint16_t length);

#endif
