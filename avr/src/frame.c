#include "frame.h"

#include "crc8.h"
#include "hex.h"

#define END 0x00U

enum state {
    RECEIVING, // the main board writes, or nobody does
    TURNING,   // the first zero has come
    SENDING_CONTROL,
    SENDING_BUS,
    ENDING, // the zero is going out
    DUMMY,  // the byte after it
};

enum channel { CHANNEL_NONE, CHANNEL_CONTROL, CHANNEL_BUS };

void frame_start(struct frame *frame)
{
    frame->control = FRAME_IDLE;
    frame->unread = false;
    frame->state = RECEIVING;
    frame->channel = CHANNEL_NONE;
    frame->message_over = false;
}

static void take_control(struct frame *frame, uint8_t received)
{
    if (received == '.') {
        frame->control = FRAME_ASKED;
        frame->channel = CHANNEL_NONE;
    } else if (frame->message.length < MESSAGE_LONGEST) {
        frame->message.text[frame->message.length++] = (char)received;
    } else {
        frame->message.length = MESSAGE_LONGEST + 1U; // over-long
    }
}

static void take_bus(struct frame *frame, uint8_t received)
{
    const uint8_t nibble = hex_value((char)received);
    if (nibble == HEX_INVALID) {
        frame->channel = CHANNEL_NONE; // garbled: what follows cannot be told from it
    } else if (frame->half) {
        (void)queue_put(&bus_to_send, (uint8_t)(frame->byte | nibble)); // full: lost, as on any wire
        frame->half = false;
    } else {
        frame->byte = (uint8_t)(nibble << 4);
        frame->half = true;
    }
}

static void take(struct frame *frame, uint8_t received)
{
    if (received == 'l') {
        frame->channel = CHANNEL_NONE;
        if (frame->control != FRAME_ASKED) {
            frame->unread = frame->unread || frame->control == FRAME_ANSWERED;
            frame->control = FRAME_RECEIVING;
            frame->channel = CHANNEL_CONTROL;
            frame->message.length = 0;
        }
    } else if (received == 'u') {
        frame->channel = CHANNEL_BUS;
        frame->half = false;
    } else if (frame->channel == CHANNEL_CONTROL) {
        take_control(frame, received);
    } else if (frame->channel == CHANNEL_BUS) {
        take_bus(frame, received);
    }
}

// The next character of the reply; after the last one the control channel is free.
static uint8_t send_control(struct frame *frame)
{
    const uint8_t at = frame->at++;
    const struct reply *reply = &frame->reply;
    if (at < 2U) {
        return (uint8_t)reply->command[at];
    }
    const uint8_t index = (uint8_t)((at - 2U) / 2U);
    if (index > reply->length) {
        frame->control = FRAME_IDLE;
        frame->state = SENDING_BUS;
        return '.';
    }
    const uint8_t byte = index == reply->length ? frame->crc : reply->bytes[index];
    return (uint8_t)hex_digit(at & 1U ? byte & 0x0FU : byte >> 4);
}

static uint8_t send_bus(struct frame *frame)
{
    if (frame->half) {
        frame->half = false;
        return (uint8_t)hex_digit(frame->byte & 0x0FU);
    }
    if (frame->at != 0U) { // first the channel's letter, and from here on only what is there now: a transmission ends
        frame->at = 0;
        frame->left = queue_fill(&bus_received);
        return 'u';
    }
    if (frame->left == 0U) {
        frame->state = ENDING;
        return END;
    }
    frame->left--;
    frame->byte = queue_take(&bus_received);
    frame->half = true;
    return (uint8_t)hex_digit(frame->byte >> 4);
}

uint8_t frame_exchange(struct frame *frame, uint8_t received)
{
    if (received != END) {
        frame->state = RECEIVING;
        take(frame, received);
        return END;
    }
    switch (frame->state) {
    case RECEIVING:
        if (frame->control == FRAME_RECEIVING) { // cut short before its point
            frame->control = FRAME_IDLE;
        }
        frame->channel = CHANNEL_NONE;
        frame->half = false;
        frame->message_over = true;
        frame->state = TURNING;
        return END;
    case TURNING:
        frame->state = SENDING_CONTROL;
        frame->at = 0;
        return 'l';
    case SENDING_CONTROL:
        if (frame->control == FRAME_ANSWERED) {
            return send_control(frame);
        }
        frame->at = 1;
        frame->state = SENDING_BUS;
        return send_bus(frame);
    case SENDING_BUS:
        return send_bus(frame);
    case ENDING:
        frame->state = DUMMY;
        return END;
    default:
        frame->state = RECEIVING;
        return END;
    }
}

static uint8_t crc_of_hex(uint8_t crc, uint8_t byte)
{
    crc = crc8_byte(crc, (uint8_t)hex_digit(byte >> 4));
    return crc8_byte(crc, (uint8_t)hex_digit(byte & 0x0FU));
}

enum frame_fault frame_check(struct frame *frame)
{
    struct message *message = &frame->message;
    if (message->length > MESSAGE_LONGEST) {
        return FRAME_WRONG;
    }
    if (message->length < 4U) {
        return FRAME_SHORT;
    }
    message->length = (uint8_t)(message->length - 2U);
    uint8_t crc = 0;
    for (uint8_t i = 0; i < message->length; i++) {
        crc = crc8_byte(crc, (uint8_t)message->text[i]);
    }
    const char *digits = &message->text[message->length];
    return hex_value(digits[0]) == crc >> 4 && hex_value(digits[1]) == (crc & 0x0FU) ? FRAME_GOOD : FRAME_WRONG;
}

void frame_answer(struct frame *frame)
{
    const struct reply *reply = &frame->reply;
    uint8_t crc = crc8_byte(crc8_byte(0, (uint8_t)reply->command[0]), (uint8_t)reply->command[1]);
    for (uint8_t i = 0; i < reply->length; i++) {
        crc = crc_of_hex(crc, reply->bytes[i]);
    }
    frame->crc = crc;
    frame->control = FRAME_ANSWERED;
}

void frame_drop(struct frame *frame)
{
    frame->control = FRAME_IDLE;
}
