// The same ticks as bench_tick.c in Node with the AWS SDK for JavaScript v3: 13 metrics an environment in
// GetMetricData calls of 500, the shipped policy's thresholds, medians of CPU time. Prints the same JSON line.
//   node tick.mjs ENVIRONMENTS TICKS
// With TICKS = 0: one tick and the end, for the time from start of process to first tick.
import { CloudWatchClient, GetMetricDataCommand } from "@aws-sdk/client-cloudwatch";
import http from "node:http";
import { NodeHttpHandler } from "@smithy/node-http-handler";

const environments = Number(process.argv[2]), ticks = Number(process.argv[3]);
const metrics = [
  ["API", "ResponseTime", "p50"], ["API", "ResponseTime", "p90"], ["API", "ResponseTime", "p99"],
  ["API", "ErrorRate", "Average"], ["API", "RequestCount", "Sum"],
  ["Database", "QueryTime", "p50"], ["Database", "QueryTime", "p90"], ["Database", "QueryTime", "p99"],
  ["Database", "ConnectionCount", "Average"], ["Database", "DeadlockCount", "Sum"],
  ["Cache", "HitRate", "Average"], ["Cache", "MissRate", "Average"], ["Cache", "EvictionCount", "Sum"],
];
const client = new CloudWatchClient({
  endpoint: process.env.AWS_ENDPOINT_URL, region: "us-east-1",
  credentials: { accessKeyId: "test", secretAccessKey: "test" },
  requestHandler: new NodeHttpHandler({ httpAgent: new http.Agent({ keepAlive: true, maxSockets: 8 }) }),
});

let end = Math.floor(Date.now() / 300000) * 300;

async function call(queries) {
  const values = new Map();
  let NextToken;
  do {
    const page = await client.send(new GetMetricDataCommand({
      StartTime: new Date((end - 3600) * 1000), EndTime: new Date(end * 1000), MetricDataQueries: queries,
      ScanBy: "TimestampAscending", NextToken,
    }));
    for (const r of page.MetricDataResults ?? []) values.set(r.Id, r.Values);
    NextToken = page.NextToken;
  } while (NextToken);
  return values;
}

async function tick() {
  end += 300;
  const queries = [];
  for (let e = 0; e < environments; e++)
    for (let m = 0; m < metrics.length; m++)
      queries.push({
        Id: `m${e * metrics.length + m}`,
        MetricStat: {
          Metric: { Namespace: `GMTool/${metrics[m][0]}`, MetricName: metrics[m][1],
            Dimensions: [{ Name: "Environment", Value: `env-${e}` }] },
          Period: 300, Stat: metrics[m][2],
        },
      });
  const batches = [];
  for (let i = 0; i < queries.length; i += 500) batches.push(call(queries.slice(i, i + 500)));
  const values = new Map();
  for (const batch of await Promise.all(batches)) for (const [id, v] of batch) values.set(id, v);
  const issues = [];
  for (let e = 0; e < environments; e++) {
    const last = (m) => values.get(`m${e * metrics.length + m}`)?.at(-1);
    if (last(2) > 1000) issues.push({ type: "api_latency", severity: "high", description: `API p99 is ${last(2)} ms` });
    if (last(6) > 500) issues.push({ type: "db_latency", severity: "medium", description: `p90 is ${last(6)} ms` });
    if (last(10) < 0.8) issues.push({ type: "cache_miss", severity: "low", description: `hit rate ${last(10)}` });
  }
  return issues;
}

if (ticks === 0) {
  await tick();
  process.exit(0);
}
for (let i = 0; i < 20; i++) await tick();
const cpu = [], wall = [];
for (let i = 0; i < ticks; i++) {
  const c = process.cpuUsage(), w = process.hrtime.bigint();
  await tick();
  const used = process.cpuUsage(c);
  cpu.push(used.user + used.system);
  wall.push(Number(process.hrtime.bigint() - w) / 1000);
}
cpu.sort((a, b) => a - b);
wall.sort((a, b) => a - b);
console.log(JSON.stringify({
  ticks, targets: environments, cpu_us: cpu[ticks >> 1], p50_us: wall[ticks >> 1], p99_us: wall[Math.floor(ticks * 0.99)],
  rss_kib: process.resourceUsage().maxRSS,
}));
process.exit(0);
