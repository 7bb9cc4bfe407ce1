#include "line.h"

static uint8_t put_decimal(char *out, uint32_t value)
{
    for (uint8_t i = 10; i > 0; i--) {
        out[i - 1] = (char)('0' + (char)(value % 10U));
        value /= 10U;
    }
    return 10;
}

static char hex_digit(uint8_t nibble)
{
    return (char)(nibble < 10 ? '0' + nibble : 'a' + (nibble - 10));
}

// "pls" or "pwr": both words begin with p.
static uint8_t put_start(char *out, char middle, char last, const uint8_t *id)
{
    uint8_t at = 4;
    out[0] = 'p';
    out[1] = middle;
    out[2] = last;
    out[3] = ' ';
    for (uint8_t i = 0; i < SENSOR_ID_BYTES; i++) {
        out[at++] = hex_digit(id[i] >> 4);
        out[at++] = hex_digit(id[i] & 0x0FU);
    }
    out[at++] = ':';
    return at;
}

static uint8_t put_value_line(char *out, char middle, char last, const uint8_t *id, uint32_t value)
{
    uint8_t at = put_start(out, middle, last, id);
    at = (uint8_t)(at + put_decimal(out + at, value));
    out[at++] = '\n';
    return at;
}

uint8_t line_counter(char *out, const uint8_t *id, uint32_t counter)
{
    return put_value_line(out, 'l', 's', id, counter);
}

uint8_t line_pulse(char *out, const uint8_t *id, uint32_t counter, uint32_t ms)
{
    uint8_t at = put_start(out, 'l', 's', id);
    at = (uint8_t)(at + put_decimal(out + at, counter));
    out[at++] = ':';
    at = (uint8_t)(at + put_decimal(out + at, ms));
    out[at++] = '\n';
    return at;
}

uint8_t line_power(char *out, const uint8_t *id, uint32_t watts)
{
    return put_value_line(out, 'w', 'r', id, watts);
}

uint8_t line_message(char *out)
{
    uint8_t at = LINE_MESSAGE_START;
    out[0] = 'm';
    out[1] = 's';
    out[2] = 'g';
    out[3] = ' ';
    while (at < LINE_LONGEST - 1 && out[at]) {
        at++;
    }
    out[at++] = '\n';
    return at;
}
