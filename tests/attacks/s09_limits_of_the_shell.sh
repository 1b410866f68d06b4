# NAME: limits_of_the_shell
# MODE: program
# WHAT: raises its limits, asks for other identities and roots
# EXPECTED: ok, runtime_error
# OBSERVE: no ESCAPED line
for o in c d f l m n p s t v u; do old=$(bash -c "ulimit -$o"); [ "$old" = unlimited ] || { bash -c "ulimit -$o unlimited" 2>/dev/null && echo ESCAPED $o; }; done
for t in su sudo mount umount unshare nsenter chroot setpriv newgrp passwd capsh ip nc curl wget ssh perl python3 gdb strace; do $t --version </dev/null >/dev/null 2>&1; [ $? -ge 126 ] || echo ESCAPED $t; done
true
