# NAME: brings_a_program
# MODE: program
# WHAT: writes an executable by hand and runs it: what the filter is for
# EXPECTED: ok, runtime_error, security_violation
# OBSERVE: no ESCAPED line
printf '#!/bin/sh\nmount -t tmpfs x /w && echo ESCAPED\n' >x; chmod +x x; ./x
printf '\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\2\0\076\0\1\0\0\0\170\0\100\0\0\0\0\0\100\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\100\0\070\0\1\0\0\0\0\0\0\0\1\0\0\0\5\0\0\0\0\0\0\0\0\0\0\0\0\0\100\0\0\0\0\0\0\0\100\0\0\0\0\0\220\0\0\0\0\0\0\0\220\0\0\0\0\0\0\0\0\20\0\0\0\0\0\0\270\145\0\0\0\017\005\061\377\270\074\0\0\0\017\005' >y
chmod +x y; ./y
[ $? -eq 0 ] && echo ESCAPED ptrace
true
