// tests/attacks/j04_network.js -- hostile: network
// NAME: network
// MODE: program
// WHAT: servers, clients and names through node
// EXPECTED: ok, runtime_error
// OBSERVE: no ESCAPED line
const net = require('net'), dgram = require('dgram');
process.on('uncaughtException', e => { console.log('CONTAINED', e.code); });
net.createServer().on('error', e => console.log('CONTAINED', e.code)).listen(0, () => console.log('ESCAPED listen'));
net.connect(22, '127.0.0.1').on('error', e => console.log('CONTAINED', e.code)).on('connect', () => console.log('ESCAPED connect'));
try { dgram.createSocket('udp4').on('error', e => console.log('CONTAINED', e.code)).bind(0, () => console.log('ESCAPED bind')); } catch (e) { console.log('CONTAINED'); }
setTimeout(() => process.exit(0), 100);
