// tests/attacks/j03_workers.js -- hostile: workers
// NAME: workers
// MODE: program
// WHAT: workers that start workers, and share memory for ever
// EXPECTED: time_limit, runtime_error, memory_limit
// OBSERVE: no ESCAPED line
const { Worker } = require('worker_threads');
const text = 'const {Worker}=require("worker_threads");for(let i=0;i<4;i++)try{new Worker(process.argv[1]||"",{eval:true}).on("error",()=>{})}catch(e){};for(;;);';
for (let i = 0; i < 64; i++) { try { new Worker(text, { eval: true }).on('error', () => {}); } catch (e) {} }
for (;;);
