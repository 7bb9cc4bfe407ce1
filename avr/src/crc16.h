// CRC-16/CCITT-FALSE: polynomial 0x1021, start 0xFFFF, not reflected, no final inversion. Check value of "123456789": 0x29B1.
#ifndef CRC16_H
#define CRC16_H

#include <stdint.h>

#define CRC16_START 0xFFFFU

// The CRC `crc` continued by one byte.
uint16_t crc16_byte(uint16_t crc, uint8_t byte);

// The CRC of `length` bytes.
uint16_t crc16(const void *bytes, uint8_t length);

#endif
