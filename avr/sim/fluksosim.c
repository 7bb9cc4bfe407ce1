// The sensor board's firmware in simavr, behind a flat C interface that Python loads with ctypes.
//
// What simavr 1.6 does not model is added here: the EEPROM's write time (and what a power cut leaves of a byte on its way), the
// clamps' analogue front end, the supply with comparator and brown-out reset, SRAM that is random after power-up.
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <avr_acomp.h>
#include <sim_hex.h>
#include <sim_irq.h>

#include "chip.h"

#define MCUSR_ADDRESS 0x54
#define MCUSR_PORF 0x01
#define MCUSR_EXTRF 0x02

static void silent_logger(avr_t *avr, const int level, const char *format, va_list ap)
{
    (void)avr;
    if (level == LOG_ERROR) {
        vfprintf(stderr, format, ap);
    }
}

// Called when the CPU sleeps: time passes for it, but not for us.
static void note_sleep(avr_t *avr, avr_cycle_count_t how_long)
{
    struct fluksosim *sim = avr->custom.data;
    sim->asleep_cycles += how_long + 1;
    trace_value(sim, TRACE_AWAKE, 0);
}

static void apply_supply(struct fluksosim *sim)
{
    sim->avr->vcc = sim->avr->avcc = (uint32_t)sim->supply_mv;
    trace_value(sim, TRACE_SUPPLY, (uint32_t)sim->supply_mv);
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
    trace_event(sim, TRACE_RESET);
    trace_halt(sim);
    trace_value(sim, TRACE_AWAKE, 1);
    restore_contacts(sim);
    arm_incoming(sim);
    apply_supply(sim);
}

static void reset(struct fluksosim *sim, uint8_t cause)
{
    avr_reset(sim->avr);
    sim->avr->state = cpu_Running;
    sim->avr->data[MCUSR_ADDRESS] = cause;
}

API struct fluksosim *fluksosim_open(const char *hex, const char *mcu, uint32_t hz, uint64_t seed, char *error, int error_size)
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
    connect_eeprom(sim);
    connect_isp(sim);
    connect_spi(sim);

    sim->io.kind = "fluksosim";
    sim->io.reset = on_reset;
    avr_register_io(avr, &sim->io);

    connect_uart(sim);
    connect_clamps(sim);
    connect_interrupts(sim);
    return sim;
}

API void fluksosim_close(struct fluksosim *sim)
{
    fluksosim_trace_end(sim);
    forget_contacts(sim);
    avr_terminate(sim->avr);
    free(sim->avr);
    free(sim->eeprom_wear);
    free(sim->eeprom_erased);
    free(sim);
}

// Supply on: power-on reset with random SRAM.
API void fluksosim_power_on(struct fluksosim *sim)
{
    for (uint32_t i = sim->avr->ioend + 1U; i <= sim->avr->ramend; i++) {
        sim->avr->data[i] = (uint8_t)next_random(sim);
    }
    sim->powered = 1;
    sim->supply_mv = 5000.0;
    reset(sim, MCUSR_PORF);
}

// Supply gone at once, in the middle of whatever the chip is doing.
API void fluksosim_power_off(struct fluksosim *sim)
{
    tear_eeprom(sim);
    sim->powered = 0;
    sim->supply_mv = 0;
    trace_value(sim, TRACE_SUPPLY, 0);
    trace_halt(sim);
}

// A press on reset: SRAM stays.
API void fluksosim_reset(struct fluksosim *sim)
{
    if (sim->powered && !sim->held) {
        reset(sim, MCUSR_EXTRF);
    }
}

// Sets the supply in mV. Below the brown-out level the chip is off.
API void fluksosim_supply(struct fluksosim *sim, double mv)
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
API uint32_t fluksosim_resets(const struct fluksosim *sim)
{
    return sim->resets;
}

API int fluksosim_powered(const struct fluksosim *sim)
{
    return sim->powered;
}

// Runs until `cycle`. 0: done; 1: powered off on the way; -1: the firmware crashed (bad instruction, stack or flash overrun).
API int fluksosim_run(struct fluksosim *sim, uint64_t cycle)
{
    avr_t *avr = sim->avr;
    if (sim->held && avr->cycle < cycle) {
        avr->cycle = cycle;
        return 0;
    }
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

API uint64_t fluksosim_cycle(const struct fluksosim *sim)
{
    return sim->avr->cycle;
}

API uint64_t fluksosim_powered_cycles(const struct fluksosim *sim)
{
    return sim->powered_cycles;
}

API uint64_t fluksosim_awake_cycles(const struct fluksosim *sim)
{
    return sim->powered_cycles - sim->asleep_cycles;
}

// Begins all measurements anew: powered and awake cycles, interrupts, conversions.
API void fluksosim_measure_anew(struct fluksosim *sim)
{
    sim->powered_cycles = sim->asleep_cycles = 0;
    forget_interrupts(sim);
    for (int i = 0; i < CLAMPS; i++) {
        sim->clamp[i].conversions = 0;
    }
}

API uint8_t fluksosim_data(const struct fluksosim *sim, uint16_t address)
{
    return address <= sim->avr->ramend ? sim->avr->data[address] : 0;
}

// The last address of SRAM.
API uint16_t fluksosim_ram_end(const struct fluksosim *sim)
{
    return sim->avr->ramend;
}

API void fluksosim_poke(struct fluksosim *sim, uint16_t address, uint8_t value)
{
    if (address <= sim->avr->ramend) {
        sim->avr->data[address] = value;
    }
}
