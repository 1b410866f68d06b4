# NAME: looks_through_the_zygote
# MODE: program
# WHAT: collects every object and module of the warm interpreter: requests, tags, sources, paths
# EXPECTED: ok, wrong_answer
# OBSERVE: no ESCAPED line
import gc, sys, os
gc.unfreeze()
left = []
for thing in gc.get_objects():
    try:
        if isinstance(thing, dict):
            for key in list(thing):
                if isinstance(key, str) and key in ('expected', 'tests', 'gold', 'secret', 'token', 'GRPO_TEST_CANARY'):
                    if not isinstance(thing.get(key), (type, type(gc), type(len), property)) and not callable(thing[key]):
                        left.append((key, thing[key]))
    except Exception:
        pass
print('ESCAPED' if [x for x in left if x[0] == 'GRPO_TEST_CANARY'] or any(k.startswith('GRPO') for k in os.environ) else 'CONTAINED')
print(len(sys.argv), sys.orig_argv[:1] and 1)
