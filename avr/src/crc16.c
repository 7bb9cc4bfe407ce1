#include "crc16.h"

uint16_t crc16_byte(uint16_t crc, uint8_t byte)
{
    crc = (uint16_t)(crc ^ (uint16_t)((uint16_t)byte << 8));
    for (uint8_t bit = 0; bit < 8; bit++) {
        const uint16_t shifted = (uint16_t)(crc << 1);
        crc = (crc & 0x8000U) ? (uint16_t)(shifted ^ 0x1021U) : shifted;
    }
    return crc;
}

uint16_t crc16(const void *bytes, uint8_t length)
{
    const uint8_t *byte = bytes;
    uint16_t crc = CRC16_START;
    for (uint8_t i = 0; i < length; i++) {
        crc = crc16_byte(crc, byte[i]);
    }
    return crc;
}
