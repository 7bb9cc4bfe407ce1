// The EEPROM as the chip has it: writing takes time, knows three modes, wears, and can be cut in the middle.
#include <string.h>
#include <stdlib.h>

#include "chip.h"

#define EECR_EERE 0x01
#define EECR_EEPE 0x02
#define EECR_EEMPE 0x04
#define EECR_MODE 0x30 // EEPM1, EEPM0
#define EECR_MODE_ERASE 0x10
#define EECR_MODE_WRITE 0x20

void finish_eeprom(struct fluksosim *sim)
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
    trace_value(sim, TRACE_EEPROM_BUSY, 0);
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
        trace_value(sim, TRACE_EEPROM_ADDRESS, address);
        trace_value(sim, TRACE_EEPROM_BUSY, 1);
        sim->eeprom_mode = v & EECR_MODE;
        sim->eeprom_value = avr->data[eeprom->r_eedr];
        sim->eeprom_operations++;
        sim->eeprom_wear[address]++;
        sim->eeprom_erased[address] += sim->eeprom_mode != EECR_MODE_WRITE;
        avr->data[addr] = (uint8_t)((avr->data[addr] & ~EECR_EEMPE) | EECR_EEPE);
        // 3.4 ms for erase and write in one, 1.8 ms for either alone (data sheet, table of programming modes).
        const uint32_t us = sim->eeprom_mode == 0 ? 3400 : 1800;
        avr_cycle_timer_register_usec(avr, us, on_eeprom_done, sim);
    } else if (v & EECR_EEMPE) {
        sim->eeprom_armed = 1;
        sim->eeprom_armed_cycle = avr->cycle;
    }
}

void tear_eeprom(struct fluksosim *sim)
{
    if (!sim->eeprom_busy) {
        return;
    }
    // Cut in the middle: the cell holds anything between what it was and what it was to become.
    uint8_t *cell = &sim->eeprom->eeprom[sim->eeprom_address];
    switch (sim->cut_leaves) {
    case CUT_LEAVES_OLD:
        break;
    case CUT_LEAVES_NEW:
        finish_eeprom(sim);
        break;
    case CUT_LEAVES_ERASED:
        *cell = 0xFF;
        break;
    default:
        *cell = (uint8_t)next_random(sim);
        break;
    }
    sim->cut_leaves = CUT_LEAVES_ANYTHING;
    sim->eeprom_busy = 0;
    trace_value(sim, TRACE_EEPROM_BUSY, 0);
}

void connect_eeprom(struct fluksosim *sim)
{
    avr_t *avr = sim->avr;
    sim->eeprom_wear = calloc(sim->eeprom->size, sizeof *sim->eeprom_wear);
    sim->eeprom_erased = calloc(sim->eeprom->size, sizeof *sim->eeprom_erased);
    avr->io[AVR_DATA_TO_IO(sim->eeprom->r_eecr)].w.c = on_eecr;
    avr->io[AVR_DATA_TO_IO(sim->eeprom->r_eecr)].w.param = sim;
}

API uint32_t fluksosim_eeprom_size(const struct fluksosim *sim)
{
    return sim->eeprom->size;
}

API void fluksosim_eeprom_read(const struct fluksosim *sim, uint8_t *image)
{
    memcpy(image, sim->eeprom->eeprom, sim->eeprom->size);
}

API void fluksosim_eeprom_load(struct fluksosim *sim, const uint8_t *image)
{
    memcpy(sim->eeprom->eeprom, image, sim->eeprom->size);
}

API uint64_t fluksosim_eeprom_operations(const struct fluksosim *sim)
{
    return sim->eeprom_operations;
}

API void fluksosim_eeprom_wear(const struct fluksosim *sim, uint32_t *wear)
{
    memcpy(wear, sim->eeprom_wear, sim->eeprom->size * sizeof *wear);
}

API void fluksosim_eeprom_erased(const struct fluksosim *sim, uint32_t *erased)
{
    memcpy(erased, sim->eeprom_erased, sim->eeprom->size * sizeof *erased);
}

// Cuts the power in the middle of the EEPROM operation number `operations` (counted since the start; 0: takes the order back).
// `leaves`: what the cut leaves in the cell, one of enum cut_leaves.
API void fluksosim_cut_at_operation(struct fluksosim *sim, uint64_t operations, int leaves)
{
    sim->cut_after_operations = operations;
    sim->cut_leaves = leaves;
}
