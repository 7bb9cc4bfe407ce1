// The sensor board's firmware in simavr, behind a flat C interface that Python loads with ctypes.
//
// What simavr 1.6 does not model is added here: the EEPROM's write time (and what a power cut leaves of a byte on its way), the
// clamps' analogue front end, the supply with comparator and brown-out reset, SRAM that is random after power-up.
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <avr_acomp.h>
#include <avr_adc.h>
#include <avr_eeprom.h>
#include <avr_extint.h>
#include <avr_ioport.h>
#include <avr_uart.h>
#include <sim_avr.h>
#include <sim_hex.h>
#include <sim_irq.h>

#define CLAMPS 8
#define UART_QUEUE 8192
#define BANDGAP_MV 1100.0
#define ADC_STEPS 1023.0
#define EECR_EERE 0x01
#define EECR_EEPE 0x02
#define EECR_EEMPE 0x04
#define EECR_MODE 0x30 // EEPM1, EEPM0
#define EECR_MODE_ERASE 0x10
#define EECR_MODE_WRITE 0x20
#define MCUSR_ADDRESS 0x54
#define MCUSR_PORF 0x01
#define MCUSR_EXTRF 0x02
#define MCUSR_BORF 0x04

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

struct contact_event {
    uint64_t cycle;
    uint8_t port;
    uint8_t bit;
    uint8_t level;
    struct contact_event *next, *previous;
};

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
    uint64_t eeprom_done_cycle;
    uint64_t eeprom_operations;
    uint32_t *eeprom_wear; // erase or write operations for each byte
    uint64_t cut_after_operations; // EEPROM operations until the power is cut in the middle of one; 0: never
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

static void silent_logger(avr_t *avr, const int level, const char *format, va_list ap)
{
    (void)avr;
    if (level == LOG_ERROR) {
        vfprintf(stderr, format, ap);
    }
}

// xorshift64*: the same seed gives the same run.
static uint64_t next_random(struct fluksosim *sim)
{
    uint64_t x = sim->random;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    sim->random = x;
    return x * 0x2545F4914F6CDD1DULL;
}

static double uniform(struct fluksosim *sim)
{
    return (double)(next_random(sim) >> 11) / 9007199254740992.0;
}

static double gaussian(struct fluksosim *sim)
{
    double sum = 0; // of twelve uniforms: close enough to normal within three sigma
    for (int i = 0; i < 12; i++) {
        sum += uniform(sim);
    }
    return sum - 6.0;
}

// ---- clamps ----

static double front_end(struct fluksosim *sim, struct clamp *clamp)
{
    const uint64_t now = sim->avr->cycle;
    const double elapsed = (double)(now - clamp->cycle) / sim->avr->frequency;
    clamp->cycle = now;
    clamp->level += (clamp->target - clamp->level) * (1.0 - exp(-elapsed / sim->smoothing_s));
    // |sin| is (2/pi)(1 - 2/3 cos 2wt - 2/15 cos 4wt ...); the RC filter weakens and delays each of these.
    const double omega = 2.0 * M_PI * sim->mains_hz;
    const double seconds = fmod((double)now / sim->avr->frequency, 1.0 / sim->mains_hz);
    const double lag2 = 2.0 * omega * sim->smoothing_s, lag4 = 4.0 * omega * sim->smoothing_s;
    const double ripple = 2.0 / 3.0 / sqrt(1.0 + lag2 * lag2) * cos(2.0 * omega * seconds - atan(lag2)) +
                          2.0 / 15.0 / sqrt(1.0 + lag4 * lag4) * cos(4.0 * omega * seconds - atan(lag4));
    double steps = clamp->level * (1.0 - ripple) + clamp->offset;
    if (clamp->noise > 0) {
        steps += clamp->noise * gaussian(sim);
    }
    return steps;
}

static void on_conversion(struct avr_irq_t *irq, uint32_t value, void *param)
{
    (void)irq;
    struct fluksosim *sim = param;
    union {
        avr_adc_mux_t mux;
        uint32_t v;
    } e = {.v = value};
    if (e.mux.kind != ADC_MUX_SINGLE || e.mux.src >= CLAMPS) {
        return;
    }
    struct clamp *clamp = &sim->clamp[e.mux.src];
    const double code = floor(front_end(sim, clamp) + 0.5); // the first transition is at half a step (data sheet)
    clamp->code = code < 0 ? 0 : code > ADC_STEPS ? (uint16_t)ADC_STEPS : (uint16_t)code;
    // simavr takes whole millivolts and rounds down: this many give exactly that code with the 1.1 V reference.
    const uint32_t mv = (uint32_t)ceil(clamp->code * BANDGAP_MV / ADC_STEPS);
    avr_raise_irq(avr_io_getirq(sim->avr, AVR_IOCTL_ADC_GETIRQ, (int)e.mux.src), mv);
}

