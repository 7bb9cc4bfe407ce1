// The SPI link: any bytes from the main board, in any state, go through the frame and the commands as on the board. Whatever they
// were, the question after them must be understood and answered whole, at the second asking at the latest.
//   byte 0: how many bytes the main loop lets pass before it looks for a message (and forgets to, where it is odd); byte 1: bytes
//   that wait for RS-485's way up; then the bytes of the main board
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "frame.h"
#include "state.h"

#define MUST(what) \
    do { \
        if (!(what)) { \
            abort(); \
        } \
    } while (0)

struct settings settings;
struct survivor life;
struct checkpoint checkpoint;
struct news news;
struct queue bus_to_send, bus_received;
static struct frame frame;

static void answer(void)
{
    if (frame.control != FRAME_ASKED) {
        return;
    }
    const enum frame_fault fault = frame_check(&frame);
    frame.unread = false;
    if (fault != FRAME_GOOD) {
        command_refuse(fault, &frame.reply);
    } else {
        MUST(frame.message.length >= 2 && frame.message.length <= MESSAGE_LONGEST);
        (void)command_run(&frame.message, &frame.reply);
    }
    MUST(frame.reply.length <= REPLY_BYTES);
    for (uint8_t i = 0; i < SENSOR_COUNT; i++) {
        MUST(settings.enabled[i] <= 1);
    }
    frame_answer(&frame);
}

static uint8_t next; // what the slave shifts out next

static uint8_t exchange(uint8_t byte)
{
    const uint8_t sent = next;
    next = frame_exchange(&frame, byte);
    return sent;
}

// As the driver reads: up to the zero, and one dummy byte more.
static const char *read_once(void)
{
    static char heard[300];
    size_t length = 0;
    while ((heard[length] = (char)exchange(0)) != '\0') {
        length++;
        MUST(length < sizeof heard);
    }
    (void)exchange(0);
    return heard;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    static uint8_t down[32];
    static uint8_t up[64];
    bus_to_send = (struct queue){.mask = sizeof down - 1, .bytes = down};
    bus_received = (struct queue){.mask = sizeof up - 1, .bytes = up};
    memset(&settings, 0, sizeof settings);
    memset(&life, 0, sizeof life);
    memset(&checkpoint, 0, sizeof checkpoint);
    memset(&news, 0, sizeof news);
    memset(&frame, 0, sizeof frame);
    next = 0;
    frame_start(&frame);
    for (uint8_t i = 0; i < data[1]; i++) {
        (void)queue_put(&bus_received, i);
    }
    for (size_t i = 2; i < size; i++) {
        (void)exchange(data[i]);
        if (!(data[0] & 1U) && i % ((data[0] >> 1) + 1U) == 0) {
            answer();
        }
        if (queue_fill(&bus_to_send) && (data[i] & 3U) == 3U) {
            (void)queue_take(&bus_to_send);
        }
    }

    // The main board asks for the hardware version, at most twice: what it wrote before may have ended in the middle of a message
    // that its first question then belongs to.
    settings.hardware[0] = 0;
    settings.hardware[1] = 2;
    settings.hardware[2] = 1;
    bool answered = false;
    for (unsigned tries = 0; tries < 2 && !answered; tries++) {
        answer();
        static const char question[] = "lgh93.";
        for (size_t i = 0; i < sizeof question - 1; i++) {
            (void)exchange((uint8_t)question[i]);
        }
        (void)exchange(0);
        (void)exchange(0);
        answer();
        for (unsigned reads = 0; reads < 2 && !answered; reads++) { // an empty read is read again
            const char *heard = read_once();
            answered = strncmp(heard, "lgh00020195.u", 13) == 0;
        }
    }
    MUST(answered);
    return 0;
}
