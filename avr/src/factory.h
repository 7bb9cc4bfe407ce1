// The factory block in the EEPROM: who the sensors are and what one pulse or one ADC step is worth.
// It is written once by whoever provisions the board and never by the firmware, so the same program serves every board.
//
//   0      0x46 ('F')
//   1      layout, 1
//   2      number of sensors
//   3      debounce time in ms, 0 = the board's default
//   4 + 20 i  sensor i: id (16 bytes), u16 weight, u16 thousandths (little endian)
//             clamp: weight is the meter constant; pulse: Wh or L for one pulse, with thousandths
//   last 2 bytes  CRC-16 of everything before, little endian
#ifndef FACTORY_H
#define FACTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "line.h"

#define FACTORY_MAGIC 0x46U
#define FACTORY_LAYOUT 1U
#define FACTORY_HEAD 4U
#define FACTORY_SENSOR (SENSOR_ID_BYTES + 4U)
#define FACTORY_LENGTH (FACTORY_HEAD + FACTORY_SENSOR * SENSOR_COUNT + 2U)

struct factory_sensor {
    uint16_t weight;
    uint16_t milli;
};

struct factory {
    bool ids; // false: the block is missing or damaged, the sensors have no ids and the weights are the defaults
    uint8_t debounce_ms;
    struct factory_sensor sensor[SENSOR_COUNT];
};

// Reads the block; without a valid one the defaults of the board, and `ids` false.
void factory_read(struct factory *factory);

// Reads the id of a sensor (SENSOR_ID_BYTES) from a valid block; they stay in the EEPROM to save RAM.
void factory_read_id(uint8_t sensor, uint8_t *id);

#endif
