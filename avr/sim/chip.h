// What the files of the simulated board share.
#ifndef CHIP_H
#define CHIP_H

#include <stdint.h>

#include <avr_eeprom.h>
#include <sim_avr.h>

// What Python calls; everything else stays inside the library.
#define API __attribute__((visibility("default")))

#define CLAMPS 8
#define UART_QUEUE 8192

// One clamp's front end. The CT's current is rectified and smoothed by an RC filter, as on the original boards: the ADC sees a
// direct voltage with some ripple at twice the mains frequency.
struct clamp {
    double target; // mean ADC steps once settled
    double level;  // the RC filter's voltage now, in ADC steps, without ripple
    double noise;  // rms, ADC steps
    double offset; // ADC steps
    uint64_t cycle;
    uint16_t code; // last conversion
};

// A level of an input pin from `cycle` on.
struct contact_event {
    uint64_t cycle;
    uint8_t port;
    uint8_t bit;
    uint8_t level;
    struct contact_event *next, *previous;
};

// What a cut in the middle of an EEPROM operation leaves in the cell.
enum cut_leaves { CUT_LEAVES_ANYTHING, CUT_LEAVES_OLD, CUT_LEAVES_NEW, CUT_LEAVES_ERASED };

struct fluksosim {
    avr_t *avr;
    avr_io_t io; // our place in simavr's list of modules, for its resets
    avr_eeprom_t *eeprom;
    struct clamp clamp[CLAMPS];
    double mains_hz;
    double smoothing_s;
    double supply_mv;
    double brown_out_mv;
    int powered;
    int crashed;
    uint32_t resets;
    uint64_t random;
    // EEPROM write in progress
    int eeprom_busy;
    int eeprom_armed; // EEMPE written less than four cycles ago
    uint64_t eeprom_armed_cycle;
    uint16_t eeprom_address;
    uint8_t eeprom_mode;
    uint8_t eeprom_value;
    uint64_t eeprom_operations;
    uint32_t *eeprom_wear;   // erase or write operations for each byte
    uint32_t *eeprom_erased; // how many of them erased it
    uint64_t cut_after_operations; // EEPROM operations until the power is cut in the middle of one; 0: never
    int cut_leaves;                // enum cut_leaves
    uint8_t pulls[256][2]; // mask and value of the contacts on each port letter
    struct contact_event *events, *last_event; // ascending in time
    struct {
        uint64_t cycle;
        uint8_t byte;
    } uart[UART_QUEUE];
    unsigned uart_written, uart_taken;
    uint64_t uart_lost;
    uint64_t powered_cycles, asleep_cycles;
};

// random.c: xorshift64*, the same seed gives the same run.
uint64_t next_random(struct fluksosim *sim);
double gaussian(struct fluksosim *sim);

// clamps.c
void connect_clamps(struct fluksosim *sim);

// eeprom.c
void connect_eeprom(struct fluksosim *sim);
void finish_eeprom(struct fluksosim *sim); // completes a write in progress
void tear_eeprom(struct fluksosim *sim);   // what a power cut leaves of it

// contacts.c
void restore_contacts(struct fluksosim *sim); // after a reset, which clears registers and timers
void forget_contacts(struct fluksosim *sim);

#endif
