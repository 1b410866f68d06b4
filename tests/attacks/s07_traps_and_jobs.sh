# NAME: traps_and_jobs
# MODE: program
# WHAT: traps for every signal, jobs in the background, nohup and setsid, all deaf
# EXPECTED: time_limit, ok, runtime_error
# OBSERVE: no ESCAPED line
trap '' HUP INT QUIT TERM USR1 USR2 PIPE ALRM
trap 'echo ok; exec sleep 100' EXIT
for i in 1 2 3 4 5 6; do (trap '' HUP TERM; while :; do sleep 1; done) & done
timeout 100 sleep 100 &
echo done
