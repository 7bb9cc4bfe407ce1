// Bytes between an interrupt and the main loop or another interrupt: one writer, one reader, each with an index of its own, so no
// locking is needed on an 8-bit machine. The size is a power of two up to 128.
#ifndef QUEUE_H
#define QUEUE_H

#include <stdbool.h>
#include <stdint.h>

struct queue {
    volatile uint8_t written; // running counts; their difference is the fill
    volatile uint8_t taken;
    uint8_t mask; // size - 1
    uint8_t *bytes;
};

static inline uint8_t queue_fill(const struct queue *queue)
{
    return (uint8_t)(queue->written - queue->taken);
}

// Appends a byte; false when the queue is full, and the byte is then lost.
static inline bool queue_put(struct queue *queue, uint8_t byte)
{
    if (queue_fill(queue) > queue->mask) {
        return false;
    }
    queue->bytes[queue->written & queue->mask] = byte;
    queue->written = (uint8_t)(queue->written + 1U);
    return true;
}

// Takes the next byte; the queue must not be empty.
static inline uint8_t queue_take(struct queue *queue)
{
    const uint8_t byte = queue->bytes[queue->taken & queue->mask];
    queue->taken = (uint8_t)(queue->taken + 1U);
    return byte;
}

#endif
