// sandbox/cage_wire.c -- bytes and descriptors over a socket, and a reply made into a record.
#include "sandbox/cage_wire.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

bool wire_send(int fd, const void *data, size_t size) {
    for (const char *p = data; size > 0;) {
        ssize_t put = send(fd, p, size, MSG_NOSIGNAL);
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) return false;
        p += put, size -= (size_t)put;
    }
    return true;
}

bool wire_receive(int fd, void *data, size_t size) {
    return wire_receive_before(fd, data, size, HUGE_VAL);
}

bool wire_receive_before(int fd, void *data, size_t size, double deadline) {
    for (char *p = data; size > 0;) {
        if (deadline < HUGE_VAL && !wire_wait(fd, POLLIN, deadline)) return false;
        ssize_t got = recv(fd, p, size, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        p += got, size -= (size_t)got;
    }
    return true;
}

enum { MOST_FDS = 8 };
typedef union ControlData {
    char buf[CMSG_SPACE(MOST_FDS * sizeof(int))];
    struct cmsghdr align;
} ControlData;

bool wire_send_fds(int fd, char what, const int *fds, int n_fds) {
    ControlData data;
    struct iovec iov = {&what, 1};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    memset(&data, 0, sizeof data);
    if (n_fds > 0) {
        msg.msg_control = data.buf;
        msg.msg_controllen = CMSG_SPACE((size_t)n_fds * sizeof(int));
        struct cmsghdr *h = CMSG_FIRSTHDR(&msg);
        h->cmsg_level = SOL_SOCKET;
        h->cmsg_type = SCM_RIGHTS;
        h->cmsg_len = CMSG_LEN((size_t)n_fds * sizeof(int));
        memcpy(CMSG_DATA(h), fds, (size_t)n_fds * sizeof(int));
    }
    ssize_t put;
    do put = sendmsg(fd, &msg, MSG_NOSIGNAL);
    while (put < 0 && errno == EINTR);
    return put == 1;
}

bool wire_receive_fds(int fd, char *what, int *fds, int *n_fds) {
    ControlData data;
    struct iovec iov = {what, 1};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = data.buf,
                         .msg_controllen = sizeof data.buf};
    int room = *n_fds;
    *n_fds = 0;
    ssize_t got;
    do got = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got != 1) return false;
    for (struct cmsghdr *h = CMSG_FIRSTHDR(&msg); h; h = CMSG_NXTHDR(&msg, h)) {
        if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS) continue;
        int n = (int)((h->cmsg_len - CMSG_LEN(0)) / sizeof(int)), each;
        for (int i = 0; i < n; i++) {
            memcpy(&each, CMSG_DATA(h) + (size_t)i * sizeof(int), sizeof each);
            if (*n_fds < room)
                fds[(*n_fds)++] = each;
            else
                close(each);
        }
    }
    return true;
}

const char *wire_stage(uint32_t stage) {
    static const char *const name[] = {"run", "compile", "setup"};
    return stage < sizeof name / sizeof name[0] ? name[stage] : NULL;
}

Status wire_decode(const WireReply *reply, CageRecord *record) {
    const char *stage = wire_stage(reply->stage);
    record->verdict = CAGE_SANDBOX_ERROR;
    record->stage = "setup";
    if (reply->magic != WIRE_MAGIC || !stage || reply->verdict >= CAGE_N_VERDICTS ||
        reply->out_bytes > WIRE_MAX_OUTPUT || reply->err_bytes > WIRE_MAX_OUTPUT ||
        reply->layers & ~(unsigned)(CAGE_ALL_LAYERS | CAGE_BARE_LAYERS) || reply->signal < 0 ||
        reply->signal > 64 || reply->exit < -1 || reply->exit > 255 || reply->peak_kb < 0)
        return FAIL(ST_FORMAT, "the broker's reply is malformed");
    // A pass is an exit of 0, by nobody's hand.
    if (reply->verdict == CAGE_OK && (reply->exit != 0 || reply->signal != 0))
        return FAIL(ST_FORMAT, "the broker's reply contradicts itself");
    record->verdict = (CageVerdict)reply->verdict;
    record->stage = stage;
    record->exit = reply->exit;
    record->signal = reply->signal;
    record->cpu_ms = (double)reply->cpu_us * 1e-3;
    record->wall_ms = (double)reply->wall_us * 1e-3;
    record->peak_kb = reply->peak_kb;
    record->slot = reply->slot;
    record->layers = reply->layers;
    record->truncated = reply->truncated != 0;
    size_t n = strnlen(reply->why, sizeof record->why - 1);
    memcpy(record->why, reply->why, n);
    record->why[n] = 0;
    return ST_OK;
}

bool wire_wait(int fd, short events, double deadline) {
    for (;;) {
        struct pollfd p = {fd, events, 0};
        int left = (int)((deadline - clock_now()) * 1000);
        if (left < 0) return false;
        int n = poll(&p, 1, left + 1);
        if (n > 0) return true;
        if (n < 0 && errno != EINTR) return false;
    }
}

static Status read_all(int fd, void *data, size_t size, double deadline) {
    for (char *p = data; size > 0;) {
        ssize_t got = read(fd, p, size);
        if (got > 0) {
            p += got, size -= (size_t)got;
        } else if (got == 0) {
            return FAIL(ST_IO, "sandbox: the program has ended");
        } else if (errno == EAGAIN) {
            if (!wire_wait(fd, POLLIN, deadline))
                return FAIL(ST_IO, "sandbox: the program does not answer in time");
        } else if (errno != EINTR) {
            return FAIL(ST_IO, "sandbox: a talk: %s", strerror(errno));
        }
    }
    return ST_OK;
}

Status wire_read_frame(int fd, size_t max_bytes, int wall_ms, Str *out) {
    double deadline = clock_now() + wall_ms / 1000.0;
    unsigned char head[4];
    char block[4096];
    TRY(read_all(fd, head, 4, deadline));
    size_t size =
        (size_t)head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16 | (size_t)head[3] << 24;
    if (size > max_bytes)
        return FAIL(ST_FORMAT, "sandbox: a message of %zu bytes, at most %zu", size, max_bytes);
    while (size > 0) {
        size_t n = size < sizeof block ? size : sizeof block;
        TRY(read_all(fd, block, n, deadline));
        str_add(out, block, n);
        size -= n;
    }
    return ST_OK;
}
