// Transmit ring between the main loop (writes whole lines) and the UART interrupt (takes single bytes).
// One writer and one reader, each with an index of its own: no locking is needed on an 8-bit machine.
#ifndef RING_H
#define RING_H

#include <stdbool.h>
#include <stdint.h>

#define RING_BYTES 64U // a power of two; holds the longest line

struct ring {
    volatile uint8_t written; // running counts; their difference is the fill
    volatile uint8_t taken;
    char bytes[RING_BYTES];
};

static inline uint8_t ring_fill(const struct ring *ring)
{
    return (uint8_t)(ring->written - ring->taken);
}

static inline uint8_t ring_room(const struct ring *ring)
{
    return (uint8_t)(RING_BYTES - ring_fill(ring));
}

// Takes the next byte; the ring must not be empty.
static inline char ring_take(struct ring *ring)
{
    const char byte = ring->bytes[ring->taken & (RING_BYTES - 1U)];
    ring->taken = (uint8_t)(ring->taken + 1U);
    return byte;
}

// Writes the line, or nothing at all when it does not fit: a line is never torn. True when written.
bool ring_write(struct ring *ring, const char *line, uint8_t length);

#endif
