// CRC-8 of the v2 link, Dallas/Maxim 1-Wire: polynomial 0x31 reflected (0x8C), start 0. Check value of "123456789": 0xA1.
#ifndef CRC8_H
#define CRC8_H

#include <stdint.h>

// The CRC `crc` (0 at first) continued by one byte.
uint8_t crc8_byte(uint8_t crc, uint8_t byte);

#endif
