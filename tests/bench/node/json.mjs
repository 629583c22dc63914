// JSON.parse of the text in FILE: the median MB/s of CPU time, its share of the collector's work included.
//   node json.mjs FILE ROUNDS
// Prints one JSON line: { "mb_s" }.
import { readFileSync } from "node:fs";

const bytes = readFileSync(process.argv[2]), rounds = Number(process.argv[3]), BATCH = 10;
const micros = ({ user, system }) => user + system;
const times = [];
let kept;
for (let i = -10; i < rounds; i++) {
  const before = process.cpuUsage();
  for (let j = 0; j < BATCH; j++) kept = JSON.parse(bytes.toString()); // an answer arrives as bytes
  if (i >= 0) times.push(micros(process.cpuUsage(before)) / BATCH);
}
if (kept.services.length !== 100) throw new Error("not the answer of DescribeServices");
times.sort((a, b) => a - b);
console.log(JSON.stringify({ mb_s: bytes.length / times[times.length >> 1] }));