// ---- EEPROM ----

static void finish_eeprom(struct fluksosim *sim)
{
    uint8_t *cell = &sim->eeprom->eeprom[sim->eeprom_address];
    if (sim->eeprom_mode == EECR_MODE_ERASE) {
        *cell = 0xFF;
    } else if (sim->eeprom_mode == EECR_MODE_WRITE) {
        *cell &= sim->eeprom_value;
    } else {
        *cell = sim->eeprom_value;
    }
    sim->eeprom_busy = 0;
    sim->avr->data[sim->eeprom->r_eecr] &= (uint8_t)~EECR_EEPE;
}

static avr_cycle_count_t on_eeprom_done(avr_t *avr, avr_cycle_count_t when, void *param)
{
    (void)when;
    struct fluksosim *sim = param;
    finish_eeprom(sim);
    avr_raise_interrupt(avr, &sim->eeprom->ready);
    return 0;
}

static void on_eecr(avr_t *avr, avr_io_addr_t addr, uint8_t v, void *param)
{
    struct fluksosim *sim = param;
    avr_eeprom_t *eeprom = sim->eeprom;
    const int armed = sim->eeprom_armed && avr->cycle - sim->eeprom_armed_cycle <= 6;
    uint16_t address = avr->data[eeprom->r_eearl];
    if (eeprom->r_eearh) {
        address |= (uint16_t)(avr->data[eeprom->r_eearh] << 8);
    }
    address %= eeprom->size;
    avr_core_watch_write(avr, addr, (uint8_t)(v & ~(EECR_EEPE | EECR_EERE)));
    if (sim->eeprom_busy) {
        avr->data[addr] |= EECR_EEPE;
        return;
    }
    if (v & EECR_EERE) {
        avr->data[eeprom->r_eedr] = eeprom->eeprom[address];
    }
    if ((v & EECR_EEPE) && armed) {
        sim->eeprom_armed = 0;
        sim->eeprom_busy = 1;
        sim->eeprom_address = address;
        sim->eeprom_mode = v & EECR_MODE;
        sim->eeprom_value = avr->data[eeprom->r_eedr];
        sim->eeprom_operations++;
        sim->eeprom_wear[address]++;
        avr->data[addr] = (uint8_t)((avr->data[addr] & ~EECR_EEMPE) | EECR_EEPE);
        // 3.4 ms for erase and write in one, 1.8 ms for either alone (data sheet, table of programming modes).
        const uint32_t us = sim->eeprom_mode == 0 ? 3400 : 1800;
        avr_cycle_timer_register_usec(avr, us, on_eeprom_done, sim);
    } else if (v & EECR_EEMPE) {
        sim->eeprom_armed = 1;
        sim->eeprom_armed_cycle = avr->cycle;
    }
}

static void tear_eeprom(struct fluksosim *sim)
{
    if (!sim->eeprom_busy) {
        return;
    }
    // Cut in the middle: the cell holds anything between what it was and what it was to become.
    sim->eeprom->eeprom[sim->eeprom_address] = (uint8_t)next_random(sim);
    sim->eeprom_busy = 0;
}

// ---- contacts ----

static void set_contact(struct fluksosim *sim, uint8_t port, uint8_t bit, uint8_t level)
{
    for (uint8_t i = 0; i < EXTINT_COUNT; i++) {
        // Otherwise simavr looks at INT0 and INT1 in every cycle while a contact is closed, interrupt enabled or not. Its reset
        // puts this back.
        avr_extint_set_strict_lvl_trig(sim->avr, i, 0);
    }
    const uint8_t mask = (uint8_t)(1U << bit);
    sim->pulls[port][0] |= mask;
    sim->pulls[port][1] = (uint8_t)((sim->pulls[port][1] & ~mask) | (level ? mask : 0));
    avr_ioport_external_t external = {.name = port, .mask = sim->pulls[port][0], .value = sim->pulls[port][1]};
    avr_ioctl(sim->avr, AVR_IOCTL_IOPORT_SET_EXTERNAL(port), &external);
    avr_raise_irq(avr_io_getirq(sim->avr, AVR_IOCTL_IOPORT_GETIRQ(port), bit), level);
}

