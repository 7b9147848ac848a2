/* Records, in their order, the changes that a process and its children make to the files below a folder.

   Loaded by LD_PRELOAD. POWER_CUT_ROOT: the folder; POWER_CUT_LOG: where the record goes, a file `log` of lines
       number, operation, inode, folder's inode, name, other folder's inode, other name, size, time of change
   separated by tabs, and beside it a file `<number>` with the content of a file when it was closed, synced or renamed, or
   with the target of a link. Operations of all processes are put in one order by a lock that is held while each is done.
   Writes through maps of memory and calls that the C library makes by itself, except for those of fopen, are not seen. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

typedef struct {
    char folder[PATH_MAX];
    char name[NAME_MAX + 1];
    ino_t inode; /* of the folder; 0: not below the root */
} Place;

static char root[PATH_MAX], logs[PATH_MAX];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static const Place nowhere;

#define REAL(name) ((__typeof__(&name))real(#name))

static void *real(const char *name) { return dlsym(RTLD_NEXT, name); }

static void renew(void) { pthread_mutex_init(&mutex, NULL); }

__attribute__((constructor)) static void start(void) {
    const char *folder = getenv("POWER_CUT_ROOT"), *log = getenv("POWER_CUT_LOG");
    if (folder && log && realpath(folder, root)) snprintf(logs, sizeof logs, "%s", log);
    pthread_atfork(NULL, NULL, renew);
}

/* The system calls themselves, so that the record does not record itself. */
static int raw_open(const char *path, int flags) { return (int)syscall(SYS_openat, AT_FDCWD, path, flags, 0666); }
static void raw_close(int file) { syscall(SYS_close, file); }

static int lock(void) {
    char path[PATH_MAX + 8];
    pthread_mutex_lock(&mutex);
    snprintf(path, sizeof path, "%s/log", logs);
    int file = raw_open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC);
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    syscall(SYS_fcntl, file, F_SETLKW, &whole);
    return file;
}

static void unlock(int file) {
    int kept = errno;
    raw_close(file);
    pthread_mutex_unlock(&mutex);
    errno = kept;
}

static int below(const char *path) {
    size_t length = strlen(root);
    return length && !strncmp(path, root, length) && (path[length] == '/' || !path[length]);
}

/* Where a path lies; links on the way to it are followed, it itself is not. */
static Place place(int folder, const char *path) {
    char whole[2 * PATH_MAX], link[64];
    Place found = nowhere;
    int kept = errno;
    if (!root[0] || !path) return found;
    if (path[0] == '/') snprintf(whole, sizeof whole, "%s", path);
    else {
        if (folder == AT_FDCWD) snprintf(link, sizeof link, "/proc/self/cwd");
        else snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
        ssize_t length = readlink(link, whole, PATH_MAX);
        if (length < 0) { errno = kept; return found; }
        snprintf(whole + length, sizeof whole - (size_t)length, "/%s", path);
    }
    for (size_t end = strlen(whole); end > 1 && whole[end - 1] == '/';) whole[--end] = 0;
    char *slash = strrchr(whole, '/');
    snprintf(found.name, sizeof found.name, "%s", slash + 1);
    slash[slash == whole] = 0;
    struct stat state;
    if (realpath(whole, found.folder) && below(found.folder) && !stat(found.folder, &state)) found.inode = state.st_ino;
    errno = kept;
    return found;
}

static int state_of(Place where, struct stat *state) {
    char path[PATH_MAX + NAME_MAX + 2];
    snprintf(path, sizeof path, "%s/%s", where.folder, where.name);
    return lstat(path, state);
}

