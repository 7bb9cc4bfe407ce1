#include <avr/interrupt.h>
#include <avr/io.h>
#include <util/delay.h>

#include "events.h"
#include "hardware.h"

ISR(ANALOG_COMP_vect)
{
    events |= EVENT_SUPPLY;
}

void supply_start(void)
{
    DIDR1 = _BV(AIN1D) | _BV(AIN0D);
    // Bandgap on the positive side: the output rises when AIN1 sinks below it. Interrupt on the rising edge.
    ACSR = _BV(ACBG) | _BV(ACIS1) | _BV(ACIS0);
    _delay_us(100); // the bandgap needs up to 70 us; until then the comparator may say anything
    ACSR |= _BV(ACI);
    ACSR |= _BV(ACIE);
}

bool supply_low(void)
{
    return ACSR & _BV(ACO);
}