static struct contact_event *take_event(struct fluksosim *sim)
{
    struct contact_event *event = sim->events;
    sim->events = event->next;
    if (sim->events) {
        sim->events->previous = NULL;
    } else {
        sim->last_event = NULL;
    }
    return event;
}

static avr_cycle_count_t on_contact(avr_t *avr, avr_cycle_count_t when, void *param)
{
    (void)when;
    struct fluksosim *sim = param;
    while (sim->events && sim->events->cycle <= avr->cycle) {
        struct contact_event *event = take_event(sim);
        set_contact(sim, event->port, event->bit, event->level);
        free(event);
    }
    return sim->events ? sim->events->cycle : 0;
}

static void arm_contacts(struct fluksosim *sim)
{
    avr_cycle_timer_cancel(sim->avr, on_contact, sim);
    if (sim->events) {
        const uint64_t now = sim->avr->cycle;
        avr_cycle_timer_register(sim->avr, sim->events->cycle > now ? sim->events->cycle - now : 1, on_contact, sim);
    }
}

// ---- UART ----

static void on_uart(struct avr_irq_t *irq, uint32_t value, void *param)
{
    (void)irq;
    struct fluksosim *sim = param;
    if (sim->uart_written - sim->uart_taken >= UART_QUEUE) {
        sim->uart_lost++;
        return;
    }
    sim->uart[sim->uart_written % UART_QUEUE].byte = (uint8_t)value;
    sim->uart[sim->uart_written % UART_QUEUE].cycle = sim->avr->cycle;
    sim->uart_written++;
}

// ---- life of the chip ----

// Called when the CPU sleeps: time passes for it, but not for us.
static void note_sleep(avr_t *avr, avr_cycle_count_t how_long)
{
    struct fluksosim *sim = avr->custom.data;
    sim->asleep_cycles += how_long + 1;
}

static void apply_supply(struct fluksosim *sim)
{
    sim->avr->vcc = sim->avr->avcc = (uint32_t)sim->supply_mv;
    avr_raise_irq(avr_io_getirq(sim->avr, AVR_IOCTL_ACOMP_GETIRQ, ACOMP_IRQ_AIN1), (uint32_t)(sim->supply_mv / 4.4));
}

// simavr calls this at every reset, also at those of the watchdog: it clears all registers and all cycle timers.
static void on_reset(avr_io_t *io)
{
    struct fluksosim *sim = (struct fluksosim *)((char *)io - offsetof(struct fluksosim, io));
    if (sim->eeprom_busy) {
        finish_eeprom(sim); // a write in progress completes whatever the CPU does
    }
    sim->eeprom_armed = 0;
    sim->resets++;
    for (int port = 'A'; port <= 'H'; port++) {
        for (uint8_t bit = 0; bit < 8; bit++) {
            if (sim->pulls[port][0] & (1U << bit)) {
                const uint8_t level = (sim->pulls[port][1] >> bit) & 1U;
                avr_irq_t *irq = avr_io_getirq(sim->avr, AVR_IOCTL_IOPORT_GETIRQ(port), bit);
                irq->value = !level; // the registers were cleared: a filtered IRQ would not be raised again
                avr_raise_irq(irq, level);
            }
        }
    }
    arm_contacts(sim);
    apply_supply(sim);
}

static void reset(struct fluksosim *sim, uint8_t cause)
{
    avr_reset(sim->avr);
    sim->avr->state = cpu_Running;
    sim->avr->data[MCUSR_ADDRESS] = cause;
}

struct fluksosim *fluksosim_open(const char *hex, const char *mcu, uint32_t hz, uint64_t seed, char *error, int error_size)
{
    avr_global_logger_set(silent_logger);
    uint32_t size = 0, start = 0;
    uint8_t *code = read_ihex_file(hex, &size, &start);
    if (!code) {
        snprintf(error, (size_t)error_size, "cannot read the firmware %s", hex);
        return NULL;
    }
    avr_t *avr = avr_make_mcu_by_name(mcu);
    if (!avr) {
        free(code);
        snprintf(error, (size_t)error_size, "simavr does not know the microcontroller %s", mcu);
        return NULL;
    }
    avr_init(avr);
    avr->log = LOG_ERROR;
    if ((uint64_t)start + size > (uint64_t)avr->flashend + 1) { // simavr would write past the end of its flash
        snprintf(error, (size_t)error_size, "%s: %u bytes at %u do not fit the %u bytes of flash of %s", hex, size, start,
                 avr->flashend + 1, mcu);
        free(code);
        avr_terminate(avr);
        free(avr);
        return NULL;
    }
    memcpy(avr->flash + start, code, size);
    free(code);
    avr->codeend = avr->flashend;
    avr->frequency = hz;
    avr->sleep = note_sleep;

