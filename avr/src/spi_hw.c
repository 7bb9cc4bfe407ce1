#include <avr/interrupt.h>
#include <avr/io.h>

#include "events.h"
#include "frame.h"
#include "hardware.h"

static struct frame *link;
static volatile bool heard;

// The main board leaves 50 us between two bytes: the answer to one has to be in SPDR before the next begins.
ISR(SPI_STC_vect)
{
    const uint8_t received = SPDR;
    SPDR = frame_exchange(link, received);
    if (received == '.') {
        events |= EVENT_LINK;
    }
    if (received != 0U) {
        heard = true;
        // A message for the bus that fits the queue goes out in one piece; a longer one while it comes in. A byte takes longer to come
        // in, as two digits, than to go out.
        if (queue_fill(&bus_to_send) >= BUS_TO_SEND_BYTES - 1U) {
            rs485_send();
        }
    } else if (link->message_over) {
        link->message_over = false;
        if (queue_fill(&bus_to_send)) {
            rs485_send();
        }
    }
}

void spi_start(struct frame *frame)
{
    link = frame;
    DDRB |= _BV(PB4); // MISO; SS, MOSI and SCK stay inputs
    SPDR = 0;
    SPCR = _BV(SPE) | _BV(SPIE); // slave, mode 0, most significant bit first
}

bool spi_heard(void)
{
    const bool was = heard;
    heard = false;
    return was;
}
