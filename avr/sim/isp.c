// The chip's serial programming interface: what it answers on SPI while its reset is held low (data sheet, "Serial programming
// instruction set"). Flash, fuses and EEPROM are those of the simulated chip.
#include <string.h>

#include <avr_flash.h>
#include <sim_io.h>

#include "chip.h"

#define MCUSR_ADDRESS 0x54
#define MCUSR_EXTRF 0x02
#define HFUSE_EESAVE 0x08 // programmed (0): a chip erase spares the EEPROM
#define FACTORY_LFUSE 0x62
#define FACTORY_HFUSE 0xDF
#define FACTORY_EFUSE 0xF9
#define EEPROM_PAGE 4U

void connect_isp(struct fluksosim *sim)
{
    struct isp *isp = &sim->isp;
    isp->fuses[0] = FACTORY_LFUSE;
    isp->fuses[1] = FACTORY_HFUSE;
    isp->fuses[2] = FACTORY_EFUSE;
    isp->lock = 0xFF;
    for (avr_io_t *io = sim->avr->io_port; io; io = io->next) {
        if (strcmp(io->kind, "flash") == 0) {
            isp->page_bytes = ((avr_flash_t *)io)->spm_pagesize;
        }
    }
}

static void clear_buffers(struct isp *isp)
{
    memset(isp->page, 0xFF, sizeof isp->page);
    memset(isp->eeprom_page_filled, 0, sizeof isp->eeprom_page_filled);
}

static void chip_erase(struct fluksosim *sim)
{
    memset(sim->avr->flash, 0xFF, sim->avr->flashend + 1U);
    if (sim->isp.fuses[1] & HFUSE_EESAVE) {
        memset(sim->eeprom->eeprom, 0xFF, sim->eeprom->size);
    }
    sim->isp.lock = 0xFF;
    clear_buffers(&sim->isp);
}

static void write_flash_page(struct fluksosim *sim, uint32_t address)
{
    const struct isp *isp = &sim->isp;
    const uint32_t start = address / isp->page_bytes * isp->page_bytes % (sim->avr->flashend + 1U);
    for (uint32_t i = 0; i < isp->page_bytes; i++) {
        sim->avr->flash[start + i] &= isp->page[i]; // without an erase before, bits are only cleared
    }
    clear_buffers(&sim->isp);
}

static void write_eeprom_page(struct fluksosim *sim, uint32_t address)
{
    struct isp *isp = &sim->isp;
    for (uint32_t i = 0; i < EEPROM_PAGE; i++) {
        if (isp->eeprom_page_filled[i]) {
            sim->eeprom->eeprom[((address & ~(EEPROM_PAGE - 1U)) + i) % sim->eeprom->size] = isp->eeprom_page[i];
        }
    }
    clear_buffers(isp);
}

static void write_fuses(struct isp *isp, uint8_t which, uint8_t value)
{
    switch (which & 0xFCU) {
    case 0xA0:
        isp->fuses[0] = value;
        break;
    case 0xA8:
        isp->fuses[1] = value;
        break;
    case 0xA4:
        isp->fuses[2] = value;
        break;
    case 0xE0:
        isp->lock &= value;
        break;
    default:
        break;
    }
}

// The fourth byte of the answer; the others echo what was sent one byte before.
static uint8_t carry_out(struct fluksosim *sim, const uint8_t *sent)
{
    struct isp *isp = &sim->isp;
    const uint32_t word = (uint32_t)sent[1] << 8 | sent[2];
    const uint32_t flash = word * 2U % (sim->avr->flashend + 1U);
    switch (sent[0]) {
    case 0xAC:
        if (sent[1] == 0x80) {
            chip_erase(sim);
        } else {
            write_fuses(isp, sent[1], sent[3]);
        }
        return 0;
    case 0xF0: // busy? Everything is done at once here.
        return 0;
    case 0x30:
        return sim->avr->signature[sent[2] % 3U];
    case 0x38:
        return 0x80; // oscillator calibration
    case 0x40:
        isp->page[sent[2] * 2U % isp->page_bytes] = sent[3];
        return 0;
    case 0x48:
        isp->page[(sent[2] * 2U + 1U) % isp->page_bytes] = sent[3];
        return 0;
    case 0x4C:
        write_flash_page(sim, flash);
        return 0;
    case 0x20:
        return sim->avr->flash[flash];
    case 0x28:
        return sim->avr->flash[flash + 1U];
    case 0xA0:
        return sim->eeprom->eeprom[word % sim->eeprom->size];
    case 0xC0:
        sim->eeprom->eeprom[word % sim->eeprom->size] = sent[3];
        return 0;
    case 0xC1:
        isp->eeprom_page[sent[2] % EEPROM_PAGE] = sent[3];
        isp->eeprom_page_filled[sent[2] % EEPROM_PAGE] = 1;
        return 0;
    case 0xC2:
        write_eeprom_page(sim, word);
        return 0;
    case 0x50:
        return sent[1] == 0x08 ? isp->fuses[2] : isp->fuses[0];
    case 0x58:
        return sent[1] == 0x08 ? isp->fuses[1] : isp->lock;
    default:
        return 0;
    }
}

// Holds reset low, or lets it go: then the firmware that is in the flash now starts. SRAM stays.
API void fluksosim_hold_reset(struct fluksosim *sim, int held)
{
    if (held && !sim->held) {
        if (sim->crashed) { // reset helps also who has run into nonsense
            sim->crashed = 0;
            sim->powered = 1;
        }
        if (sim->eeprom_busy) {
            finish_eeprom(sim);
        }
        sim->isp.enabled = 0;
        clear_buffers(&sim->isp);
    } else if (!held && sim->held && sim->powered) {
        avr_reset(sim->avr);
        sim->avr->state = cpu_Running;
        sim->avr->data[MCUSR_ADDRESS] = MCUSR_EXTRF;
    }
    sim->held = held;
}

// One instruction of four bytes on the programming interface; 0 when the chip does not listen (not in reset, or not enabled).
API int fluksosim_isp(struct fluksosim *sim, const uint8_t *sent, uint8_t *answer)
{
    memset(answer, 0xFF, 4);
    if (!sim->held || !sim->powered) {
        return 0;
    }
    const int enable = sent[0] == 0xAC && sent[1] == 0x53;
    if (!sim->isp.enabled && !enable) {
        return 0;
    }
    sim->isp.enabled = 1;
    answer[0] = 0;
    answer[1] = sent[0];
    answer[2] = sent[1];
    answer[3] = enable ? sent[2] : carry_out(sim, sent);
    return 1;
}

// Fuses (low, high, extended) and lock bits.
API void fluksosim_fuses(const struct fluksosim *sim, uint8_t *four)
{
    memcpy(four, sim->isp.fuses, 3);
    four[3] = sim->isp.lock;
}
