// The commands of the v2 link: two letters, arguments in hex of fixed width. `get` and `set` of one thing reply alike, with what
// is now set. Unknown commands and indices out of range get just the command back.
//
//   gh sh hardware version (u16 major, u8 minor)     gs ss software version (u8, u8)
//   ge se enable (index, 0 or 1)                     gp sp sensor of each of the six ports (6 x u8, ff for none)
//   gc sc counter (index, u32)                       gm sm meter constant (index, u16)
//   gf sf thousandths (index, u16; setting it also zeroes the counter's own)
//   gw sw watchdog resets (u16)                      gb sb brown-outs (u16)
//   gk sk analog enable, UART RX and TX invert (3 x u8)
//   gi si LED: ff follows the link, 0 to 5 the pulses of that port (u8)
//   gt st debounce time of the pulse inputs in ms (u8; ours, the original boards do not know it)
//   gd    what has changed since the last time: records of u8 index, u32 counter, u16 thousandths, u32 extra (22 digits)
//   ct    commit settings and counters to the EEPROM
#ifndef COMMAND_H
#define COMMAND_H

#include "frame.h"
#include "settings.h"

// What gd has to tell. `extra` of the sensors below command_analog_sensors() is their power in W, of the others the clock in ms
// at their newest pulse.
struct news {
    uint8_t due;  // bit per sensor
    uint8_t told; // by the newest gd
    uint8_t turn; // the sensor that comes first next time
    uint32_t extra[SENSOR_COUNT];
};

enum command_outcome {
    COMMAND_ANSWERED,
    COMMAND_COMMIT, // answer once settings and counters are in the EEPROM
};

// Carries out the message, whose place the reply may share, on what the board counts with (state.h), and writes the reply.
enum command_outcome command_run(const struct message *message, struct reply *reply);

// The reply to a message that is too short (zy), over-long or wrong (zz).
void command_refuse(enum frame_fault fault, struct reply *reply);

// How many of the first sensors are clamps' in the eyes of the main board: 3, or 1 when ports 2 and 3 are none (sk).
uint8_t command_analog_sensors(void);

#endif
