# NAME: prints_itself
# MODE: stdio:sum
# WHAT: prints its own source, its input and every small number
# EXPECTED: wrong_answer, output_limit
# OBSERVE: no ESCAPED line
import sys
print(open('/tmp/main.py').read() if __import__('os').path.exists('/tmp/main.py') else '')
text = sys.stdin.read()
print(text)
for i in range(40): print(i)
print(eval('+'.join(text.split())))
