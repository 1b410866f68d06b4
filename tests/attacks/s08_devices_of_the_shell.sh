# NAME: devices_of_the_shell
# MODE: program
# WHAT: the network devices of bash, redirections to every descriptor, files of the host
# EXPECTED: ok, runtime_error
# OBSERVE: no ESCAPED line
bash -c 'exec 9<>/dev/tcp/127.0.0.1/22' && echo ESCAPED tcp
bash -c 'echo x >/dev/udp/127.0.0.1/53' && echo ESCAPED udp
for fd in 3 4 5 6 7 8 9; do (echo x >&$fd) 2>/dev/null && echo ESCAPED $fd; done
for f in /etc/passwd /etc/hostname /proc/version /root /home /sys/kernel; do cat $f 2>/dev/null && echo ESCAPED $f; done
: >/usr/bin/gx && echo ESCAPED write
: >/dev/gx && echo ESCAPED dev
mkfifo /w/gx && echo ESCAPED above
ls -d /proc/1 /sys/class 2>/dev/null && echo ESCAPED proc
true
