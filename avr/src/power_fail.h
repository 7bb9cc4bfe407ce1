// What to do when the supply sinks: the state machine behind the analogue comparator.
//
// At the comparator's edge everything is saved at once and the board falls silent, because what it sent after the save would be
// forgotten. If it is still alive a while later it goes on: either the supply came back, or it is a lasting sag on which the
// board must not stay silent for ever. A supply that chatters about the threshold could wear the EEPROM out, so there are only
// so many saves in a row; without one the counters are still safe by their reserve (see checkpoint.h).
//
// On a lasting sag the comparator has no second edge to give when the supply dies at last. Most die soon, so there are extra
// checkpoints after about 1, 2, 4 and 8 minutes of low supply: little is lost then, and a supply that is always low costs four
// records from one power-up to the next.
#ifndef POWER_FAIL_H
#define POWER_FAIL_H

#include <stdbool.h>
#include <stdint.h>

#define POWER_BACK_MS 1000U      // supply steadily good for so long: go on
#define POWER_ALIVE_MS 2000U     // alive for so long after the save, whatever the supply does: go on
#define POWER_SAVES 8U           // saves in a row
#define POWER_REFILL_MS 60000U   // and one more after each of these
#define POWER_SAG_S 64U          // low for so long since power-up: an extra checkpoint; again after 2, 4 and 8 times as long
#define POWER_SAG_LAST_S 512U

enum power_state { POWER_GOOD, POWER_SAVED };
enum power_action { POWER_NOTHING, POWER_SAVE, POWER_RESUME };

struct power_fail {
    uint8_t state; // enum power_state
    uint8_t saves; // how many are allowed now
    uint16_t good_ms;
    uint16_t alive_ms;
    uint16_t refill_ms;
    uint16_t low_s; // since power-up
};

void power_fail_start(struct power_fail *power);

// The comparator's edge: POWER_SAVE when the counters have to be saved now.
enum power_action power_fail_edge(struct power_fail *power);

// `elapsed_ms` later the comparator says `low`: POWER_RESUME when the board may go on after a save.
enum power_action power_fail_wait(struct power_fail *power, bool low, uint16_t elapsed_ms);

// Once a second: true when the supply has been low for so long that the counters should be saved while the board goes on.
bool power_fail_sags(struct power_fail *power, bool low);

#endif
