// A trace of what the board does, as a VCD file (value change dump, IEEE 1364-2005, clause 18) for GTKWave and other viewers.
//
// simavr's own writer (sim_vcd_file.h) does not do here: its timer dies at the chip's first reset, and then whatever does not fit
// its buffer of 256 changes is lost; and it knows neither where a signal stands when the trace begins nor the supply.
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <avr_ioport.h>
#include <sim_irq.h>

#include "chip.h"

#define FIRST_CODE '!' // each signal's code in the file is one printable character

// `bits`: 0 for an event, which has no value but happens.
static const struct {
    const char *scope, *name;
    int bits;
} FIXED[TRACE_PIN] = {
    [TRACE_SUPPLY] = {"supply", "millivolts", 13},
    [TRACE_RESET] = {"cpu", "reset", 0},
    [TRACE_AWAKE] = {"cpu", "awake", 1},
    [TRACE_ADC_CHANNEL] = {"adc", "channel", 4},
    [TRACE_ADC_CODE] = {"adc", "code", 10},
    [TRACE_EEPROM_BUSY] = {"eeprom", "busy", 1},
    [TRACE_EEPROM_ADDRESS] = {"eeprom", "address", 10},
    [TRACE_UART_SENDS] = {"uart", "sends", 0},
    [TRACE_UART_SENT] = {"uart", "sent", 8},
    [TRACE_UART_RECEIVES] = {"uart", "receives", 0},
    [TRACE_UART_RECEIVED] = {"uart", "received", 8},
    [TRACE_SPI_TRANSFERS] = {"spi", "transfers", 0},
    [TRACE_SPI_MOSI] = {"spi", "mosi", 8},
    [TRACE_SPI_MISO] = {"spi", "miso", 8},
};
_Static_assert(FIRST_CODE + TRACE_SIGNALS <= '~' + 1, "a signal's code is one printable character");

static int bits_of(int signal)
{
    return signal < TRACE_PIN ? FIXED[signal].bits : 1;
}

static int is_declared(const struct trace *trace, int signal)
{
    if (signal >= TRACE_INTERRUPT) {
        return *trace->interrupt[signal - TRACE_INTERRUPT] != 0;
    }
    return signal < TRACE_PIN + trace->pins;
}

static uint64_t now_ns(const struct fluksosim *sim)
{
    const uint64_t hz = sim->avr->frequency, cycle = sim->avr->cycle;
    return cycle / hz * 1000000000U + cycle % hz * 1000000000U / hz;
}

static void write_time(struct fluksosim *sim)
{
    const uint64_t ns = now_ns(sim);
    if (ns != sim->trace.ns) {
        sim->trace.ns = ns;
        fprintf(sim->trace.file, "#%" PRIu64 "\n", ns);
    }
}

static void write_value(struct fluksosim *sim, int signal)
{
    const uint32_t value = sim->trace.value[signal];
    const int bits = bits_of(signal);
    if (bits > 1) {
        fputc('b', sim->trace.file);
    }
    for (int bit = bits - 1; bit >= 0; bit--) {
        fputc(value >> bit & 1U ? '1' : '0', sim->trace.file);
    }
    fprintf(sim->trace.file, bits > 1 ? " %c\n" : "%c\n", FIRST_CODE + signal);
}

void trace_value(struct fluksosim *sim, int signal, uint32_t value)
{
    if (sim->trace.value[signal] == value) {
        return;
    }
    sim->trace.value[signal] = value;
    if (sim->trace.file && is_declared(&sim->trace, signal)) {
        write_time(sim);
        write_value(sim, signal);
    }
}

void trace_event(struct fluksosim *sim, int signal)
{
    if (sim->trace.file) {
        write_time(sim);
        fprintf(sim->trace.file, "1%c\n", FIRST_CODE + signal);
    }
}

void trace_halt(struct fluksosim *sim)
{
    for (int i = 0; i < INTERRUPTS; i++) {
        trace_value(sim, TRACE_INTERRUPT + i, 0);
    }
    trace_value(sim, TRACE_AWAKE, 0);
}

static void on_pin(struct avr_irq_t *irq, uint32_t value, void *param)
{
    (void)irq;
    const struct trace_pin *pin = param;
    trace_value(pin->sim, pin->signal, value & 1U);
}

