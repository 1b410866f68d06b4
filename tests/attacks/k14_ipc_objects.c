// tests/attacks/k14_ipc_objects.c -- hostile: ipc_objects
/* NAME: ipc_objects
 * MODE: program
 * WHAT: leaves System V and POSIX objects of every kind and looks for those of an earlier run
 * EXPECTED: ok, security_violation
 * OBSERVE: no ESCAPED line; /proc/sysvipc and /dev/mqueue as before */
#include "attack.h"
#include <mqueue.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
int main(void) {
    struct mq_attr attr = {.mq_maxmsg = 10, .mq_msgsize = 8192};
    for (int i = 0; i < 3; i++) {
        key_t key = i ? 0x67780000 + i : IPC_PRIVATE;
        TRY("shmget", shmget(key, 1 << 20, IPC_CREAT | 0666));
        TRY("shmget of before", shmget(key + 8, 0, 0));
        TRY("semget", semget(key, 100, IPC_CREAT | 0666));
        TRY("msgget", msgget(key, IPC_CREAT | 0666));
        TRY("shmat", shmat(i, NULL, 0) == (void *)-1 ? -1 : 0);
        TRY("msgsnd", msgsnd(i, "\1\0\0\0\0\0\0\0hi", 2, IPC_NOWAIT));
        TRY("semop", syscall(SYS_semop, i, NULL, 0));
    }
    TRY("shm info", shmctl(0, 14, NULL));
    TRY("mq_open", mq_open("/gx-queue", O_CREAT | O_RDWR, 0666, &attr));
    TRY("mq_open of before", mq_open("/gx-queue", O_RDONLY));
    TRY("mq_unlink", mq_unlink("/gx-queue"));
    return 0;
}
