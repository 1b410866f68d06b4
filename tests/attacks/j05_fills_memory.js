// tests/attacks/j05_fills_memory.js -- hostile: fills_memory
// NAME: fills_memory
// MODE: program
// WHAT: buffers and arrays without end
// EXPECTED: memory_limit, runtime_error, time_limit
// OBSERVE: no ESCAPED line
const all = [];
for (;;) { all.push(Buffer.alloc(1 << 20, 1)); all.push(new Array(1 << 16).fill(all.length)); }
