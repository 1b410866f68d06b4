# NAME: network_of_the_library
# MODE: program
# WHAT: every way of the library to the network
# EXPECTED: ok, runtime_error
# OBSERVE: no ESCAPED line
import socket, os
def attempt(name, f):
    try:
        f(); print('ESCAPED', name)
    except BaseException as e: print(name, type(e).__name__)
attempt('inet', lambda: socket.create_connection(('127.0.0.1', 22), 1))
attempt('unix', lambda: socket.socket(socket.AF_UNIX).connect('/run/docker.sock'))
attempt('server', lambda: socket.create_server(('', 0)))
attempt('fd', lambda: socket.socket(fileno=0))
attempt('resolver', lambda: socket.getaddrinfo('example.org', 80))
attempt('pair sends descriptors', lambda: socket.send_fds(socket.socketpair()[0], [b'x'], [0]))
attempt('interfaces', lambda: socket.if_nameindex())
attempt('asyncio', lambda: __import__('asyncio').run(__import__('asyncio').open_connection('127.0.0.1', 22)))
