// The signed calls of bench_calls.c by the AWS SDK for JavaScript v3: HTTPS keep-alive, AT_ONCE under way.
//   NODE_EXTRA_CA_CERTS=FILE node calls.mjs PORT CALLS AT_ONCE
// Prints one JSON line: { "per_s" }, the median calls a second of CPU time.
import { DescribeServicesCommand, ECSClient } from "@aws-sdk/client-ecs";
import https from "node:https";
import { NodeHttpHandler } from "@smithy/node-http-handler";

const [port, calls, atOnce] = process.argv.slice(2).map(Number);
const client = new ECSClient({
  endpoint: `https://localhost:${port}/ecs`, region: "eu-west-1",
  credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" },
  requestHandler: new NodeHttpHandler({ httpsAgent: new https.Agent({ keepAlive: true, maxSockets: atOnce }) }),
});

async function run(count) {
  let left = count;
  await Promise.all(Array.from({ length: atOnce }, async () => {
    while (left-- > 0) {
      const r = await client.send(new DescribeServicesCommand({ cluster: "gm-tool-production", services: ["api"] }));
      if (r.services[0].desiredCount !== 2) throw new Error("not the answer that was expected");
    }
  }));
}

await run(Math.max(calls / 4, atOnce * 4)); // connections are made, code is compiled
const rates = [];
for (let round = 0; round < 5; round++) {
  const before = process.cpuUsage();
  await run(calls);
  const { user, system } = process.cpuUsage(before);
  rates.push(calls * 1e6 / (user + system));
}
rates.sort((a, b) => a - b);
console.log(JSON.stringify({ per_s: rates[2] }));
client.destroy();
