#include <avr/interrupt.h>
#include <avr/io.h>
#include <util/atomic.h>

#include "events.h"
#include "hardware.h"

ISR(EE_READY_vect)
{
    EECR &= (uint8_t)~_BV(EERIE);
    events |= EVENT_EEPROM;
}

bool eeprom_ready(void)
{
    return !(EECR & _BV(EEPE));
}

uint8_t eeprom_byte(uint16_t address)
{
    while (!eeprom_ready()) {
    }
    EEAR = address;
    EECR |= _BV(EERE);
    return EEDR;
}

void eeprom_begin(struct eeprom_step step)
{
    uint8_t mode = 0; // erase and write
    if (step.action == EEPROM_ERASE) {
        mode = _BV(EEPM0);
    } else if (step.action == EEPROM_WRITE) {
        mode = _BV(EEPM1);
    }
    EEAR = step.address;
    EEDR = step.value;
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE)
    {
        EECR = mode;
        EECR = (uint8_t)(mode | _BV(EEMPE));
        EECR |= _BV(EEPE); // within four cycles
        EECR |= _BV(EERIE);
    }
}
