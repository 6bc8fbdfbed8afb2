// The peer around the AWS Encryption SDK for JavaScript (Node.js): JSON lines in on standard input, answers on file descriptor 3 (see
// PROTOCOL.md).
"use strict";

const crypto = require("node:crypto");
const fs = require("node:fs");
const path = require("node:path");
const readline = require("node:readline");
const sdk = require("@aws-crypto/client-node");

const suites = new Map(
  Object.values(sdk.AlgorithmSuiteIdentifier)
    .filter((v) => typeof v === "number")
    .map((v) => [v.toString(16).padStart(4, "0"), v]),
);
const policies = {
  "require-encrypt-require-decrypt": sdk.CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT,
  "require-encrypt-allow-decrypt": sdk.CommitmentPolicy.REQUIRE_ENCRYPT_ALLOW_DECRYPT,
  "forbid-encrypt-allow-decrypt": sdk.CommitmentPolicy.FORBID_ENCRYPT_ALLOW_DECRYPT,
};
const wrapping = {
  16: sdk.RawAesWrappingSuiteIdentifier.AES128_GCM_IV12_TAG16_NO_PADDING,
  24: sdk.RawAesWrappingSuiteIdentifier.AES192_GCM_IV12_TAG16_NO_PADDING,
  32: sdk.RawAesWrappingSuiteIdentifier.AES256_GCM_IV12_TAG16_NO_PADDING,
};
const paddings = {
  pkcs1: { padding: crypto.constants.RSA_PKCS1_PADDING },
  "oaep-sha1": { padding: crypto.constants.RSA_PKCS1_OAEP_PADDING, oaepHash: "sha1" },
  "oaep-sha256": { padding: crypto.constants.RSA_PKCS1_OAEP_PADDING, oaepHash: "sha256" },
  "oaep-sha384": { padding: crypto.constants.RSA_PKCS1_OAEP_PADDING, oaepHash: "sha384" },
  "oaep-sha512": { padding: crypto.constants.RSA_PKCS1_OAEP_PADDING, oaepHash: "sha512" },
};
const encryptFields = ["keyring", "suite", "frame_length", "plaintext_b64", "context", "required_context_keys", "commitment_policy",
  "max_edks", "path"];
const decryptFields = ["keyring", "ciphertext_b64", "required_context_keys", "reproduced_context", "commitment_policy", "max_edks", "path"];

// Failure is an answer that is not ok; kind is one of PROTOCOL.md.
class Failure extends Error {
  constructor(kind, text) {
    super(text);
    this.kind = kind;
  }
}

const bad = (text) => new Failure("request", text);
const from = (kind, e) => new Failure(kind, `${e?.name ?? "Error"}: ${e?.message ?? e}`);
const isObject = (v) => typeof v === "object" && v !== null && !Array.isArray(v);
const has = (o, name) => Object.hasOwn(o, name);

function only(o, ...names) {
  for (const f of Object.keys(o)) if (!names.includes(f)) throw bad(`the unknown field ${JSON.stringify(f)}`);
}

function text(o, name) {
  if (!has(o, name)) throw bad(`${name} is missing`);
  if (typeof o[name] !== "string") throw bad(`${name} has the wrong type`);
  return o[name];
}

function integer(o, name) {
  if (!has(o, name)) throw bad(`${name} is missing`);
  if (!Number.isSafeInteger(o[name])) throw bad(`${name} has the wrong type`);
  return o[name];
}

function choice(table, o, name) {
  const key = text(o, name);
  if (!has(table, key)) throw bad(`unknown ${name}`);
  return table[key];
}

// bytes decodes base64 strictly, into memory of its own: the library refuses a part of a shared pool as a key.
function bytes(o, name) {
  const s = text(o, name);
  const b = Buffer.from(s, "base64");
  if (b.toString("base64") !== s) throw bad(`${name} is not base64`);
  return new Uint8Array(b);
}

