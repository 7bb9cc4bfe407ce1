// Loaded into a program with LD_PRELOAD, it lets /dev/spidev* and /dev/gpiochip* be a simulated board: every SPI transfer and every
// change of the reset line goes to the unix socket FLUKSOSIM_ISP (fluksosim/isp.py answers). Nothing else of the program changes.
//
// Messages (SOCK_SEQPACKET): 'S' and the bytes of a transfer, answered with as many; 'R' and the level of the line, answered with
// one byte. The line is let go when its socket closes, also when the program is killed: as the kernel does.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/gpio.h>
#include <linux/spi/spidev.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define FDS 1024
#define LONGEST 4096

enum kind { KIND_OTHER, KIND_SPI, KIND_CHIP, KIND_LINE };
static uint8_t kinds[FDS];
static uint32_t spi_mode;

static int connected(enum kind kind)
{
    const char *path = getenv("FLUKSOSIM_ISP");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (!path || strlen(path) >= sizeof address.sun_path) {
        errno = ENODEV;
        return -1;
    }
    strcpy(address.sun_path, path);
    const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    if (fd >= FDS || connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
        close(fd);
        errno = ENODEV;
        return -1;
    }
    kinds[fd] = (uint8_t)kind;
    return fd;
}

static int exchange(int fd, uint8_t what, const void *sent, void *answer, size_t length)
{
    uint8_t message[LONGEST + 1];
    if (length > LONGEST) {
        errno = EMSGSIZE;
        return -1;
    }
    message[0] = what;
    if (sent) {
        memcpy(message + 1, sent, length);
    } else {
        memset(message + 1, 0, length);
    }
    if (send(fd, message, length + 1, MSG_NOSIGNAL) < 0 || recv(fd, message, sizeof message, 0) != (ssize_t)length) {
        errno = EIO;
        return -1;
    }
    if (answer) {
        memcpy(answer, message, length);
    }
    return (int)length;
}

static int transfer(int fd, unsigned long request, const struct spi_ioc_transfer *transfers)
{
    int total = 0;
    for (unsigned i = 0; i < _IOC_SIZE(request) / sizeof *transfers; i++) {
        const struct spi_ioc_transfer *one = &transfers[i];
        if (exchange(fd, 'S', (const void *)(uintptr_t)one->tx_buf, (void *)(uintptr_t)one->rx_buf, one->len) < 0) {
            return -1;
        }
        total += (int)one->len;
    }
    return total;
}

static int spi_request(int fd, unsigned long request, void *argument)
{
    if (_IOC_TYPE(request) != SPI_IOC_MAGIC) {
        errno = ENOTTY;
        return -1;
    }
    if (_IOC_NR(request) == 0) {
        return transfer(fd, request, argument);
    }
    uint32_t value = 0; // the mode is kept, speed and bits per word change nothing
    memcpy(&value, _IOC_DIR(request) & _IOC_WRITE ? argument : &spi_mode, _IOC_SIZE(request) < 4 ? _IOC_SIZE(request) : 4);
    const int is_mode = _IOC_NR(request) == _IOC_NR(SPI_IOC_WR_MODE) || _IOC_NR(request) == _IOC_NR(SPI_IOC_WR_MODE32);
    if (_IOC_DIR(request) & _IOC_WRITE) {
        spi_mode = is_mode ? value : spi_mode;
    } else if (is_mode) {
        memcpy(argument, &spi_mode, _IOC_SIZE(request));
    } else {
        memset(argument, 0, _IOC_SIZE(request));
    }
    return 0;
}

static int set_line(int fd, uint8_t level)
{
    return exchange(fd, 'R', &level, NULL, 1) < 0 ? -1 : 0;
}

static int chip_request(unsigned long request, void *argument)
{
    if (request != GPIO_GET_LINEHANDLE_IOCTL) {
        errno = EINVAL;
        return -1;
    }
    struct gpiohandle_request *wanted = argument;
    wanted->fd = connected(KIND_LINE);
    return wanted->fd < 0 ? -1 : set_line(wanted->fd, wanted->default_values[0]);
}

int ioctl(int fd, unsigned long request, ...)
{
    va_list rest;
    va_start(rest, request);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    switch (fd >= 0 && fd < FDS ? kinds[fd] : KIND_OTHER) {
    case KIND_SPI:
        return spi_request(fd, request, argument);
    case KIND_CHIP:
        return chip_request(request, argument);
    case KIND_LINE:
        if (request == GPIOHANDLE_SET_LINE_VALUES_IOCTL) {
            return set_line(fd, ((struct gpiohandle_data *)argument)->values[0]);
        }
        errno = EINVAL;
        return -1;
    default: {
        int (*real)(int, unsigned long, ...) = (int (*)(int, unsigned long, ...))dlsym(RTLD_NEXT, "ioctl");
        return real(fd, request, argument);
    }
    }
}

static int opened(const char *path)
{
    if (strncmp(path, "/dev/spidev", 11) == 0) {
        return connected(KIND_SPI);
    }
    return connected(KIND_CHIP);
}

static int ours(const char *path)
{
    return strncmp(path, "/dev/spidev", 11) == 0 || strncmp(path, "/dev/gpiochip", 13) == 0;
}

#define OPEN(name) \
    int name(const char *path, int flags, ...) \
    { \
        va_list rest; \
        va_start(rest, flags); \
        const int mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(rest, int) : 0; \
        va_end(rest); \
        if (ours(path)) { \
            return opened(path); \
        } \
        int (*real)(const char *, int, ...) = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, #name); \
        return real(path, flags, mode); \
    }
OPEN(open)
OPEN(open64)

#define OPEN_2(name) \
    int name(const char *path, int flags) \
    { \
        if (ours(path)) { \
            return opened(path); \
        } \
        int (*real)(const char *, int) = (int (*)(const char *, int))dlsym(RTLD_NEXT, #name); \
        return real(path, flags); \
    }
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
OPEN_2(__open_2)
OPEN_2(__open64_2)

int close(int fd)
{
    if (fd >= 0 && fd < FDS) {
        kinds[fd] = KIND_OTHER;
    }
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "close");
    return real(fd);
}
