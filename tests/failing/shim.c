/* A failing machine for one process: preloaded, it lets the journal's files and the wall clock fail on command.
   The command is a shared page: errno of every write, errno of every sync, a sync that does not return, seconds that
   the wall clock is off. Only files with "journal.db" in their name are meant. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

struct command {
    int64_t write_errno, sync_errno, sync_hangs, clock_off_s, refused;
};
static volatile struct command *order;

__attribute__((constructor)) static void begin(void) {
    const char *name = getenv("FAILING_MACHINE");
    int fd = name ? open(name, O_RDWR | O_CLOEXEC) : -1;
    void *page = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(struct command), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (page != MAP_FAILED) order = page;
    if (fd >= 0) close(fd);
}

static int is_journal(int fd) {
    char link[64], path[512];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0) return 0;
    path[length] = 0;
    return strstr(path, "journal.db") != NULL;
}

static int fails(int fd, int64_t with) {
    if (!with || !is_journal(fd)) return 0;
    order->refused++;
    errno = (int)with;
    return 1;
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) {
    if (order && fails(fd, order->write_errno)) return -1;
    return syscall(SYS_pwrite64, fd, data, size, at);
}
ssize_t pwrite(int fd, const void *data, size_t size, off_t at) { return pwrite64(fd, data, size, at); }
ssize_t write(int fd, const void *data, size_t size) {
    if (order && fails(fd, order->write_errno)) return -1;
    return syscall(SYS_write, fd, data, size);
}

static int synced(int fd, long call) {
    if (order && fails(fd, order->sync_errno)) return -1;
    while (order && order->sync_hangs && is_journal(fd)) usleep(10000);
    return (int)syscall(call, fd);
}
int fsync(int fd) { return synced(fd, SYS_fsync); }
int fdatasync(int fd) { return synced(fd, SYS_fdatasync); }

int clock_gettime(clockid_t which, struct timespec *out) {
    int result = (int)syscall(SYS_clock_gettime, which, out);
    if (result == 0 && order && (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE)) out->tv_sec += order->clock_off_s;
    return result;
}
int gettimeofday(struct timeval *restrict out, void *restrict zone) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    out->tv_sec = now.tv_sec;
    out->tv_usec = now.tv_nsec / 1000;
    return 0;
}
time_t time(time_t *out) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out) *out = now.tv_sec;
    return now.tv_sec;
}
