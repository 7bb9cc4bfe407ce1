// What the main board has set on a board with an SPI link, in RAM and, once committed (`ct`), in the EEPROM.
//
// The EEPROM holds it twice, as it stands in RAM (little endian), each with a sequence number and a CRC-16, XORed with the number of
// the layout. A commit writes the older of the two, so a cut in the middle leaves the other one.
#ifndef SETTINGS_H
#define SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "counter_log.h"

#define SETTINGS_LAYOUT 2U
#define PORT_UNUSED 0xFFU

struct __attribute__((packed)) settings {
    uint16_t meterconst[SENSOR_COUNT]; // clamp: meter constant; pulse: Wh or L
    uint16_t fraction[SENSOR_COUNT];   // pulse: thousandths
    uint8_t hardware[3];               // version as on the wire: u16 major, u8 minor
    uint8_t software[2];
    uint8_t enabled[SENSOR_COUNT]; // 0 or 1
    uint8_t port[PORT_COUNT];      // the sensor of each port, PORT_UNUSED for none
    uint8_t config[3];             // 0 or 1: ports 2 and 3 are clamps, UART RX inverted, TX inverted
    uint8_t led;                   // 0xFF: on the link's traffic; 0 to 5: on the pulses of that port
    uint8_t debounce_ms;           // of the pulse inputs; more than 127 works as 127
    uint8_t sequence;
    uint16_t crc; // as committed
};

// A commit on its way.
struct settings_commit {
    bool writing;
    uint8_t at;
    uint8_t place; // 0 or 1: where the newest good settings are
};

// Takes the newer good block; the defaults without one (nothing enabled, no port used).
void settings_read(struct settings *settings, struct settings_commit *commit);

// Begins to write the settings; they must not change until it is over. What is in the EEPROM already is not written again.
void settings_begin(struct settings *settings, struct settings_commit *commit);

// What to do to the EEPROM next. EEPROM_NOTHING when the commit is over.
struct eeprom_step settings_step(const struct settings *settings, struct settings_commit *commit);

// True when the settings read back from the EEPROM as they were when the commit began.
bool settings_durable(const struct settings *settings, const struct settings_commit *commit);

#endif
