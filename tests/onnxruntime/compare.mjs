// What ONNX Runtime computes, for tests and benchmarks.
//   node compare.mjs MODEL.onnx [--out DIR] [NAME=1x3x224x224 ...]    writes DIR/MODEL.ref.json and DIR/MODEL.outK.f32
//   node compare.mjs MODEL.onnx --time N [NAME=...]                   prints seconds of N runs on one thread as JSON
// Inputs follow one rule: row-major, std::minstd_rand0 from seed 1, float32 value 2x/2147483647 - 1, int64 value x mod 2,
// restarted for each input. An unknown dimension is 1 unless the input's shape is given.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import ort from 'onnxruntime-node';

const rule = 'row-major: x0=1; x=(x*16807) mod 2147483647 (std::minstd_rand0); float32: 2*x/2147483647-1, int64: x mod 2; restarted for each input';

// The fields of a protobuf message as [number, value]: a number for varints, a Buffer for length-delimited ones.
function* fields(message) {
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = message[at++];
      if (byte === undefined) throw new Error('truncated protobuf');
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return Number(BigInt.asIntN(64, value));
    }
  };
  while (at < message.length) {
    const key = varint();
    const number = key >> 3;
    switch (key & 7) {
      case 0: yield [number, varint()]; break;
      case 1: at += 8; break;
      case 2: { const size = varint(); yield [number, message.subarray(at, at + size)]; at += size; break; }
      case 5: at += 4; break;
      default: throw new Error('not a protobuf');
    }
  }
}
const all = (message, number) => [...fields(message)].filter(([n]) => n === number).map(([, value]) => value);
const first = (message, number, otherwise = Buffer.alloc(0)) => all(message, number)[0] ?? otherwise;

// name -> type and shape of every graph input that is not an initialiser, in the file's order (onnx.proto's numbers).
function graphInputs(file) {
  const graph = first(readFileSync(file), 7);
  const initialised = new Set(all(graph, 5).map((tensor) => first(tensor, 8).toString()));
  const inputs = new Map();
  for (const input of all(graph, 11)) {
    const name = first(input, 1).toString();
    const tensor = first(first(input, 2), 1);
    if (initialised.has(name)) continue;
    const type = { 1: 'float32', 7: 'int64' }[first(tensor, 1, 1)];
    if (!type) throw new Error(`input ${name} is neither float32 nor int64`);
    inputs.set(name, { type, shape: all(first(tensor, 2), 1).map((dim) => Math.max(1, first(dim, 1, 1))) });
  }
  return inputs;
}

function seeded({ type, shape }) {
  const values = new (type === 'int64' ? BigInt64Array : Float32Array)(shape.reduce((a, b) => a * b, 1));
  for (let i = 0, x = 1; i < values.length; ++i) {
    x = (x * 16807) % 2147483647;
    values[i] = type === 'int64' ? BigInt(x % 2) : (2 * x) / 2147483647 - 1;
  }
  return new ort.Tensor(type, values, shape);
}

function options(args) {
  const found = { out: '.', time: 0, shapes: new Map() };
  for (let i = 0; i < args.length; ++i) {
    if (args[i] === '--out') found.out = args[++i];
    else if (args[i] === '--time') found.time = Number(args[++i]);
    else if (args[i].includes('=')) {
      const [name, dims] = args[i].split('=');
      found.shapes.set(name, dims.split('x').filter(Boolean).map(Number));
    } else found.model = args[i];
  }
  if (!found.model) throw new Error('usage: node compare.mjs MODEL.onnx [--out DIR | --time N] [NAME=1x3x224x224 ...]');
  return found;
}

async function writeReference(session, feeds, { model, out }) {
  const stem = path.basename(model, '.onnx');
  const results = await session.run(feeds);
  mkdirSync(out, { recursive: true });
  const outputs = session.outputNames.map((name, k) => {
    const { data, dims, type } = results[name];
    if (type !== 'float32') throw new Error(`output ${name} is ${type}, not float32`);
    const file = `${stem}.out${k}.f32`;
    writeFileSync(path.join(out, file), new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    return { name, shape: dims.map(Number), file };
  });
  const inputs = Object.entries(feeds).map(([name, tensor]) => ({ name, type: tensor.type, shape: tensor.dims.map(Number) }));
  const reference = { model: path.basename(model), input_rule: rule, inputs, outputs,
                      computed_with: 'ONNX Runtime, CPU, graph optimisations disabled' };
  writeFileSync(path.join(out, `${stem}.ref.json`), JSON.stringify(reference, null, 1));
}

async function time(session, feeds, { model, time: runs }) {
  await session.run(feeds);
  const seconds = [];
  for (let i = 0; i < runs; ++i) {
    const start = process.hrtime.bigint();
    await session.run(feeds);
    seconds.push(Number(process.hrtime.bigint() - start) / 1e9);
  }
  seconds.sort((a, b) => a - b);
  console.log(JSON.stringify({ model: path.basename(model), runs, median_s: seconds[runs >> 1], min_s: seconds[0] }));
}

try {
  const wanted = options(process.argv.slice(2));
  const inputs = [...graphInputs(wanted.model)].map(([name, { type, shape }]) =>
    [name, { type, shape: wanted.shapes.get(name) ?? shape }]);
  const feeds = Object.fromEntries(inputs.map(([name, about]) => [name, seeded(about)]));
  const session = await ort.InferenceSession.create(wanted.model, {
    executionProviders: ['cpu'], intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3,
    graphOptimizationLevel: wanted.time ? 'all' : 'disabled' });
  await (wanted.time ? time : writeReference)(session, feeds, wanted);
} catch (error) {
  console.error(`compare.mjs: ${error.message}`);
  process.exitCode = 1;
}
