// What waits to be sent. Nothing is queued as text: a line is made when the transmitter has room for it, from the newest
// counter, so a link that is too slow loses intermediate values and never the last one.
#ifndef OUTBOX_H
#define OUTBOX_H

#include <stdbool.h>
#include <stdint.h>

enum outbox_kind { OUTBOX_NOTHING, OUTBOX_MESSAGE, OUTBOX_POWER, OUTBOX_COUNTER };

struct outbox {
    uint8_t messages; // bit per message, sensor or clamp that is due
    uint8_t powers;
    uint8_t counters;
    uint8_t turn; // sensor whose counter comes first next time
};

struct outbox_item {
    uint8_t kind; // enum outbox_kind
    uint8_t index;
};

// Takes the next thing to send: messages, then powers, then counters, these in turn so that a busy pulse input starves nobody.
// Only counters with their bit in `may_send` are taken; the others stay due.
struct outbox_item outbox_take(struct outbox *outbox, uint8_t may_send);

#endif
