// What to do when the supply sinks: the state machine behind the analogue comparator.
//
// At the comparator's edge everything is saved at once and the board falls silent, because what it sent after the save would be
// forgotten. If it is still alive a while later it goes on: either the supply came back, or it is a lasting sag on which the
// board must not stay silent for ever. The wait also bounds how often a chattering supply can make it write.
#ifndef POWER_FAIL_H
#define POWER_FAIL_H

#include <stdbool.h>
#include <stdint.h>

#define POWER_BACK_MS 1000U // supply good for so long: go on
#define POWER_SAG_MS 2000U  // supply low for so long and still alive: go on

enum power_state { POWER_GOOD, POWER_SAVED };
enum power_action { POWER_NOTHING, POWER_SAVE, POWER_RESUME };

struct power_fail {
    uint8_t state; // enum power_state
    bool low;      // the comparator when last asked
    uint16_t ms;   // how long it has been so, since the save
};

void power_fail_start(struct power_fail *power);

// The comparator's edge: returns POWER_SAVE when the counters have to be saved now, POWER_NOTHING if they already are.
enum power_action power_fail_edge(struct power_fail *power);

// `elapsed_ms` later the comparator says `low`: POWER_RESUME when the board may go on.
enum power_action power_fail_wait(struct power_fail *power, bool low, uint16_t elapsed_ms);

#endif