    struct fluksosim *sim = calloc(1, sizeof *sim);
    sim->avr = avr;
    avr->custom.data = sim; // simavr uses custom only through its init and deinit, which stay unset
    sim->random = seed ? seed : 0x9E3779B97F4A7C15ULL;
    sim->mains_hz = 50.0;
    sim->smoothing_s = 0.020;
    sim->supply_mv = 5000.0;
    sim->brown_out_mv = 2700.0;
    avr->aref = 1100;
    for (avr_io_t *io = avr->io_port; io; io = io->next) {
        if (strcmp(io->kind, "eeprom") == 0) {
            sim->eeprom = (avr_eeprom_t *)io;
        }
    }
    if (!sim->eeprom) {
        snprintf(error, (size_t)error_size, "simavr's %s has no EEPROM", mcu);
        avr_terminate(avr);
        free(avr);
        free(sim);
        return NULL;
    }
    sim->eeprom_wear = calloc(sim->eeprom->size, sizeof *sim->eeprom_wear);
    avr->io[AVR_DATA_TO_IO(sim->eeprom->r_eecr)].w.c = on_eecr;
    avr->io[AVR_DATA_TO_IO(sim->eeprom->r_eecr)].w.param = sim;

    sim->io.kind = "fluksosim";
    sim->io.reset = on_reset;
    avr_register_io(avr, &sim->io);

    uint32_t flags = 0;
    avr_ioctl(avr, AVR_IOCTL_UART_SET_FLAGS('0'), &flags);
    avr_irq_register_notify(avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_OUTPUT), on_uart, sim);
    avr_irq_register_notify(avr_io_getirq(avr, AVR_IOCTL_ADC_GETIRQ, ADC_IRQ_OUT_TRIGGER), on_conversion, sim);
    return sim;
}

void fluksosim_close(struct fluksosim *sim)
{
    while (sim->events) {
        free(take_event(sim));
    }
    avr_terminate(sim->avr);
    free(sim->avr);
    free(sim->eeprom_wear);
    free(sim);
}

// Supply on: power-on reset with random SRAM.
void fluksosim_power_on(struct fluksosim *sim)
{
    for (uint32_t i = sim->avr->ioend + 1U; i <= sim->avr->ramend; i++) {
        sim->avr->data[i] = (uint8_t)next_random(sim);
    }
    sim->powered = 1;
    sim->supply_mv = 5000.0;
    reset(sim, MCUSR_PORF);
}

// Supply gone at once, in the middle of whatever the chip is doing.
void fluksosim_power_off(struct fluksosim *sim)
{
    tear_eeprom(sim);
    sim->powered = 0;
    sim->supply_mv = 0;
}

// A press on reset: SRAM stays.
void fluksosim_reset(struct fluksosim *sim)
{
    if (sim->powered) {
        reset(sim, MCUSR_EXTRF);
    }
}

// Sets the supply in mV. Below the brown-out level the chip is off.
void fluksosim_supply(struct fluksosim *sim, double mv)
{
    if (!sim->powered) {
        return;
    }
    if (mv < sim->brown_out_mv) {
        fluksosim_power_off(sim);
        return;
    }
    sim->supply_mv = mv;
    apply_supply(sim);
}

// Resets of the chip so far, for whatever reason.
uint32_t fluksosim_resets(const struct fluksosim *sim)
{
    return sim->resets;
}

int fluksosim_powered(const struct fluksosim *sim)
{
    return sim->powered;
}

// Runs until `cycle`. 0: done; 1: powered off on the way; -1: the firmware crashed (bad instruction, stack or flash overrun).
int fluksosim_run(struct fluksosim *sim, uint64_t cycle)
{
    avr_t *avr = sim->avr;
    while (sim->powered && avr->cycle < cycle) {
        const uint64_t before = avr->cycle;
        avr->run_cycle_limit = cycle - before;
        const int state = avr_run(avr);
        sim->powered_cycles += avr->cycle - before;
        if (state == cpu_Done || state == cpu_Crashed) {
            sim->crashed = 1;
            sim->powered = 0;
            return -1;
        }
        if (sim->cut_after_operations && sim->eeprom_operations >= sim->cut_after_operations && sim->eeprom_busy) {
            sim->cut_after_operations = 0;
            fluksosim_power_off(sim);
        }
    }
    if (!sim->powered) {
        if (avr->cycle < cycle) {
            avr->cycle = cycle; // time goes on without the chip
        }
        return sim->crashed ? -1 : 1;
    }
    return 0;
}

