// tests/attacks/k03_keyrings.c -- hostile: keyrings
/* NAME: keyrings
 * MODE: program
 * WHAT: leaves keys in the session, user and process keyrings and looks for those of an earlier run
 * EXPECTED: ok, security_violation
 * OBSERVE: no ESCAPED line; /proc/keys names no gx key */
#include "attack.h"
int main(void) {
    for (int ring = -1; ring >= -7; ring--) {
        TRY("add_key", syscall(SYS_add_key, "user", "gx-left", "data", 4, ring));
        TRY("add_key keyring", syscall(SYS_add_key, "keyring", "gx-ring", NULL, 0, ring));
        TRY("search", syscall(SYS_keyctl, 10, ring, "user", "gx-left", 0));
        TRY("describe", syscall(SYS_keyctl, 6, ring, NULL, 0));
    }
    TRY("join session", syscall(SYS_keyctl, 1, "gx-session"));
    TRY("new session", syscall(SYS_keyctl, 1, NULL));
    TRY("persistent", syscall(SYS_keyctl, 22, -1, -4));
    TRY("request_key", syscall(SYS_request_key, "user", "gx-left", NULL, -4));
    return 0;
}
