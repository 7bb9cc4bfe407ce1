// Each clamp's own calibration, in the EEPROM. It is written once by whoever calibrates the board and never by the firmware.
//
//   0 + 4 i    clamp i: s16 gain trim, u16 noise floor (little endian)
//   4 n        CRC-16 of everything before, little endian
//   (n clamps)
//
// Gain trim: the clamp's readings are multiplied by 1 + trim / 65536. Noise floor, for the RMS front end: 256ths of a squared ADC
// step that are there without any current, and are taken off the mean square.
#ifndef CALIBRATION_H
#define CALIBRATION_H

#include <stdint.h>

#define CALIBRATION_CLAMP 4U
#define CALIBRATION_LENGTH (CALIBRATION_CLAMP * CLAMP_COUNT + 2U)

// What rounding to whole steps adds to a mean square: 1/12 of a squared step.
#define FLOOR256_DEFAULT 21U

struct calibration {
    int16_t trim;
    uint16_t floor256;
};

// Reads all clamps' calibration; without a valid one no trim and FLOOR256_DEFAULT.
void calibration_read(struct calibration calibration[CLAMP_COUNT]);

#endif
