// Loaded before a program (LD_PRELOAD): counts the calls that change the disk below one folder, and lets the nth go
// wrong. Sees every caller, the prebuilt DuckDB and SQLite included. Set by environment:
//
//   WEIR_FAULT_DIR    the folder, absolute; calls elsewhere are not counted
//   WEIR_FAULT_STATE  a file of 32 bytes, shared by all processes, that survives SIGKILL: calls and faults so far, and
//                     how the disk is from now on: full (1), or with room again (2); 0: as WEIR_FAULT_AT has it; and by
//                     how many seconds the clock of the day is wrong
//   WEIR_FAULT_AT     which call goes wrong, from 1; 0 or absent: none, only count
//   WEIR_FAULT_KIND   eio      the call fails once with EIO
//                     enospc   from this call on, all that need room fail with ENOSPC: the disk is full
//                     short    a write does half of its bytes, and the next call fails with ENOSPC; others that need
//                              room fail at once
//                     before   the process is killed in front of the call
//                     after    the process is killed behind the call
//   WEIR_FAULT_THREAD only the calls of threads of this name (pthread_setname_np) and of those that they start
//   WEIR_FAULT_ONLY   only calls of this name (fsync, rename …)
//   WEIR_FAULT_PATH   only calls on paths that have this in them
//   WEIR_FAULT_LOG    a file that gets one line per call, for people
//   WEIR_FAULT_NO_SYNC  if set, syncs are counted and not made: what is killed here is a process, not the machine
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum kind { none, eio, enospc, half, before, after };

struct state {
    _Atomic uint64_t calls;
    _Atomic uint64_t faults;
    _Atomic uint64_t disk;
    _Atomic int64_t clock;
};

static struct {
    int on;
    int no_sync;
    char folder[PATH_MAX];
    size_t folder_length;
    const char *thread, *only, *part;
    uint64_t at;
    enum kind kind;
    int log;
    struct state* state;
} config;

__attribute__((constructor)) static void configure(void) {
    config.no_sync = getenv("WEIR_FAULT_NO_SYNC") != NULL;
    const char* folder = getenv("WEIR_FAULT_DIR");
    const char* state = getenv("WEIR_FAULT_STATE");
    if (folder == NULL || state == NULL || strlen(folder) >= sizeof(config.folder)) return;
    strcpy(config.folder, folder);
    config.folder_length = strlen(folder);
    const char* at = getenv("WEIR_FAULT_AT");
    config.at = at != NULL ? strtoull(at, NULL, 10) : 0;
    config.thread = getenv("WEIR_FAULT_THREAD");
    config.only = getenv("WEIR_FAULT_ONLY");
    config.part = getenv("WEIR_FAULT_PATH");
    const char* kind = getenv("WEIR_FAULT_KIND");
    static const char* const names[] = {"none", "eio", "enospc", "short", "before", "after"};
    for (int i = 0; kind != NULL && i < 6; ++i) {
        if (strcmp(kind, names[i]) == 0) config.kind = (enum kind)i;
    }
    config.log = -1;
    const char* log = getenv("WEIR_FAULT_LOG");
    if (log != NULL) {
        config.log = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    }
    const int fd = (int)syscall(SYS_openat, AT_FDCWD, state, O_RDWR | O_CLOEXEC, 0);
    void* mapped = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(struct state), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (mapped == MAP_FAILED) {
        static const char message[] = "fault_preload: WEIR_FAULT_STATE cannot be mapped\n";
        syscall(SYS_write, 2, message, sizeof(message) - 1);
        abort();
    }
    close(fd);
    config.state = mapped;
    config.on = 1;
}

static int is_below(const char* path) {
    return strncmp(path, config.folder, config.folder_length) == 0 &&
           (path[config.folder_length] == '/' || path[config.folder_length] == '\0');
}

static int path_of_fd(int fd, char* path) {
    char link[64];
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    const ssize_t length = readlink(link, path, PATH_MAX - 1);
    if (length <= 0) return 0;
    path[length] = '\0';
    return 1;
}

// Whether a path, relative to `directory` or to the working directory, lies below the folder. Writes it out in full.
static int path_counts(int directory, const char* given, char* path) {
    if (given == NULL) return 0;
    if (given[0] == '/') {
        snprintf(path, PATH_MAX, "%s", given);
        return is_below(path);
    }
    char base[PATH_MAX];
    if (directory == AT_FDCWD ? getcwd(base, sizeof(base)) == NULL : !path_of_fd(directory, base)) return 0;
    while (strncmp(given, "./", 2) == 0) given += 2;
    if (strlen(base) + strlen(given) + 2 > PATH_MAX) return 0;
    strcpy(path, base);
    strcat(path, "/");
    strcat(path, given);
    return is_below(path);
}

