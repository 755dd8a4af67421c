/* Preloaded into a process, shifts what it sees of the wall clock and of CLOCK_MONOTONIC, by two numbers that the harness writes
 * into a file while the process runs. CLOCK_BOOTTIME is not shifted: a machine that sleeps is one whose CLOCK_MONOTONIC stood still
 * meanwhile, and whose CLOCK_BOOTTIME did not. But it can run at another rate, by which the addon then lives, with all waits of its
 * thread; all else of the process keeps the true time, and so do the records for the oracle. */

#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

struct shifts {
    volatile int64_t wall_ns, monotonic_ns;
};

static const struct shifts none = {0, 0};
static const struct shifts *shifts = &none;
static double rate = 1;
static int64_t began_ns;

static int64_t now_ns(clockid_t clock);

/* Whether this is the addon's own thread. */
static int is_addon(void) {
    static __thread int known = -1;
    if (known < 0) {
        char name[16] = "";
        prctl(PR_GET_NAME, name);
        known = strcmp(name, "incumbent") == 0;
    }
    return known;
}

__attribute__((constructor)) static void begin(void) {
    const char *rate_text = getenv("INCUMBENT_CLOCK_RATE");
    began_ns = now_ns(CLOCK_BOOTTIME);
    if (rate_text) rate = atof(rate_text);
    const char *path = getenv("INCUMBENT_CLOCK_SHIFTS");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *memory = mmap(NULL, sizeof none, PROT_READ, MAP_SHARED, file, 0);
    if (memory != MAP_FAILED) shifts = memory;
    close(file);
}

static int64_t now_ns(clockid_t clock) {
    struct timespec time = {0, 0};
    syscall(SYS_clock_gettime, clock, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    int64_t shift = 0;
    if (rate != 1 && (clock == CLOCK_BOOTTIME || (clock == CLOCK_MONOTONIC && is_addon()))) {
        int64_t ns = began_ns + (int64_t)((double)(now_ns(clock) - began_ns) * rate);
        time->tv_sec = ns / 1000000000;
        time->tv_nsec = ns % 1000000000;
        return 0;
    }
    if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) shift = shifts->wall_ns;
    else if (clock == CLOCK_MONOTONIC || clock == CLOCK_MONOTONIC_COARSE || clock == CLOCK_MONOTONIC_RAW) shift = shifts->monotonic_ns;
    else return (int)syscall(SYS_clock_gettime, clock, time);
    int64_t ns = now_ns(clock) + shift;
    time->tv_sec = ns / 1000000000;
    time->tv_nsec = ns % 1000000000;
    return 0;
}

int epoll_wait(int epoll, struct epoll_event *events, int limit, int timeout_ms) {
    if (timeout_ms > 0 && rate != 1 && is_addon()) timeout_ms = (int)((double)timeout_ms / rate + 0.999);
    return (int)syscall(SYS_epoll_pwait, epoll, events, limit, timeout_ms, NULL, 8);
}

int gettimeofday(struct timeval *time, void *zone) {
    (void)zone;
    int64_t ns = now_ns(CLOCK_REALTIME) + shifts->wall_ns;
    time->tv_sec = ns / 1000000000;
    time->tv_usec = ns % 1000000000 / 1000;
    return 0;
}

time_t time(time_t *out) {
    time_t seconds = (now_ns(CLOCK_REALTIME) + shifts->wall_ns) / 1000000000;
    if (out) *out = seconds;
    return seconds;
}