/* Whether a descriptor is of a file or folder below the root, open for writing if `written`. */
static int traced(int file, int written, struct stat *state) {
    char link[64], path[PATH_MAX];
    int kept = errno, found = 0;
    if (root[0]) {
        long flags = syscall(SYS_fcntl, file, F_GETFL);
        if (flags >= 0 && !(written && (flags & O_ACCMODE) == O_RDONLY) && !fstat(file, state) &&
            (S_ISREG(state->st_mode) || S_ISDIR(state->st_mode))) {
            snprintf(link, sizeof link, "/proc/self/fd/%d", file);
            ssize_t length = readlink(link, path, sizeof path - 1);
            if (length > 0) { path[length] = 0; found = below(path); }
        }
    }
    errno = kept;
    return found;
}

static void keep(long number, const char *origin, const char *text) {
    char path[PATH_MAX + 32], buffer[1 << 16];
    snprintf(path, sizeof path, "%s/%ld", logs, number);
    int copy = raw_open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC);
    if (text) { if (syscall(SYS_write, copy, text, strlen(text)) < 0) abort(); }
    else {
        int file = raw_open(origin, O_RDONLY | O_CLOEXEC);
        for (long length; (length = syscall(SYS_read, file, buffer, sizeof buffer)) > 0;)
            if (syscall(SYS_write, copy, buffer, length) != length) abort();
        raw_close(file);
    }
    raw_close(copy);
}

/* One line; the content, if `origin` names a file that has it or `text` is it. */
static void record(int log, const char *operation, const struct stat *state, Place here, Place there, const char *origin,
                   const char *text) {
    int kept = errno;
    char line[4 * NAME_MAX];
    /* Lines have one length, so that the size of the record tells their number. */
    enum { LENGTH = 640 };
    long number = lseek(log, 0, SEEK_END) / LENGTH;
    if (origin || text) keep(number, origin, text);
    int length = snprintf(line, sizeof line, "%ld\t%s\t%lu\t%lu\t%s\t%lu\t%s\t%ld\t%ld", number, operation,
                          state ? (unsigned long)state->st_ino : 0, (unsigned long)here.inode, here.name,
                          (unsigned long)there.inode, there.name, state ? (long)state->st_size : 0,
                          state ? state->st_mtim.tv_sec * 1000000000L + state->st_mtim.tv_nsec : 0);
    if (length >= LENGTH) abort();
    memset(line + length, ' ', LENGTH - (size_t)length);
    line[LENGTH - 1] = '\n';
    if (syscall(SYS_write, log, line, LENGTH) != LENGTH) abort();
    errno = kept;
}

static void record_file(int log, const char *operation, int file, int content) {
    struct stat state;
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    if (!fstat(file, &state)) record(log, operation, &state, nowhere, nowhere, content ? path : NULL, NULL);
}

/* ---- opening and closing ---- */

static int opened(int folder, const char *path, int flags, mode_t mode) {
    Place where = (flags & (O_CREAT | O_TRUNC)) && (flags & O_TMPFILE) != O_TMPFILE ? place(folder, path) : nowhere;
    if (!where.inode) return (int)syscall(SYS_openat, folder, path, flags, mode);
    int log = lock();
    struct stat before, after;
    int new = state_of(where, &before) != 0;
    int file = (int)syscall(SYS_openat, folder, path, flags, mode);
    if (file >= 0 && !fstat(file, &after) && S_ISREG(after.st_mode)) {
        if (new) record(log, "create", &after, where, nowhere, NULL, NULL);
        else if (flags & O_TRUNC) record(log, "truncate", &after, where, nowhere, NULL, NULL);
    }
    unlock(log);
    return file;
}

#define MODE                                                                                                            \
    mode_t mode = 0;                                                                                                    \
    if (flags & (O_CREAT | O_TMPFILE)) {                                                                                \
        va_list rest;                                                                                                   \
        va_start(rest, flags);                                                                                          \
        mode = va_arg(rest, mode_t);                                                                                    \
        va_end(rest);                                                                                                   \
    }

