// The UART, from the other end of its wires.
#include <string.h>

#include <avr_uart.h>
#include <sim_irq.h>

#include "chip.h"

#define UART_BITS 10U // 8N1

static void on_uart(struct avr_irq_t *irq, uint32_t value, void *param)
{
    (void)irq;
    struct fluksosim *sim = param;
    trace_value(sim, TRACE_UART_SENT, value & 0xFFU);
    trace_event(sim, TRACE_UART_SENDS);
    if (sim->uart_written - sim->uart_taken >= UART_QUEUE) {
        sim->uart_lost++;
        return;
    }
    sim->uart[sim->uart_written % UART_QUEUE].byte = (uint8_t)value;
    sim->uart[sim->uart_written % UART_QUEUE].cycle = sim->avr->cycle;
    sim->uart_written++;
}

// simavr 1.6 counts 11 bits for 8N1, and forgets U2X when it is set after the baud rate.
static void set_byte_time(struct fluksosim *sim)
{
    avr_t *avr = sim->avr;
    avr_uart_t *uart = sim->uart_unit;
    const uint32_t ubrr = avr->data[uart->ubrrl.reg] | (uint32_t)(avr->data[uart->ubrrh.reg] << 8);
    uart->cycles_per_byte = UART_BITS * (avr_regbit_get(avr, uart->u2x) ? 8U : 16U) * (ubrr + 1U);
}

static void on_udr(avr_t *avr, avr_io_addr_t addr, uint8_t v, void *param)
{
    struct fluksosim *sim = param;
    set_byte_time(sim); // of the byte that now begins
    sim->write_udr(avr, addr, v, sim->uart_unit);
}

void connect_uart(struct fluksosim *sim)
{
    avr_t *avr = sim->avr;
    for (avr_io_t *io = avr->io_port; io; io = io->next) {
        if (strcmp(io->kind, "uart") == 0) {
            sim->uart_unit = (avr_uart_t *)io;
        }
    }
    sim->write_udr = avr->io[AVR_DATA_TO_IO(sim->uart_unit->r_udr)].w.c;
    avr->io[AVR_DATA_TO_IO(sim->uart_unit->r_udr)].w.c = on_udr;
    avr->io[AVR_DATA_TO_IO(sim->uart_unit->r_udr)].w.param = sim;
    uint32_t flags = 0;
    avr_ioctl(avr, AVR_IOCTL_UART_SET_FLAGS('0'), &flags);
    avr_irq_register_notify(avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_OUTPUT), on_uart, sim);
}

// Takes up to `limit` bytes the UART has begun to send, with the cycle of each; how many.
API int fluksosim_uart(struct fluksosim *sim, uint8_t *bytes, uint64_t *cycles, int limit)
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

API uint64_t fluksosim_uart_lost(const struct fluksosim *sim)
{
    return sim->uart_lost;
}

static avr_cycle_count_t on_incoming(avr_t *avr, avr_cycle_count_t when, void *param)
{
    (void)when;
    struct fluksosim *sim = param;
    struct incoming *incoming = &sim->incoming;
    set_byte_time(sim);
    while (incoming->taken != incoming->written && incoming->cycle[incoming->taken % UART_QUEUE] <= avr->cycle) {
        const uint8_t byte = incoming->byte[incoming->taken % UART_QUEUE];
        incoming->taken++;
        trace_value(sim, TRACE_UART_RECEIVED, byte);
        trace_event(sim, TRACE_UART_RECEIVES);
        avr_raise_irq(avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_INPUT), byte);
    }
    return incoming->taken != incoming->written ? incoming->cycle[incoming->taken % UART_QUEUE] : 0;
}

void arm_incoming(struct fluksosim *sim)
{
    const struct incoming *incoming = &sim->incoming;
    avr_cycle_timer_cancel(sim->avr, on_incoming, sim);
    if (incoming->taken != incoming->written) {
        const uint64_t cycle = incoming->cycle[incoming->taken % UART_QUEUE], now = sim->avr->cycle;
        avr_cycle_timer_register(sim->avr, cycle > now ? cycle - now : 1, on_incoming, sim);
    }
}

// Lets `count` bytes come in at the UART while the chip runs, one each `gap` cycles from `cycle` on, or after those that are
// still to come. -1: they are too many at once.
API int fluksosim_uart_receive(struct fluksosim *sim, const uint8_t *bytes, int count, uint64_t cycle, uint64_t gap)
{
    struct incoming *incoming = &sim->incoming;
    if ((unsigned)count > UART_QUEUE - (incoming->written - incoming->taken)) {
        return -1;
    }
    for (int i = 0; i < count; i++) {
        if (incoming->taken != incoming->written) {
            const uint64_t after = incoming->cycle[(incoming->written - 1U) % UART_QUEUE] + gap;
            cycle = cycle > after ? cycle : after;
        }
        incoming->byte[incoming->written % UART_QUEUE] = bytes[i];
        incoming->cycle[incoming->written % UART_QUEUE] = cycle;
        incoming->written++;
    }
    arm_incoming(sim);
    return 0;
}
