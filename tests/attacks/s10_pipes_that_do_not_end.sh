# NAME: pipes_that_do_not_end
# MODE: program
# WHAT: pipelines of endless writers into readers that copy
# EXPECTED: time_limit, output_limit
# OBSERVE: no ESCAPED line
yes | tee a b c | sort | uniq &
yes "$(seq 1000 | tr -d '\n')" | head -c 100000000000 | tail -c 5