int open(const char *path, int flags, ...) { MODE return opened(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE return opened(AT_FDCWD, path, flags, mode); }
int openat(int folder, const char *path, int flags, ...) { MODE return opened(folder, path, flags, mode); }
int openat64(int folder, const char *path, int flags, ...) { MODE return opened(folder, path, flags, mode); }
int __open_2(const char *path, int flags) { return opened(AT_FDCWD, path, flags, 0); }
int __open64_2(const char *path, int flags) { return opened(AT_FDCWD, path, flags, 0); }
int creat(const char *path, mode_t mode) { return opened(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }
int creat64(const char *path, mode_t mode) { return creat(path, mode); }

static FILE *file_opened(FILE *(*call)(const char *, const char *), const char *path, const char *mode) {
    Place where = strchr(mode, 'w') || strchr(mode, 'a') ? place(AT_FDCWD, path) : nowhere;
    if (!where.inode) return call(path, mode);
    int log = lock();
    struct stat before, after;
    int new = state_of(where, &before) != 0;
    FILE *file = call(path, mode);
    if (file && !fstat(fileno(file), &after) && S_ISREG(after.st_mode)) {
        if (new) record(log, "create", &after, where, nowhere, NULL, NULL);
        else if (strchr(mode, 'w')) record(log, "truncate", &after, where, nowhere, NULL, NULL);
    }
    unlock(log);
    return file;
}

FILE *fopen(const char *path, const char *mode) { return file_opened(REAL(fopen), path, mode); }
FILE *fopen64(const char *path, const char *mode) { return file_opened(REAL(fopen64), path, mode); }

int fclose(FILE *file) {
    struct stat state;
    if (fileno(file) >= 0 && traced(fileno(file), 1, &state) && S_ISREG(state.st_mode)) {
        int log = lock();
        fflush(file);
        record_file(log, "close", fileno(file), 1);
        unlock(log);
    }
    return REAL(fclose)(file);
}

int close(int file) {
    struct stat state;
    if (traced(file, 1, &state) && S_ISREG(state.st_mode)) {
        int log = lock();
        record_file(log, "close", file, 1);
        unlock(log);
    }
    return (int)syscall(SYS_close, file);
}

/* ---- content ---- */

#define WRITTEN(file, call)                                                                                             \
    struct stat state;                                                                                                  \
    if (!traced(file, 1, &state)) return call;                                                                          \
    int log = lock();                                                                                                   \
    __auto_type result = call;                                                                                          \
    if (result >= 0) record_file(log, "write", file, 0);                                                                \
    unlock(log);                                                                                                        \
    return result;

ssize_t write(int file, const void *bytes, size_t size) { WRITTEN(file, syscall(SYS_write, file, bytes, size)) }
ssize_t pwrite(int file, const void *bytes, size_t size, off_t at) { WRITTEN(file, syscall(SYS_pwrite64, file, bytes, size, at)) }
ssize_t pwrite64(int file, const void *bytes, size_t size, off64_t at) { WRITTEN(file, syscall(SYS_pwrite64, file, bytes, size, at)) }
ssize_t writev(int file, const struct iovec *parts, int count) { WRITTEN(file, syscall(SYS_writev, file, parts, count)) }
ssize_t copy_file_range(int from, off64_t *from_at, int file, off64_t *at, size_t size, unsigned flags) {
    WRITTEN(file, syscall(SYS_copy_file_range, from, from_at, file, at, size, flags))
}
ssize_t sendfile(int file, int from, off_t *at, size_t size) { WRITTEN(file, syscall(SYS_sendfile, file, from, at, size)) }
ssize_t sendfile64(int file, int from, off64_t *at, size_t size) { WRITTEN(file, syscall(SYS_sendfile, file, from, at, size)) }
int ftruncate(int file, off_t size) { WRITTEN(file, (int)syscall(SYS_ftruncate, file, size)) }
int ftruncate64(int file, off64_t size) { WRITTEN(file, (int)syscall(SYS_ftruncate, file, size)) }

int truncate(const char *path, off_t size) {
    int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0) return -1;
    int result = ftruncate(file, size);
    close(file);
    return result;
}
int truncate64(const char *path, off64_t size) { return truncate(path, size); }

/* ---- onto the disk ---- */

static int synced(int file, long call) {
    struct stat state;
    if (!traced(file, 0, &state)) return (int)syscall(call, file);
    int log = lock(), result = (int)syscall(call, file);
    if (!result) record_file(log, S_ISDIR(state.st_mode) ? "sync_folder" : "sync", file, !S_ISDIR(state.st_mode));
    unlock(log);
    return result;
}

int fsync(int file) { return synced(file, SYS_fsync); }
int fdatasync(int file) { return synced(file, SYS_fdatasync); }

static void all_synced(void) {
    if (!root[0]) return;
    int log = lock();
    record(log, "sync_all", NULL, nowhere, nowhere, NULL, NULL);
    unlock(log);
}

int syncfs(int file) { int result = (int)syscall(SYS_syncfs, file); all_synced(); return result; }
void sync(void) { syscall(SYS_sync); all_synced(); }

/* ---- names ---- */

static int renamed(int folder, const char *path, int other, const char *target, unsigned flags) {
    Place from = place(folder, path), to = place(other, target);
    if (!from.inode && !to.inode) return (int)syscall(SYS_renameat2, folder, path, other, target, flags);
    int log = lock();
    int result = (int)syscall(SYS_renameat2, folder, path, other, target, flags);
    struct stat state;
    char now[PATH_MAX + NAME_MAX + 2];
    snprintf(now, sizeof now, "%s/%s", to.folder, to.name);
    if (!result && !lstat(now, &state))
        record(log, "rename", &state, from, to, S_ISREG(state.st_mode) ? now : NULL, NULL);
    unlock(log);
    return result;
}

int rename(const char *path, const char *target) { return renamed(AT_FDCWD, path, AT_FDCWD, target, 0); }
int renameat(int folder, const char *path, int other, const char *target) { return renamed(folder, path, other, target, 0); }
int renameat2(int folder, const char *path, int other, const char *target, unsigned flags) {
    return renamed(folder, path, other, target, flags);
}

static int unlinked(int folder, const char *path, int flags) {
    Place where = place(folder, path);
    if (!where.inode) return (int)syscall(SYS_unlinkat, folder, path, flags);
    int log = lock();
    struct stat state;
    int known = !state_of(where, &state);
    int result = (int)syscall(SYS_unlinkat, folder, path, flags);
    if (!result && known) record(log, "unlink", &state, where, nowhere, NULL, NULL);
    unlock(log);
    return result;
}

int unlink(const char *path) { return unlinked(AT_FDCWD, path, 0); }
int unlinkat(int folder, const char *path, int flags) { return unlinked(folder, path, flags); }
int rmdir(const char *path) { return unlinked(AT_FDCWD, path, AT_REMOVEDIR); }
int remove(const char *path) {
    int result = unlinked(AT_FDCWD, path, 0);
    return result && errno == EISDIR ? rmdir(path) : result;
}

#define NAMED(operation, folder, path, call, text)                                                                      \
    Place where = place(folder, path);                                                                                  \
    if (!where.inode) return (int)call;                                                                                 \
    int log = lock(), result = (int)call;                                                                               \
    struct stat state;                                                                                                  \
    if (!result && !state_of(where, &state)) record(log, operation, &state, where, nowhere, NULL, text);               \
    unlock(log);                                                                                                        \
    return result;

int mkdirat(int folder, const char *path, mode_t mode) { NAMED("mkdir", folder, path, syscall(SYS_mkdirat, folder, path, mode), NULL) }
int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }
int symlinkat(const char *target, int folder, const char *path) {
    NAMED("symlink", folder, path, syscall(SYS_symlinkat, target, folder, path), target)
}
int symlink(const char *target, const char *path) { return symlinkat(target, AT_FDCWD, path); }
int linkat(int from, const char *origin, int folder, const char *path, int flags) {
    NAMED("link", folder, path, syscall(SYS_linkat, from, origin, folder, path, flags), NULL)
}
int link(const char *origin, const char *path) { return linkat(AT_FDCWD, origin, AT_FDCWD, path, 0); }
