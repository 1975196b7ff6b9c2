/* SPDX-License-Identifier: BSD-2-Clause */
/* 16550 UART (National Semiconductor PC16550D data sheet); see serial.h. */
#include <stdint.h>

#include "kernel/cpu.h"
#include "kernel/serial.h"
#include "kernel/vm.h"

enum reg { THR, IER, FCR, LCR, MCR, LSR, MSR, SCR, REGS };

#define DLL            THR /* with LCR.DLAB */
#define DLM            IER
#define LCR_8N1        0x03
#define LCR_DLAB       0x80
#define FCR_ON         0x07 /* enable, clear both */
#define MCR_DTR_RTS    0x03
#define LSR_THRE       0x20
#define LSR_GONE       0xff
#define FIFO_SIZE      16
#define DIVISOR_115200 1
/* Reads of LSR before a port counts as dead: each takes about a microsecond, 16 characters at 9600 take 17
 * ms. */
#define PATIENCE 100000u
#define COM1     0x3f8

static struct {
    bool open;
    uint16_t port;           /* 0: in memory */
    volatile uint8_t *base;  /* in memory */
    unsigned stride, access; /* bytes between registers, bytes per access */
    unsigned room;           /* characters that the FIFO still takes */
} uart;

static uint8_t get(enum reg r)
{
    if (uart.port)
        return inb((uint16_t)(uart.port + r * uart.stride));
    if (uart.access == 4)
        return (uint8_t) * (volatile uint32_t *)(uart.base + r * uart.stride);
    return uart.base[r * uart.stride];
}

static void put(enum reg r, uint8_t value)
{
    if (uart.port)
        outb((uint16_t)(uart.port + r * uart.stride), value);
    else if (uart.access == 4)
        *(volatile uint32_t *)(uart.base + r * uart.stride) = value;
    else
        uart.base[r * uart.stride] = value;
}

static bool answers(void)
{
    uint8_t old = get(SCR), first, second;

    if (get(LSR) == LSR_GONE)
        return false;
    put(SCR, 0x55);
    first = get(SCR);
    put(SCR, 0xaa);
    second = get(SCR);
    put(SCR, old);
    return first == 0x55 && second == 0xaa;
}

static void start(bool set_speed)
{
    put(IER, 0);
    if (set_speed) {
        put(LCR, LCR_8N1 | LCR_DLAB);
        put(DLL, DIVISOR_115200);
        put(DLM, 0);
    }
    put(LCR, LCR_8N1);
    put(FCR, FCR_ON);
    put(MCR, MCR_DTR_RTS);
    uart.room = 0;
    uart.open = true;
}

bool serial_open(const struct acpi_gas *where)
{
    uart.open = false;
    uart.stride = where->width == 32 || where->access == 3 ? 4 : 1;
    uart.access = uart.stride;
    uart.port = 0;
    if (!where->address)
        return false;
    if (where->space == 1) {
        if (where->address > 0xffff - REGS * 4)
            return false;
        uart.port = (uint16_t)where->address;
        uart.stride = 1;
    } else if (where->space == 0) {
        uart.base = vm_map_mmio(where->address, REGS * uart.stride);
        if (!uart.base)
            return false;
    } else {
        return false;
    }
    if (!answers())
        return false;
    start(false);
    return true;
}

bool serial_open_legacy(void)
{
    uart.open = false;
    uart.port = COM1;
    uart.stride = 1;
    if (!answers())
        return false;
    start(true);
    return true;
}

bool serial_alive(void)
{
    return uart.open;
}

/* Room for at least one character; gives the port up when there never is. */
static bool wait_room(void)
{
    for (unsigned i = 0; i < PATIENCE && !uart.room; i++)
        if (get(LSR) & LSR_THRE)
            uart.room = FIFO_SIZE;
    if (!uart.room)
        uart.open = false;
    return uart.room;
}

static void put_char(char c)
{
    if (!uart.open || (!uart.room && !wait_room()))
        return;
    put(THR, (uint8_t)c);
    uart.room--;
}

void serial_write(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '\n')
            put_char('\r');
        put_char(text[i]);
    }
}