uint64_t fluksosim_cycle(const struct fluksosim *sim)
{
    return sim->avr->cycle;
}

uint64_t fluksosim_powered_cycles(const struct fluksosim *sim)
{
    return sim->powered_cycles;
}

uint64_t fluksosim_awake_cycles(const struct fluksosim *sim)
{
    return sim->powered_cycles - sim->asleep_cycles;
}

// ---- inputs ----

// Sets a clamp's front end: the mean it settles at, noise (rms) and offset, all in ADC steps.
int fluksosim_clamp(struct fluksosim *sim, int channel, double mean, double noise, double offset)
{
    if (channel < 0 || channel >= CLAMPS) {
        return -1;
    }
    struct clamp *clamp = &sim->clamp[channel];
    (void)front_end(sim, clamp); // up to now with the old mean
    clamp->target = mean;
    clamp->noise = noise;
    clamp->offset = offset;
    return 0;
}

void fluksosim_mains(struct fluksosim *sim, double hz)
{
    sim->mains_hz = hz;
}

// Level of an input pin (port 'D', bit 2, ...) from `cycle` on.
void fluksosim_contact(struct fluksosim *sim, uint64_t cycle, int port, int bit, int level)
{
    struct contact_event *event = malloc(sizeof *event);
    struct contact_event *before = sim->last_event; // most events are later than all others
    while (before && before->cycle > cycle) {
        before = before->previous;
    }
    struct contact_event *after = before ? before->next : sim->events;
    *event = (struct contact_event){.cycle = cycle,
                                    .port = (uint8_t)port,
                                    .bit = (uint8_t)(bit & 7),
                                    .level = level ? 1 : 0,
                                    .next = after,
                                    .previous = before};
    *(before ? &before->next : &sim->events) = event;
    *(after ? &after->previous : &sim->last_event) = event;
    if (!before) {
        arm_contacts(sim);
    }
}

// ---- outputs ----

// Takes up to `limit` bytes the UART has begun to send, with the cycle of each; how many.
int fluksosim_uart(struct fluksosim *sim, uint8_t *bytes, uint64_t *cycles, int limit)
{
    int taken = 0;
    while (taken < limit && sim->uart_taken != sim->uart_written) {
        bytes[taken] = sim->uart[sim->uart_taken % UART_QUEUE].byte;
        cycles[taken] = sim->uart[sim->uart_taken % UART_QUEUE].cycle;
        sim->uart_taken++;
        taken++;
    }
    return taken;
}

uint64_t fluksosim_uart_lost(const struct fluksosim *sim)
{
    return sim->uart_lost;
}

uint8_t fluksosim_data(const struct fluksosim *sim, uint16_t address)
{
    return address <= sim->avr->ramend ? sim->avr->data[address] : 0;
}

void fluksosim_poke(struct fluksosim *sim, uint16_t address, uint8_t value)
{
    if (address <= sim->avr->ramend) {
        sim->avr->data[address] = value;
    }
}

// ---- EEPROM image ----

uint32_t fluksosim_eeprom_size(const struct fluksosim *sim)
{
    return sim->eeprom->size;
}

void fluksosim_eeprom_read(const struct fluksosim *sim, uint8_t *image)
{
    memcpy(image, sim->eeprom->eeprom, sim->eeprom->size);
}

void fluksosim_eeprom_load(struct fluksosim *sim, const uint8_t *image)
{
    memcpy(sim->eeprom->eeprom, image, sim->eeprom->size);
}

uint64_t fluksosim_eeprom_operations(const struct fluksosim *sim)
{
    return sim->eeprom_operations;
}

void fluksosim_eeprom_wear(const struct fluksosim *sim, uint32_t *wear)
{
    memcpy(wear, sim->eeprom_wear, sim->eeprom->size * sizeof *wear);
}

// Cuts the power in the middle of the EEPROM operation number `operations` (counted since the start).
void fluksosim_cut_at_operation(struct fluksosim *sim, uint64_t operations)
{
    sim->cut_after_operations = operations;
}
