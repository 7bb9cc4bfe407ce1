// The SPI slave, from the main board's side.
#include <avr_spi.h>
#include <sim_irq.h>
#include <string.h>

#include "chip.h"

// simavr 1.6 overwrites SPDR when it is read: what was written for the next transfer would be lost. So it is kept apart.
static void on_spdr(avr_t *avr, avr_io_addr_t addr, uint8_t v, void *param)
{
    struct fluksosim *sim = param;
    avr_core_watch_write(avr, addr, v);
    sim->spi_shift = v;
}

void connect_spi(struct fluksosim *sim)
{
    for (avr_io_t *io = sim->avr->io_port; io; io = io->next) {
        if (strcmp(io->kind, "spi") == 0) {
            sim->spi = (avr_spi_t *)io;
        }
    }
    if (sim->spi) {
        sim->avr->io[AVR_DATA_TO_IO(sim->spi->r_spdr)].w.c = on_spdr;
        sim->avr->io[AVR_DATA_TO_IO(sim->spi->r_spdr)].w.param = sim;
    }
}

// Transfers `count` bytes as the master, one each `gap` cycles; what the slave answers goes to `in`. As fluksosim_run.
API int fluksosim_spi(struct fluksosim *sim, const uint8_t *out, uint8_t *in, int count, uint64_t gap)
{
    for (int i = 0; i < count; i++) {
        in[i] = 0xFF; // nobody drives the line
        if (sim->powered && sim->spi && avr_regbit_get(sim->avr, sim->spi->spe)) {
            in[i] = sim->spi_shift;
            trace_value(sim, TRACE_SPI_MOSI, out[i]);
            trace_value(sim, TRACE_SPI_MISO, in[i]);
            trace_event(sim, TRACE_SPI_TRANSFERS);
            sim->spi_shift = out[i]; // the shift register: unless the firmware writes, this comes back
            avr_raise_irq(avr_io_getirq(sim->avr, AVR_IOCTL_SPI_GETIRQ(0), SPI_IRQ_INPUT), out[i]);
        }
        const int state = fluksosim_run(sim, sim->avr->cycle + gap);
        if (state < 0) {
            return state;
        }
    }
    return 0;
}
