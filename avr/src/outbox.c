#include "outbox.h"

static uint8_t lowest_bit(uint8_t bits)
{
    uint8_t index = 0;
    while (!(bits & 1U)) {
        bits = (uint8_t)(bits >> 1);
        index++;
    }
    return index;
}

static uint8_t take_lowest(uint8_t *due)
{
    const uint8_t index = lowest_bit(*due);
    *due = (uint8_t)(*due & ~(1U << index));
    return index;
}

struct outbox_item outbox_take(struct outbox *outbox, uint8_t may_send)
{
    struct outbox_item item = {.kind = OUTBOX_NOTHING, .index = 0};
    const uint8_t counters = outbox->counters & may_send;
    if (outbox->messages) {
        item.kind = OUTBOX_MESSAGE;
        item.index = take_lowest(&outbox->messages);
    } else if (outbox->powers) {
        item.kind = OUTBOX_POWER;
        item.index = take_lowest(&outbox->powers);
    } else if (counters) {
        item.kind = OUTBOX_COUNTER;
        for (item.index = outbox->turn; !(counters & (1U << item.index)); item.index = (uint8_t)((item.index + 1U) & 7U)) {
        }
        outbox->counters = (uint8_t)(outbox->counters & ~(1U << item.index));
        outbox->turn = (uint8_t)((item.index + 1U) & 7U);
    }
    return item;
}
