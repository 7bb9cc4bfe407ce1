#include <avr/interrupt.h>
#include <avr/io.h>

#include "hardware.h"

#define UBRR_VALUE ((F_CPU + 4UL * BAUD) / (8UL * BAUD) - 1UL)
#define BAUD_REAL (F_CPU / (8UL * (UBRR_VALUE + 1UL)))
// 115200 Bd from 16 MHz come out 2.1 % fast; ten bits leave room for twice that.
#if BAUD_REAL * 1000UL > BAUD * 1025UL || BAUD_REAL * 1000UL < BAUD * 975UL
#error "the baud rate is off by more than 2.5 %"
#endif

static uint8_t received_bytes[BUS_RECEIVED_BYTES];
static uint8_t to_send_bytes[BUS_TO_SEND_BYTES];
struct queue bus_received = {.mask = BUS_RECEIVED_BYTES - 1U, .bytes = received_bytes};
struct queue bus_to_send = {.mask = BUS_TO_SEND_BYTES - 1U, .bytes = to_send_bytes};
_Static_assert((BUS_RECEIVED_BYTES & (BUS_RECEIVED_BYTES - 1U)) == 0 && BUS_RECEIVED_BYTES <= 128U, "see queue.h");
_Static_assert((BUS_TO_SEND_BYTES & (BUS_TO_SEND_BYTES - 1U)) == 0 && BUS_TO_SEND_BYTES <= 128U, "see queue.h");

ISR(USART_RX_vect)
{
    (void)queue_put(&bus_received, UDR0); // full: the byte is lost, and the telegram's own check will tell
}

ISR(USART_UDRE_vect)
{
    if (queue_fill(&bus_to_send) == 0U) {
        UCSR0B &= (uint8_t)~_BV(UDRIE0);
        return;
    }
    UDR0 = queue_take(&bus_to_send);
}

// The last bit is out: give the bus free.
ISR(USART_TX_vect)
{
    if (queue_fill(&bus_to_send) == 0U && (UCSR0A & _BV(UDRE0))) {
        RS485_PORT &= (uint8_t)~_BV(RS485_DRIVE_BIT);
    }
}

void rs485_start(void)
{
    RS485_DDR |= _BV(RS485_DRIVE_BIT);
    UCSR0A = _BV(U2X0); // before the baud rate, which the simulator works out when it is written
    UBRR0H = (uint8_t)(UBRR_VALUE >> 8);
    UBRR0L = (uint8_t)UBRR_VALUE;
    UCSR0C = _BV(UCSZ01) | _BV(UCSZ00); // 8N1
    UCSR0B = _BV(TXEN0) | _BV(RXEN0) | _BV(RXCIE0) | _BV(TXCIE0);
}

void rs485_send(void)
{
    RS485_PORT |= _BV(RS485_DRIVE_BIT);
    UCSR0B |= _BV(UDRIE0);
}
