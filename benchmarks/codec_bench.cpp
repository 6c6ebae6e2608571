// Codecs on 3 MB of activations, beside a memory copy: seconds per byte of f32, both ways.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "dispart/core/random.hpp"
#include "dispart/run/standard_codecs.hpp"

namespace {

using namespace dispart;

/// As a Relu leaves them: about half zeros.
tensor activations() {
    random_source random(1);
    tensor t(dtype::f32, {1, 64, 112, 112});
    for (float& x : t.data<float>()) {
        const double u = random.uniform(-1.0, 1.0) + random.uniform(-1.0, 1.0) + random.uniform(-1.0, 1.0);
        x = static_cast<float>(std::max(0.0, u));
    }
    return t;
}

const tensor& sample() {
    static const tensor made = activations();
    return made;
}

void count_bytes(benchmark::State& state) {
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) *
                            static_cast<std::int64_t>(sample().size_bytes()));
}

void copy(benchmark::State& state) {
    tensor to = sample().clone();
    for (auto _ : state) {
        std::memcpy(to.bytes().data(), sample().bytes().data(), to.size_bytes());
        benchmark::ClobberMemory();
    }
    count_bytes(state);
}
BENCHMARK(copy)->Name("memcpy");

void encode_with(benchmark::State& state, const any_codec& codec) {
    std::vector<std::byte> out;
    for (auto _ : state) {
        out.clear();
        if (!codec.encode(sample(), out)) state.SkipWithError("not encoded");
        benchmark::ClobberMemory();
    }
    count_bytes(state);
    state.counters["ratio"] = static_cast<double>(sample().size_bytes()) / static_cast<double>(out.size());
}

void decode_with(benchmark::State& state, const any_codec& codec) {
    std::vector<std::byte> codes;
    if (!codec.encode(sample(), codes)) state.SkipWithError("not encoded");
    tensor to(sample().type(), sample().dims());
    for (auto _ : state) {
        if (!codec.decode(codes, to)) state.SkipWithError("not decoded");
        benchmark::ClobberMemory();
    }
    count_bytes(state);
}

}  // namespace

int main(int argc, char** argv) {
    const codec_table codecs = all_codecs();
    for (const any_codec& each : codecs) {
        benchmark::RegisterBenchmark(("encode/" + each.name()).c_str(), encode_with, each);
        benchmark::RegisterBenchmark(("decode/" + each.name()).c_str(), decode_with, each);
    }
    benchmark::Initialize(&argc, argv);
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}
