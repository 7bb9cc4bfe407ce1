// The frames of the v2 SPI link, byte by byte as the slave sees them. Everything on the wire is ASCII.
//
//   main board to sensor board   l<message><crc>.  and  u<hex of bytes for RS-485>, then two 0x00: the first ends the
//                                transmission, the second clocks the slave into transmit mode
//   sensor board to main board   l[<reply><crc>.]u[<hex of bytes from RS-485>] 0x00, then one dummy byte
//
// A reading main board clocks zeros. Anything else is therefore the start of a new message, in whatever state the slave is: a main
// board that leaves out a zero or the dummy byte loses nothing (the original gets out of step, trap 28).
//
// frame_exchange() belongs to the SPI interrupt; the rest to the main loop.
#ifndef FRAME_H
#define FRAME_H

#include <stdbool.h>
#include <stdint.h>

#include "queue.h"

#define MESSAGE_LONGEST 32U // characters between l and the point, as on the original boards
#define REPLY_BYTES 55U     // five records of 11 bytes

// A reply as the command makes it; the bytes go out as hex digits.
struct reply {
    uint8_t length;
    char command[2];
    uint8_t bytes[REPLY_BYTES];
};

// A message without its l, CRC and point.
struct message {
    uint8_t length;
    char text[MESSAGE_LONGEST];
};

// What the control channel is at. Only the interrupt leaves the first two and the last, only the main loop FRAME_ASKED.
enum control {
    FRAME_IDLE,
    FRAME_RECEIVING, // a message is coming in
    FRAME_ASKED,     // it is complete and waits for its reply; others are not taken meanwhile
    FRAME_ANSWERED,  // the reply waits to be read
};

enum frame_fault { FRAME_GOOD, FRAME_WRONG, FRAME_SHORT };

struct frame {
    volatile uint8_t control; // enum control
    bool unread;              // a reply was dropped before it had been read
    uint8_t state;
    uint8_t channel;
    uint8_t at;   // character of the reply that comes next
    uint8_t left; // bytes for u in this transmission that have not gone out yet
    uint8_t byte; // the byte whose low digit comes next, or whose high digit has come in
    bool half;    // a high digit has gone out or come in
    uint8_t crc;  // of the reply
    bool message_over; // the first zero has come: what came for RS-485 is complete
    union { // a message is read before its reply is written, so they share their place
        struct message message;
        struct reply reply;
    };
};

// What the main board sends on u, and what it is sent: the other ends belong to RS-485.
extern struct queue bus_to_send;
extern struct queue bus_received;

void frame_start(struct frame *frame);

// One byte has come in; the byte that goes out while the next one comes in.
uint8_t frame_exchange(struct frame *frame, uint8_t received);

// Checks the message that is asked and takes its CRC off: FRAME_WRONG when it is over-long or its CRC does not match.
enum frame_fault frame_check(struct frame *frame);

// The reply is written: gives it its CRC and free to be read. The control channel must be FRAME_ASKED.
void frame_answer(struct frame *frame);

// There will be no reply to what is asked.
void frame_drop(struct frame *frame);

#endif
