// What the files of the simulated board share.
#ifndef CHIP_H
#define CHIP_H

#include <stdint.h>
#include <stdio.h>

#include <avr_eeprom.h>
#include <avr_spi.h>
#include <avr_uart.h>
#include <sim_avr.h>

// What Python calls; everything else stays inside the library.
#define API __attribute__((visibility("default")))

#define CLAMPS 8
#define UART_QUEUE 8192

#define CLAMP_TERMS 16

// One clamp as the ADC sees it. What the front end makes of the current is a level (the mean of the rectified current, or the RMS
// of the alternating one) and a wave in proportion to it, a Fourier series over the mains period:
//   steps = bias + level x (direct + sum of amplitude x cos(order x phase of the mains + angle)) + noise
struct clamp {
    double target; // level once settled, ADC steps
    double level;  // now: behind the smoothing
    double direct; // 1: rectified; 0: biased
    double bias;   // ADC steps
    double noise;  // rms, ADC steps
    double smoothing_s; // time constant of the RC filter, 0 for none
    struct clamp_term {
        double order, amplitude, angle;
        double filtered, lag; // amplitude and angle behind the RC filter at the present mains frequency
    } term[CLAMP_TERMS];
    int terms;
    double seen; // integral of the level, steps x s
    uint64_t cycle;
    uint16_t code; // last conversion
    uint64_t conversions; // begun since the measurements began
};

// A level of an input pin from `cycle` on.
struct contact_event {
    uint64_t cycle;
    uint8_t port;
    uint8_t bit;
    uint8_t level;
    struct contact_event *next, *previous;
};

// What comes in at the UART, ascending in time.
struct incoming {
    uint64_t cycle[UART_QUEUE];
    uint8_t byte[UART_QUEUE];
    unsigned written, taken;
};

// What a cut in the middle of an EEPROM operation leaves in the cell.
enum cut_leaves { CUT_LEAVES_ANYTHING, CUT_LEAVES_OLD, CUT_LEAVES_NEW, CUT_LEAVES_ERASED };

#define INTERRUPTS 32

struct fluksosim;
struct interrupt_times {
    struct fluksosim *sim;
    struct avr_int_vector_t *vector;
    int pending, running;
    uint64_t pending_cycle, running_cycle;
    uint64_t longest_wait, longest_run;
};

// What a trace shows, in the order of its file.
#define TRACE_PINS 8
enum traced {
    TRACE_SUPPLY, // mV
    TRACE_RESET,
    TRACE_AWAKE,
    TRACE_ADC_CHANNEL, // of the conversion begun last
    TRACE_ADC_CODE,    // its result
    TRACE_EEPROM_BUSY,
    TRACE_EEPROM_ADDRESS, // of the byte being erased or written
    TRACE_UART_SENDS,
    TRACE_UART_SENT,
    TRACE_UART_RECEIVES,
    TRACE_UART_RECEIVED,
    TRACE_SPI_TRANSFERS,
    TRACE_SPI_MOSI,
    TRACE_SPI_MISO,
    TRACE_PIN,
    TRACE_INTERRUPT = TRACE_PIN + TRACE_PINS,
    TRACE_SIGNALS = TRACE_INTERRUPT + INTERRUPTS,
};

struct trace {
    FILE *file; // NULL: nobody looks
    uint64_t ns; // of what was written last
    uint32_t value[TRACE_SIGNALS];
    struct trace_pin {
        struct fluksosim *sim;
        avr_irq_t *irq;
        int signal;
        char name[32];
    } pin[TRACE_PINS];
    int pins;
    char interrupt[INTERRUPTS][32]; // names; "" for what is not traced
};

// The serial programming interface.
struct isp {
    int enabled;
    uint8_t fuses[3]; // low, high, extended
    uint8_t lock;
    uint16_t page_bytes;
    uint8_t page[256]; // the flash page being filled
    uint8_t eeprom_page[4];
    uint8_t eeprom_page_filled[4];
};

struct fluksosim {
    avr_t *avr;
    avr_io_t io; // our place in simavr's list of modules, for its resets
    avr_eeprom_t *eeprom;
    struct clamp clamp[CLAMPS];
    double mains_hz;
    double mains_turns; // periods of the mains until mains_cycle
    uint64_t mains_cycle;
    double supply_mv;
    double brown_out_mv;
    int powered;
    int crashed;
    int held; // in reset, by the programmer
    struct isp isp;
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
    avr_uart_t *uart_unit;
    avr_io_write_t write_udr; // simavr's own
    struct {
        uint64_t cycle;
        uint8_t byte;
    } uart[UART_QUEUE];
    unsigned uart_written, uart_taken;
    uint64_t uart_lost;
    struct incoming incoming;
    uint64_t powered_cycles, asleep_cycles;
    struct interrupt_times interrupt[INTERRUPTS];
    avr_spi_t *spi;
    uint8_t spi_shift; // what the slave shifts out next
    struct trace trace;
};

// random.c: xorshift64*, the same seed gives the same run.
uint64_t next_random(struct fluksosim *sim);
double gaussian(struct fluksosim *sim);

// clamps.c
void connect_clamps(struct fluksosim *sim);

// interrupts.c
void connect_interrupts(struct fluksosim *sim);
void forget_interrupts(struct fluksosim *sim);

// eeprom.c
void connect_eeprom(struct fluksosim *sim);
void finish_eeprom(struct fluksosim *sim); // completes a write in progress
void tear_eeprom(struct fluksosim *sim);   // what a power cut leaves of it

// isp.c
void connect_isp(struct fluksosim *sim);

// spi.c
void connect_spi(struct fluksosim *sim);

// uart.c
void connect_uart(struct fluksosim *sim);
void arm_incoming(struct fluksosim *sim); // after a reset, which clears timers

// fluksosim.c
int fluksosim_run(struct fluksosim *sim, uint64_t cycle);

// trace.c
void trace_value(struct fluksosim *sim, int signal, uint32_t value); // the value of an enum traced from now on
void trace_event(struct fluksosim *sim, int signal);
void trace_halt(struct fluksosim *sim); // the CPU stops: what interrupt it was in does not return
int fluksosim_trace_end(struct fluksosim *sim);

// contacts.c
void restore_contacts(struct fluksosim *sim); // after a reset, which clears registers and timers
void forget_contacts(struct fluksosim *sim);

#endif
