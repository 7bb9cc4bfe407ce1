// The EEPROM of the host tests: an array, with the operations of the chip and what a power cut leaves of them.
#ifndef EEPROM_ARRAY_H
#define EEPROM_ARRAY_H

#include <stdbool.h>
#include <stdint.h>

#include "counter_log.h"

extern uint8_t eeprom_array[EEPROM_BYTES];
extern uint16_t eeprom_stuck_at; // this byte cannot be written any more; EEPROM_BYTES: none
extern uint32_t eeprom_operations;

void eeprom_array_erase(void);

// Carries out one step as the chip does: a write without erase only clears bits.
void eeprom_apply(struct eeprom_step step);

// Carries out the log's steps until it rests; false when the power went away before operation number `cut_at` was complete
// (counted from 1; 0: never). The byte on its way is then left as `torn`.
bool eeprom_work(struct counter_log *log, uint32_t cut_at, uint8_t torn);

#endif
