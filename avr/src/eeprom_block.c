#include "eeprom_block.h"

#include "crc16.h"
#include "eeprom.h"

uint16_t eeprom_word(uint16_t address)
{
    return (uint16_t)(eeprom_byte(address) | (uint16_t)((uint16_t)eeprom_byte((uint16_t)(address + 1U)) << 8));
}

bool eeprom_block_intact(uint16_t start, uint16_t length)
{
    const uint16_t end = (uint16_t)(start + length - 2U);
    uint16_t crc = CRC16_START;
    while (start != end) {
        crc = crc16_byte(crc, eeprom_byte(start++));
    }
    return crc == eeprom_word(end);
}
