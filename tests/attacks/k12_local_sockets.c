// tests/attacks/k12_local_sockets.c -- hostile: local_sockets
/* NAME: local_sockets
 * MODE: program
 * WHAT: talks to other programs by abstract and by named local sockets and pairs
 * EXPECTED: ok, security_violation
 * OBSERVE: no ESCAPED line */
#include "attack.h"
#include <sys/socket.h>
#include <sys/un.h>
int main(void) {
    struct sockaddr_un abstract = {AF_UNIX, "\0gx-attack"}, named = {AF_UNIX, "/tmp/gx.sock"};
    int pair[2];
    for (int type = 1; type <= 5; type++) {
        TRY("socket", socket(AF_UNIX, type, 0));
        TRY("socket, high bits", syscall(SYS_socket, AF_UNIX | 1l << 32, type, 0));
        TRY("socket, flags", socket(AF_UNIX, type | 02004000, 0));
        TRY("socketpair", socketpair(AF_UNIX, type, 0, pair));
    }
    for (int fd = 0; fd < 8; fd++) {
        TRY("bind", bind(fd, (struct sockaddr *)&abstract, 12));
        TRY("bind a name", bind(fd, (struct sockaddr *)&named, sizeof named));
        TRY("connect", connect(fd, (struct sockaddr *)&abstract, 12));
        TRY("sendmsg", send(fd, "x", 1, 0));
        TRY("recv", recv(fd, &abstract, 1, MSG_DONTWAIT));
    }
    return 0;
}
