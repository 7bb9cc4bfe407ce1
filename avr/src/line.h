// The lines of the v1 UART link, exactly as the original daemon parses them (it rejects any other length).
#ifndef LINE_H
#define LINE_H

#include <stdint.h>

#define SENSOR_ID_BYTES 16
#define LINE_COUNTER_LENGTH 47 // "pls <32 hex>:<10 digits>" and "pwr ...", without the newline
#define LINE_PULSE_LENGTH 58   // "pls <32 hex>:<10 digits>:<10 digits>"
#define LINE_LONGEST (LINE_PULSE_LENGTH + 1)
#define LINE_MESSAGE_START 4 // after "msg "

// Each writes one line with its newline to `out` (LINE_LONGEST bytes, no terminating zero) and returns its length.
uint8_t line_counter(char *out, const uint8_t *id, uint32_t counter);
uint8_t line_pulse(char *out, const uint8_t *id, uint32_t counter, uint32_t ms);
uint8_t line_power(char *out, const uint8_t *id, uint32_t watts);
// The text of a message is at `out + LINE_MESSAGE_START` already, ended by a zero; it is cut to fit LINE_LONGEST.
uint8_t line_message(char *out);

#endif
