#include "crc8.h"

uint8_t crc8_byte(uint8_t crc, uint8_t byte)
{
    crc ^= byte;
    for (uint8_t bit = 0; bit < 8; bit++) {
        crc = (crc & 1U) ? (uint8_t)((crc >> 1) ^ 0x8CU) : (uint8_t)(crc >> 1);
    }
    return crc;
}
