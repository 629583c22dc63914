// The requests of bench_sign.c, signed by aws4 and by the AWS SDK's @smithy/signature-v4: medians of CPU nanoseconds.
//   node sign.mjs [BATCHES]
// Prints one JSON line: { "aws4": { "post_1k", "post_64k", "get" }, "smithy": { ... } }.
import aws4 from "aws4";
import { SignatureV4 } from "@smithy/signature-v4";
import { createHash, createHmac } from "node:crypto";

const batches = Number(process.argv[2] ?? 101), BATCH_NS = 5e6;
const host = "monitoring.eu-west-1.amazonaws.com", region = "eu-west-1", service = "monitoring";
const credentials = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" };
const text = (bytes) => Buffer.from(Uint8Array.from({ length: bytes }, (_, i) => 97 + (i % 26))).toString();
const jsonHeaders = {
  "content-type": "application/x-amz-json-1.0", "x-amz-target": "GraniteServiceVersion20100801.GetMetricData",
};
const query = {
  Qualifier: "LATEST", MaxItems: "50", Marker: "abcdef0123456789", FunctionVersion: "ALL", zone: "eu-west-1a",
  name: "caf\u00e9 bar", tag: "a/b", Empty: "", key: "value", Key: "Value",
};
const path = "/2015-03-31/functions/my-function";
const cases = {
  post_1k: { method: "POST", path: "/", headers: jsonHeaders, body: text(1024) },
  post_64k: { method: "POST", path: "/", headers: jsonHeaders, body: text(65536) },
  get: { method: "GET", path, headers: {}, query },
};

// What the SDK uses in Node (@smithy/hash-node).
class Sha256 {
  constructor(secret) { this.hash = secret ? createHmac("sha256", secret) : createHash("sha256"); }
  update(data) { this.hash.update(data); }
  async digest() { return this.hash.digest(); }
}
const signer = new SignatureV4({ service, region, credentials, sha256: Sha256, applyChecksum: false });
const encode = (value) => encodeURIComponent(value).replace(/[!'()*]/g, (c) => "%" + c.charCodeAt(0).toString(16).toUpperCase());
const search = Object.entries(query).map(([k, v]) => `${encode(k)}=${encode(v)}`).join("&");

const peers = {
  aws4: (c) => aws4.sign({
    host, service, region, method: c.method, path: c.query ? `${c.path}?${search}` : c.path,
    headers: { ...c.headers }, body: c.body,
  }, credentials),
  smithy: (c) => signer.sign({
    method: c.method, protocol: "https:", hostname: host, path: c.path, query: c.query ?? {},
    headers: { host, ...c.headers }, body: c.body,
  }),
};

async function batch(sign, c, rounds) {
  const before = process.cpuUsage();
  for (let i = 0; i < rounds; i++) {
    const made = sign(c);
    if (made instanceof Promise) await made;
  }
  const spent = process.cpuUsage(before);
  return ((spent.user + spent.system) * 1000) / rounds;
}

const out = {};
for (const [peer, sign] of Object.entries(peers)) {
  out[peer] = {};
  for (const [name, c] of Object.entries(cases)) {
    await batch(sign, c, 500); // compiled, caches filled
    const rounds = Math.ceil(BATCH_NS / (await batch(sign, c, 100)));
    const times = [];
    for (let i = 0; i < batches; i++) times.push(await batch(sign, c, rounds));
    out[peer][name] = times.sort((a, b) => a - b)[batches >> 1];
  }
}
console.log(JSON.stringify(out));
