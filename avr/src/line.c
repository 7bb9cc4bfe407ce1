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

static uint8_t put_start(char *out, const char *word, const uint8_t *id)
{
    uint8_t at = 0;
    while (*word) {
        out[at++] = *word++;
    }
    out[at++] = ' ';
    for (uint8_t i = 0; i < SENSOR_ID_BYTES; i++) {
        out[at++] = hex_digit(id[i] >> 4);
        out[at++] = hex_digit(id[i] & 0x0FU);
    }
    out[at++] = ':';
    return at;
}

static uint8_t put_value_line(char *out, const char *word, const uint8_t *id, uint32_t value)
{
    uint8_t at = put_start(out, word, id);
    at = (uint8_t)(at + put_decimal(out + at, value));
    out[at++] = '\n';
    return at;
}

uint8_t line_counter(char *out, const uint8_t *id, uint32_t counter)
{
    return put_value_line(out, "pls", id, counter);
}

uint8_t line_pulse(char *out, const uint8_t *id, uint32_t counter, uint32_t ms)
{
    uint8_t at = put_start(out, "pls", id);
    at = (uint8_t)(at + put_decimal(out + at, counter));
    out[at++] = ':';
    at = (uint8_t)(at + put_decimal(out + at, ms));
    out[at++] = '\n';
    return at;
}

uint8_t line_power(char *out, const uint8_t *id, uint32_t watts)
{
    return put_value_line(out, "pwr", id, watts);
}

uint8_t line_message(char *out, const char *text)
{
    uint8_t at = 0;
    for (const char *word = "msg "; *word; word++) {
        out[at++] = *word;
    }
    while (*text && at < LINE_LONGEST - 1) {
        out[at++] = *text++;
    }
    out[at++] = '\n';
    return at;
}
