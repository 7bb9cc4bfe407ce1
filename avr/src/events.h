// What the interrupts tell the main loop, one bit each. The main loop sleeps while none is set.
#ifndef EVENTS_H
#define EVENTS_H

#include <stdint.h>

#define EVENT_BLOCK 0x01U  // a tenth of a second is over
#define EVENT_PULSE 0x02U  // a pulse is waiting
#define EVENT_ROOM 0x04U   // the transmit ring has room for a line again
#define EVENT_EEPROM 0x08U // the EEPROM is ready for the next byte
#define EVENT_SUPPLY 0x10U // the comparator saw the supply sink
#define EVENT_LINK 0x20U   // the main board has asked something

extern volatile uint8_t events;

#endif
