#include "hex.h"

char hex_digit(uint8_t nibble)
{
    return (char)(nibble < 10 ? '0' + nibble : 'a' + (nibble - 10));
}

uint8_t hex_value(char digit)
{
    if (digit >= '0' && digit <= '9') {
        return (uint8_t)(digit - '0');
    }
    const char lower = (char)(digit | 0x20);
    if (lower >= 'a' && lower <= 'f') {
        return (uint8_t)(lower - 'a' + 10);
    }
    return HEX_INVALID;
}