static void declare(FILE *file, const char **scope, int signal, const char *in_scope, const char *name)
{
    if (strcmp(*scope, in_scope) != 0) {
        fprintf(file, **scope ? "$upscope $end\n$scope module %s $end\n" : "$scope module %s $end\n", in_scope);
        *scope = in_scope;
    }
    const int bits = bits_of(signal);
    if (bits == 0) {
        fprintf(file, "$var event 1 %c %s $end\n", FIRST_CODE + signal, name);
    } else if (bits == 1) {
        fprintf(file, "$var wire 1 %c %s $end\n", FIRST_CODE + signal, name);
    } else {
        fprintf(file, "$var wire %d %c %s [%d:0] $end\n", bits, FIRST_CODE + signal, name, bits - 1);
    }
}

static void declare_all(const struct trace *trace)
{
    const char *scope = "";
    fprintf(trace->file, "$version fluksosim $end\n$timescale 1 ns $end\n$scope module board $end\n");
    for (int i = 0; i < trace->pins; i++) {
        declare(trace->file, &scope, trace->pin[i].signal, "pins", trace->pin[i].name);
    }
    for (int i = 0; i < TRACE_PIN; i++) {
        declare(trace->file, &scope, i, FIXED[i].scope, FIXED[i].name);
    }
    for (int i = 0; i < INTERRUPTS; i++) {
        if (*trace->interrupt[i]) {
            declare(trace->file, &scope, TRACE_INTERRUPT + i, "interrupts", trace->interrupt[i]);
        }
    }
    fprintf(trace->file, "$upscope $end\n$upscope $end\n$enddefinitions $end\n");
}

// A port pin (port 'D', bit 2, ...) for the next trace. -1: there are TRACE_PINS already, or the chip has no such pin.
API int fluksosim_trace_pin(struct fluksosim *sim, const char *name, int port, int bit)
{
    avr_irq_t *irq = avr_io_getirq(sim->avr, AVR_IOCTL_IOPORT_GETIRQ(port), bit);
    struct trace *trace = &sim->trace;
    if (!irq || trace->pins == TRACE_PINS) {
        return -1;
    }
    struct trace_pin *pin = &trace->pin[trace->pins];
    *pin = (struct trace_pin){.sim = sim, .irq = irq, .signal = TRACE_PIN + trace->pins};
    snprintf(pin->name, sizeof pin->name, "%s", name);
    trace->pins++;
    return 0;
}

// The name of an interrupt, which is then part of the next trace. -1: there is no such vector.
API int fluksosim_trace_interrupt(struct fluksosim *sim, const char *name, int vector)
{
    if (vector < 0 || vector >= INTERRUPTS) {
        return -1;
    }
    snprintf(sim->trace.interrupt[vector], sizeof sim->trace.interrupt[vector], "%s", name);
    return 0;
}

// Ends the trace. 0, or the errno of what could not be written.
API int fluksosim_trace_end(struct fluksosim *sim)
{
    struct trace *trace = &sim->trace;
    for (int i = 0; i < trace->pins; i++) {
        avr_irq_unregister_notify(trace->pin[i].irq, on_pin, &trace->pin[i]);
    }
    trace->pins = 0;
    if (!trace->file) {
        return 0;
    }
    write_time(sim); // how long it lasted
    const int failed = ferror(trace->file) ? EIO : 0;
    const int closed = fclose(trace->file) ? errno : 0;
    trace->file = NULL;
    return closed ? closed : failed;
}

// Begins a trace of everything and of the pins and interrupts that were named. 0, or the errno of a file that cannot be opened.
API int fluksosim_trace_begin(struct fluksosim *sim, const char *path)
{
    struct trace *trace = &sim->trace;
    trace->file = fopen(path, "w");
    if (!trace->file) {
        trace->pins = 0;
        return errno;
    }
    for (int i = 0; i < trace->pins; i++) {
        trace->value[trace->pin[i].signal] = trace->pin[i].irq->value & 1U;
        avr_irq_register_notify(trace->pin[i].irq, on_pin, &trace->pin[i]);
    }
    declare_all(trace);
    trace->ns = now_ns(sim);
    fprintf(trace->file, "#%" PRIu64 "\n$dumpvars\n", trace->ns);
    for (int i = 0; i < TRACE_SIGNALS; i++) {
        if (bits_of(i) && is_declared(trace, i)) {
            write_value(sim, i);
        }
    }
    fprintf(trace->file, "$end\n");
    return 0;
}