static int fd_counts(int fd, char* path) { return path_of_fd(fd, path) && is_below(path); }

enum verdict { pass, fail, shorten, kill_after_call };

static int is_meant(const char* call, const char* path) {
    char thread[16] = "";
    if (config.only != NULL && strcmp(config.only, call) != 0) return 0;
    if (config.part != NULL && strstr(path, config.part) == NULL) return 0;
    if (config.thread == NULL) return 1;
    return prctl(PR_GET_NAME, thread, 0, 0, 0) == 0 && strcmp(thread, config.thread) == 0;
}

// Counts one call and says what becomes of it. `needs_room`: the call can meet a full disk.
static enum verdict judge(const char* call, const char* path, int needs_room) {
    if (!is_meant(call, path)) return pass;
    const uint64_t number = atomic_fetch_add(&config.state->calls, 1) + 1;
    if (config.log >= 0) {
        char line[PATH_MAX + 64];
        const int length = snprintf(line, sizeof(line), "%llu %s %s\n", (unsigned long long)number, call, path);
        syscall(SYS_write, config.log, line, (size_t)length);
    }
    const uint64_t disk = atomic_load(&config.state->disk);
    if (disk == 1 && needs_room) {
        atomic_fetch_add(&config.state->faults, 1);
        errno = ENOSPC;
        return fail;
    }
    if (disk != 0 || config.at == 0 || number < config.at) return pass;
    if (number > config.at) {
        const int follows = config.kind == enospc || (config.kind == half && number == config.at + 1);
        if (!follows || !needs_room) return pass;
        errno = ENOSPC;
        return fail;
    }
    atomic_fetch_add(&config.state->faults, 1);
    if ((config.kind == enospc || config.kind == half) && !needs_room) return pass;
    switch (config.kind) {
        case eio: errno = EIO; return fail;
        case enospc:
        case half:
            if (config.kind == half && strstr(call, "write") != NULL) return shorten;
            errno = ENOSPC;
            return fail;
        case before: syscall(SYS_kill, getpid(), SIGKILL); return pass;
        case after: return kill_after_call;
        default: return pass;
    }
}

static void die_if(enum verdict verdict) {
    if (verdict == kill_after_call) syscall(SYS_kill, getpid(), SIGKILL);
}

