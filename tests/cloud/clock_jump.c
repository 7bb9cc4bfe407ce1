/* A wall clock that is off by as many seconds as the file named by CLOCK_OFF tells, an int64 that may change at any
   time. For LD_PRELOAD: what asks the kernel for the real time is told another. */

#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static int64_t off(void)
{
	static volatile int64_t *told;
	if (!told) {
		int file = open(getenv("CLOCK_OFF"), O_RDONLY);
		told = mmap(NULL, sizeof *told, PROT_READ, MAP_SHARED, file, 0);
		close(file);
	}
	return *told;
}

int clock_gettime(clockid_t which, struct timespec *at)
{
	long failed = syscall(SYS_clock_gettime, which, at);
	if (!failed && (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE))
		at->tv_sec += off();
	return failed ? -1 : 0;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone)
{
	struct timespec fine;
	(void)zone;
	if (clock_gettime(CLOCK_REALTIME, &fine))
		return -1;
	at->tv_sec = fine.tv_sec;
	at->tv_usec = fine.tv_nsec / 1000;
	return 0;
}

time_t time(time_t *at)
{
	struct timespec fine;
	clock_gettime(CLOCK_REALTIME, &fine);
	if (at)
		*at = fine.tv_sec;
	return fine.tv_sec;
}
