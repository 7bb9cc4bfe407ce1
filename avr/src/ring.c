#include "ring.h"

bool ring_write(struct ring *ring, const char *line, uint8_t length)
{
    if (length > ring_room(ring)) {
        return false;
    }
    uint8_t at = ring->written;
    for (uint8_t i = 0; i < length; i++, at++) {
        ring->bytes[at & (RING_BYTES - 1U)] = line[i];
    }
    ring->written = at; // only now may the reader see the line
    return true;
}