// strings copies an object of strings to one without a prototype, so that every name is an ordinary key.
function strings(o, name) {
  const copy = Object.create(null);
  if (!has(o, name)) return copy;
  if (!isObject(o[name])) throw bad(`${name} has the wrong type`);
  for (const [k, v] of Object.entries(o[name])) {
    if (typeof v !== "string") throw bad(`${name} has a value that is not a string`);
    copy[k] = v;
  }
  return copy;
}

function construct(f) {
  try {
    return f();
  } catch (e) {
    throw from("keyring", e);
  }
}

function newKeyring(d) {
  if (!isObject(d)) throw bad("keyring is not an object");
  switch (text(d, "type")) {
    case "raw-aes": {
      only(d, "type", "namespace", "name", "key_b64");
      const key = bytes(d, "key_b64");
      if (!has(wrapping, key.length)) throw bad("a raw AES key has 16, 24 or 32 bytes");
      const keyNamespace = text(d, "namespace");
      const keyName = text(d, "name");
      // Without utf8Sorting the library sorts the context in the order of the locale, which no other client does.
      return construct(() => new sdk.RawAesKeyringNode({
        keyNamespace, keyName, unencryptedMasterKey: key, wrappingSuite: wrapping[key.length], utf8Sorting: true,
      }));
    }
    case "raw-rsa": {
      only(d, "type", "namespace", "name", "padding", "public_pem", "private_pem");
      const rsaKey = {};
      if (has(d, "public_pem")) rsaKey.publicKey = text(d, "public_pem");
      if (has(d, "private_pem")) rsaKey.privateKey = text(d, "private_pem");
      const options = { keyNamespace: text(d, "namespace"), keyName: text(d, "name"), rsaKey, ...choice(paddings, d, "padding") };
      return construct(() => new sdk.RawRsaKeyringNode(options));
    }
    case "multi": {
      only(d, "type", "generator", "children");
      const generator = has(d, "generator") && d.generator !== null ? newKeyring(d.generator) : undefined;
      if (has(d, "children") && !Array.isArray(d.children)) throw bad("children has the wrong type");
      const children = (d.children ?? []).map(newKeyring);
      return construct(() => new sdk.MultiKeyringNode({ generator, children }));
    }
    default:
      throw new Failure("unsupported", `no keyring of type ${JSON.stringify(d.type)}`);
  }
}

function newClient(r) {
  if (has(r, "required_context_keys")) throw new Failure("unsupported", "the library has no required-context manager");
  if (has(r, "path") && text(r, "path") !== "keyring") {
    if (r.path === "master-key") throw new Failure("unsupported", "there is no path master-key");
    throw bad("unknown path");
  }
  const commitmentPolicy = has(r, "commitment_policy")
    ? choice(policies, r, "commitment_policy")
    : policies["require-encrypt-require-decrypt"];
  const maxEncryptedDataKeys = has(r, "max_edks") ? integer(r, "max_edks") : false;
  return construct(() => sdk.buildClient({ commitmentPolicy, maxEncryptedDataKeys }));
}

// encryption returns a function that encrypts as the request says.
function encryption(r, ...more) {
  only(r, "id", "op", ...encryptFields, ...more);
  const plaintext = bytes(r, "plaintext_b64");
  const options = { encryptionContext: strings(r, "context") };
  if (has(r, "frame_length")) options.frameLength = integer(r, "frame_length");
  if (has(r, "suite")) {
    const suite = text(r, "suite");
    if (!/^[0-9a-fA-F]{4}$/.test(suite)) throw bad("suite is not four hex digits");
    if (!suites.has(suite.toLowerCase())) throw new Failure("unsupported", `no suite ${suite}`);
    options.suiteId = suites.get(suite.toLowerCase());
  }
  const client = newClient(r);
  if (!has(r, "keyring")) throw bad("keyring is missing");
  const keyring = newKeyring(r.keyring);
  return () => client.encrypt(keyring, plaintext, options);
}

