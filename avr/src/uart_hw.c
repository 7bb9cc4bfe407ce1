#include <avr/interrupt.h>
#include <avr/io.h>

#include "events.h"
#include "hardware.h"
#include "line.h"

#define UBRR_VALUE ((F_CPU + 8UL * BAUD) / (16UL * BAUD) - 1UL)
#define BAUD_REAL (F_CPU / (16UL * (UBRR_VALUE + 1UL)))
#if BAUD_REAL * 100UL > BAUD * 102UL || BAUD_REAL * 100UL < BAUD * 98UL
#error "the baud rate is off by more than 2 %"
#endif

struct ring uart_ring;

ISR(USART_UDRE_vect)
{
    if (ring_fill(&uart_ring) == 0) {
        UCSR0B &= (uint8_t)~_BV(UDRIE0);
        return;
    }
    UDR0 = (uint8_t)ring_take(&uart_ring);
    if (ring_room(&uart_ring) == LINE_LONGEST) { // just became enough for any line
        events |= EVENT_ROOM;
    }
}

void uart_start(void)
{
    UBRR0H = (uint8_t)(UBRR_VALUE >> 8);
    UBRR0L = (uint8_t)UBRR_VALUE;
    UCSR0C = _BV(UCSZ01) | _BV(UCSZ00); // 8N1
    UCSR0B = _BV(TXEN0);
}

void uart_send(void)
{
    UCSR0B |= _BV(UDRIE0);
}
