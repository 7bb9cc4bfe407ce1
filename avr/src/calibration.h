// Each clamp's own calibration, in the EEPROM. It is written once by whoever calibrates the board and never by the firmware.
//
//   0 + 4 i    clamp i: s16 gain trim, u16 noise floor (little endian)
//   4 n        CRC-16 of everything before, little endian
//   (n clamps)
//
// Gain trim: the clamp's readings are multiplied by 1 + trim / 65536. Floor: what is there without any current, and is taken off. For
// the RMS front end 256ths of a squared ADC step (noise, off the mean square), for the rectifying one 256ths of a step (the
// rectifier's offset, off the mean).
#ifndef CALIBRATION_H
#define CALIBRATION_H

#include <stdint.h>

#include "front_end.h"

#define CALIBRATION_CLAMP 4U
#define CALIBRATION_LENGTH (CALIBRATION_CLAMP * CLAMP_COUNT + 2U)

#if FRONT_END == FRONT_END_RMS
#define FLOOR256_DEFAULT 21U // what rounding to whole steps adds to a mean square: 1/12 of a squared step
#else
#define FLOOR256_DEFAULT 0U
#endif

struct calibration {
    int16_t trim;
    uint16_t floor256;
};

// Reads all clamps' calibration; without a valid one no trim and FLOOR256_DEFAULT.
void calibration_read(struct calibration calibration[CLAMP_COUNT]);

#endif