#define REAL(name)                 \
    static __typeof__(&name) real; \
    if (real == NULL) real = __extension__(__typeof__(&name)) dlsym(RTLD_NEXT, #name)

// The body of a wrapper: `counts` decides whether the call is ours, `call` makes it.
#define GUARD(type, name, counts, needs_room, call)                  \
    do {                                                             \
        REAL(name);                                                  \
        char path[PATH_MAX];                                         \
        if (!config.on || !(counts)) return call;                    \
        const enum verdict verdict = judge(#name, path, needs_room); \
        if (verdict == fail) return -1;                              \
        const type result = call;                                    \
        die_if(verdict);                                             \
        return result;                                               \
    } while (0)

static mode_t mode_of(int flags, va_list arguments) {
    return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE ? (mode_t)va_arg(arguments, int) : 0;
}

// Only an open that may create or empty a file changes the disk, and only one that creates needs room.
static int changes(int flags) { return (flags & (O_CREAT | O_TRUNC)) != 0; }
static int creates(int flags, const char* path) { return (flags & O_CREAT) != 0 && access(path, F_OK) != 0; }

#define OPEN(name, directory, file, flags, call)   \
    va_list arguments;                             \
    va_start(arguments, flags);                    \
    const mode_t mode = mode_of(flags, arguments); \
    va_end(arguments);                             \
    GUARD(int, name, changes(flags) && path_counts(directory, file, path), creates(flags, path), call)

int open(const char* file, int flags, ...) { OPEN(open, AT_FDCWD, file, flags, real(file, flags, mode)); }
int open64(const char* file, int flags, ...) { OPEN(open64, AT_FDCWD, file, flags, real(file, flags, mode)); }
int openat(int at, const char* file, int flags, ...) { OPEN(openat, at, file, flags, real(at, file, flags, mode)); }
int openat64(int at, const char* file, int flags, ...) { OPEN(openat64, at, file, flags, real(at, file, flags, mode)); }
int creat(const char* file, mode_t mode) { GUARD(int, creat, path_counts(AT_FDCWD, file, path), 1, real(file, mode)); }

// A short write reports what it did; the one who called has to go on, and meets the next fault.
#define WRITE(name, fd, size, call, call_half)                  \
    do {                                                        \
        REAL(name);                                             \
        char path[PATH_MAX];                                    \
        if (!config.on || !fd_counts(fd, path)) return call;    \
        const enum verdict verdict = judge(#name, path, 1);     \
        if (verdict == fail) return -1;                         \
        if (verdict == shorten && (size) > 1) return call_half; \
        const ssize_t result = call;                            \
        die_if(verdict);                                        \
        return result;                                          \
    } while (0)

ssize_t write(int fd, const void* bytes, size_t size) {
    WRITE(write, fd, size, real(fd, bytes, size), real(fd, bytes, size / 2));
}
ssize_t pwrite(int fd, const void* bytes, size_t size, off_t offset) {
    WRITE(pwrite, fd, size, real(fd, bytes, size, offset), real(fd, bytes, size / 2, offset));
}
ssize_t pwrite64(int fd, const void* bytes, size_t size, off64_t offset) {
    WRITE(pwrite64, fd, size, real(fd, bytes, size, offset), real(fd, bytes, size / 2, offset));
}
ssize_t writev(int fd, const struct iovec* parts, int count) {
    WRITE(writev, fd, count, real(fd, parts, count), real(fd, parts, count / 2));
}
ssize_t pwritev(int fd, const struct iovec* parts, int count, off_t offset) {
    WRITE(pwritev, fd, count, real(fd, parts, count, offset), real(fd, parts, count / 2, offset));
}

int fsync(int fd) { GUARD(int, fsync, fd_counts(fd, path), 1, config.no_sync ? 0 : real(fd)); }
int fdatasync(int fd) { GUARD(int, fdatasync, fd_counts(fd, path), 1, config.no_sync ? 0 : real(fd)); }
int ftruncate(int fd, off_t size) { GUARD(int, ftruncate, fd_counts(fd, path), 1, real(fd, size)); }
int ftruncate64(int fd, off64_t size) { GUARD(int, ftruncate64, fd_counts(fd, path), 1, real(fd, size)); }
int truncate(const char* file, off_t size) {
    GUARD(int, truncate, path_counts(AT_FDCWD, file, path), 0, real(file, size));
}
int fallocate(int fd, int mode, off_t offset, off_t size) {
    GUARD(int, fallocate, fd_counts(fd, path), 1, real(fd, mode, offset, size));
}

int rename(const char* from, const char* to) { GUARD(int, rename, path_counts(AT_FDCWD, to, path), 1, real(from, to)); }
int renameat(int from_at, const char* from, int to_at, const char* to) {
    GUARD(int, renameat, path_counts(to_at, to, path), 1, real(from_at, from, to_at, to));
}
int renameat2(int from_at, const char* from, int to_at, const char* to, unsigned int flags) {
    GUARD(int, renameat2, path_counts(to_at, to, path), 1, real(from_at, from, to_at, to, flags));
}
int link(const char* from, const char* to) { GUARD(int, link, path_counts(AT_FDCWD, to, path), 1, real(from, to)); }
int linkat(int from_at, const char* from, int to_at, const char* to, int flags) {
    GUARD(int, linkat, path_counts(to_at, to, path), 1, real(from_at, from, to_at, to, flags));
}
int symlink(const char* from, const char* to) {
    GUARD(int, symlink, path_counts(AT_FDCWD, to, path), 1, real(from, to));
}
int unlink(const char* file) { GUARD(int, unlink, path_counts(AT_FDCWD, file, path), 0, real(file)); }
int unlinkat(int at, const char* file, int flags) {
    GUARD(int, unlinkat, path_counts(at, file, path), 0, real(at, file, flags));
}
int remove(const char* file) { GUARD(int, remove, path_counts(AT_FDCWD, file, path), 0, real(file)); }
int rmdir(const char* file) { GUARD(int, rmdir, path_counts(AT_FDCWD, file, path), 0, real(file)); }
int mkdir(const char* file, mode_t mode) { GUARD(int, mkdir, path_counts(AT_FDCWD, file, path), 1, real(file, mode)); }
int mkdirat(int at, const char* file, mode_t mode) {
    GUARD(int, mkdirat, path_counts(at, file, path), 1, real(at, file, mode));
}

static time_t clock_error(void) { return config.on ? (time_t)atomic_load(&config.state->clock) : 0; }

int clock_gettime(clockid_t clock, struct timespec* now) {
    REAL(clock_gettime);
    const int result = real(clock, now);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += clock_error();
    return result;
}
int gettimeofday(struct timeval* restrict now, void* restrict zone) {
    REAL(gettimeofday);
    const int result = real(now, zone);
    if (result == 0) now->tv_sec += clock_error();
    return result;
}
time_t time(time_t* into) {
    REAL(time);
    const time_t now = real(NULL) + clock_error();
    if (into != NULL) *into = now;
    return now;
}