// decryption returns a function that decrypts as the request says.
function decryption(r, ...more) {
  only(r, "id", "op", ...decryptFields, ...more);
  const ciphertext = bytes(r, "ciphertext_b64");
  if (has(r, "reproduced_context")) throw new Failure("unsupported", "the library has no reproduced context");
  const client = newClient(r);
  if (!has(r, "keyring")) throw bad("keyring is missing");
  const keyring = newKeyring(r.keyring);
  return () => client.decrypt(keyring, ciphertext);
}

async function refusable(run) {
  try {
    return await run();
  } catch (e) {
    throw from("refused", e);
  }
}

const described = (header) => ({
  suite: header.suiteId.toString(16).padStart(4, "0"),
  context: { ...header.encryptionContext },
});

const operations = {
  hello(r) {
    only(r, "id", "op");
    const manifest = path.join(path.dirname(require.resolve("@aws-crypto/client-node")), "../../../package.json");
    return {
      peer: "javascript",
      language: `Node.js ${process.versions.node}`,
      library: "@aws-crypto/client-node",
      versions: { "@aws-crypto/client-node": JSON.parse(fs.readFileSync(manifest, "utf8")).version, openssl: process.versions.openssl },
      capabilities: {
        suites: [...suites.keys()].sort(),
        keyrings: ["raw-aes", "raw-rsa", "multi"],
        rsa_paddings: Object.keys(paddings),
        ecdh_curves: [],
        ecdh_schemas: [],
        paths: ["keyring"],
        writes_non_framed: false,
        required_context: false,
        reproduced_context: false,
        max_edks: true,
      },
    };
  },

  async encrypt(r) {
    const { result, messageHeader } = await refusable(encryption(r));
    return { ciphertext_b64: result.toString("base64"), ...described(messageHeader) };
  },

  async decrypt(r) {
    const { plaintext, messageHeader } = await refusable(decryption(r));
    return { plaintext_b64: plaintext.toString("base64"), ...described(messageHeader) };
  },

  async bench(r) {
    const of = text(r, "of");
    const warmup = integer(r, "warmup");
    const n = integer(r, "n");
    if (warmup < 0 || warmup > 1e7 || n < 1 || n > 1e7) throw bad("warmup or n is out of range");
    let run;
    if (of === "encrypt") run = encryption(r, "of", "warmup", "n");
    else if (of === "decrypt") run = decryption(r, "of", "warmup", "n");
    else throw bad("unknown of");
    return refusable(async () => {
      for (let i = 0; i < warmup; i++) await run();
      const times = [];
      for (let i = 0; i < n; i++) {
        const start = process.hrtime.bigint();
        await run();
        times.push(Number(process.hrtime.bigint() - start));
      }
      times.sort((a, b) => a - b);
      return {
        n,
        mean_ns: Math.round(times.reduce((a, b) => a + b, 0) / n),
        median_ns: Math.round((times[(n - 1) >> 1] + times[n >> 1]) / 2),
        min_ns: times[0],
      };
    });
  },
};

async function answer(line) {
  let id = null;
  try {
    let r;
    try {
      r = JSON.parse(line);
    } catch {
      throw bad("not JSON");
    }
    if (!isObject(r)) throw bad("not an object");
    if (typeof r.id === "string" || typeof r.id === "number") id = r.id;
    const op = text(r, "op");
    if (!has(operations, op)) throw bad("unknown op");
    return { id, ok: true, ...(await operations[op](r)) };
  } catch (e) {
    const f = e instanceof Failure ? e : from("internal", e);
    return { id, ok: false, error: { kind: f.kind, text: f.message } };
  }
}

async function main() {
  // The library's streams may reject a second time after the operation has already failed.
  process.on("unhandledRejection", (e) => console.error("peer: unhandled rejection:", e));
  for await (const line of readline.createInterface({ input: process.stdin, crlfDelay: Infinity, terminal: false })) {
    const out = Buffer.from(JSON.stringify(await answer(line)) + "\n");
    for (let at = 0; at < out.length; ) at += fs.writeSync(3, out, at);
  }
}

main().catch((e) => {
  console.error("peer:", e);
  process.exit(1);
});
