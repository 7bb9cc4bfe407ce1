#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/wdt.h>

#include "events.h"
#include "hardware.h"

#if WATCHDOG_S != 2
#error "choose the WDTO_ constant for this time"
#endif

volatile uint8_t events;

void board_start(void)
{
    LED_DDR |= _BV(LED_BIT);
    led(false);
    PRR = _BV(PRTWI) | _BV(PRTIM0) | _BV(PRTIM1);
#if !LINK_SPI
    PRR |= _BV(PRSPI);
#endif
}

void led(bool on)
{
    if (on != LED_ACTIVE_LOW) {
        LED_PORT |= _BV(LED_BIT);
    } else {
        LED_PORT &= (uint8_t)~_BV(LED_BIT);
    }
}

void watchdog_start(void)
{
    wdt_enable(WDTO_2S);
    wdt_reset(); // after a watchdog reset it still runs at 16 ms: start the new time at once
}

void watchdog_feed(void)
{
    wdt_reset();
}

uint8_t wait_for_events(void)
{
    uint8_t taken;
    cli();
    while (!events) {
        SMCR = _BV(SE); // idle: timers, UART and comparator go on
        sei();          // takes effect after the next instruction, so no interrupt slips in before the sleep
        __asm__ volatile("sleep" ::: "memory");
        SMCR = 0;
        cli();
    }
    taken = events;
    events = 0;
    sei();
    return taken;
}
