// Hexadecimal digits.
#ifndef HEX_H
#define HEX_H

#include <stdint.h>

#define HEX_INVALID 0xFFU

// The lower-case digit of 0 to 15.
char hex_digit(uint8_t nibble);

// The value of a digit of either case, HEX_INVALID for any other character.
uint8_t hex_value(char digit);

#endif
